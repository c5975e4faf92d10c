use super::*;

fn item(host: &str, source: &str, tags: &[(&str, &str)]) -> RetentionItem {
    let mut item = RetentionItem::new("a", jiff::Timestamp::UNIX_EPOCH, host, source);
    item.tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    item
}

#[test]
fn tags_match_by_key_or_by_key_and_value() {
    let tagged = item("web1", "home", &[("plan", "daily"), ("empty", "")]);
    let matches = |text: &str| text.parse::<TagFilter>().unwrap().matches(&tagged.tags);
    assert!(matches("plan") && matches("plan=daily") && matches("empty=") && matches("empty"));
    assert!(!matches("plan=") && !matches("plan=dail") && !matches("daily") && !matches("empty=x"));
    for text in ["", "=daily"] {
        assert_eq!(text.parse::<TagFilter>(), Err(RetentionParseError::Tag { text: text.to_owned() }));
    }
    assert_eq!("a=b=c".parse::<TagFilter>().unwrap().to_string(), "a=b=c");
}

#[test]
fn a_selection_needs_one_of_the_names_and_all_tags() {
    let selection = RetentionSelection {
        hosts: vec!["web1".into(), "web2".into()],
        sources: vec!["home".into()],
        tags: vec!["plan".parse().unwrap(), "zone=a".parse().unwrap()],
    };
    let tags = [("plan", "daily"), ("zone", "a")];
    assert!(
        selection.matches(&item("web1", "home", &tags)) && selection.matches(&item("web2", "home", &tags))
    );
    assert!(!selection.matches(&item("web3", "home", &tags)));
    assert!(!selection.matches(&item("web1", "etc", &tags)));
    assert!(!selection.matches(&item("web1", "home", &tags[..1])));
    assert!(RetentionSelection::default().matches(&item("web3", "etc", &[])));
}

#[test]
fn groups_are_read() {
    let all = GroupBy { host: true, source: true, tags: true };
    assert_eq!("tags, source,host".parse(), Ok(all));
    assert_eq!("host,source".parse(), Ok(GroupBy::default()));
    assert_eq!(" ".parse(), Ok(GroupBy { host: false, source: false, tags: false }));
    for (text, field) in [("host,", ""), ("paths", "paths"), ("host;source", "host;source")] {
        let error = RetentionParseError::GroupBy { field: field.to_owned() };
        assert_eq!(text.parse::<GroupBy>(), Err(error));
    }
}

#[test]
fn a_key_has_only_what_is_grouped_by() {
    let key = GroupBy::default().key(&item("web1", "home", &[("plan", "daily")]));
    assert_eq!((key.host.as_deref(), key.source.as_deref(), key.tags), (Some("web1"), Some("home"), None));
}
