use super::*;

#[test]
fn schemes_have_names() {
    for scheme in Scheme::ALL {
        assert_eq!(scheme.to_string().parse(), Ok(scheme));
        assert!(RetentionParseError::Scheme { text: String::new() }.to_string().contains(scheme.name()));
    }
    for text in ["", "GFS", "daily", "gfs,daily-14"] {
        assert_eq!(text.parse::<Scheme>(), Err(RetentionParseError::Scheme { text: text.to_owned() }));
    }
}

#[test]
fn no_scheme_contradicts_itself() {
    for scheme in Scheme::ALL {
        let rules = scheme.rules();
        for (index, rule) in rules.iter().enumerate() {
            assert!(!rules[..index].iter().any(|other| other.contradicts(rule) || other == rule), "{scheme}");
        }
    }
}
