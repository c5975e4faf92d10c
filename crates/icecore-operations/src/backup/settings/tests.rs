use icecore_backup::request::IgnoredChanges;
use icecore_policy::Configuration;

use super::{ChosenSettings, PatternOrigin, SnapshotSettings, SourceSettings};

#[test]
fn patterns_and_tags_of_a_run_come_in_addition_and_everything_else_instead() {
    let configuration = "\
[backup]
exclude = ['*.tmp']
exclude-file = ['/etc/excludes']
ignore-inode = true
compression-level = 5
pack-size = '16MiB'
tags = { plan = 'daily', owner = 'alice' }
";
    let configured = Configuration::parse(configuration).unwrap().backup_settings(Some("home"));
    let chosen = ChosenSettings {
        exclude: vec!["/cache/".to_owned()],
        exclude_files: vec!["/root/more".into()],
        snapshot: SnapshotSettings {
            ignored: IgnoredChanges { changed: true, inode: false },
            tags: [("plan".to_owned(), "weekly".to_owned())].into(),
            ..SnapshotSettings::default()
        },
        compression_level: Some(9),
        skip_verification: true,
        ..ChosenSettings::default()
    };
    let merged = SourceSettings::merge(configured, &chosen);
    let origins = [
        PatternOrigin::File("/etc/excludes".into()),
        PatternOrigin::Configured("*.tmp".to_owned()),
        PatternOrigin::File("/root/more".into()),
    ];
    assert_eq!((merged.patterns, merged.chosen_patterns), (origins.to_vec(), chosen.exclude));
    assert_eq!(merged.snapshot.ignored, IgnoredChanges { changed: true, inode: true });
    let tags: Vec<_> =
        merged.snapshot.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("owner", "alice"), ("plan", "weekly")]);
    let write = merged.write;
    assert_eq!((write.compression_level, write.pack_bytes, write.verify), (9, 16 << 20, false));
}
