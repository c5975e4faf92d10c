use std::num::{NonZeroU64, NonZeroUsize};

use super::*;
use crate::{
    error::TextPosition,
    s3_settings::{S3Addressing, S3Encryption},
};

const MANUAL: &str = include_str!("../../../../docs/configuration.md");

fn parse(text: &str) -> Configuration {
    Configuration::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Returns the error as text.
fn fault(text: &str) -> String {
    Configuration::parse(text).expect_err(text).to_string()
}

fn example() -> &'static str {
    let (_, rest) = MANUAL.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn nothing_gives_the_defaults() {
    for text in ["", "# only a comment\n", "[backup]\n", "[sources]\n"] {
        assert_eq!(parse(text), Configuration::default());
    }
    let settings = parse("").backup_settings(None);
    assert_eq!(settings, BackupSettings::default());
    assert_eq!((settings.compression_level, settings.pack_bytes), (3, 64 << 20));
}

#[test]
fn the_manual_is_right() {
    let configuration = parse(example());
    assert_eq!(configuration.repository.as_deref(), Some("/srv/backup"));
    assert_eq!(configuration.unlock, Some(UnlockMethod::KeyFile("/etc/icecore/repository.key".into())));
    assert_eq!(configuration.cache_directory, Some("/var/cache/icecore".into()));
    assert_eq!(configuration.cache_bytes_max, Some(16 << 30));
    assert_eq!(configuration.index_memory_bytes, Some(40 << 20));
    let sources: Vec<_> = configuration.sources().collect();
    assert_eq!(sources, [("database", Path::new("/var/lib/postgresql")), ("home", Path::new("/home"))]);
    let general = configuration.backup_settings(None);
    let database = configuration.backup_settings(Some("database"));
    assert_eq!(general.read_concurrency, NonZeroUsize::new(16));
    assert_eq!((database.compression_level, database.tags.len()), (9, 2));
    assert!(database.one_file_system && !general.one_file_system && database.exclude_caches);
    assert_eq!(database.exclude, general.exclude);
    assert_eq!(configuration.backup_settings(Some("home")).exclude, [".cache/", "*.tmp"]);
}

#[test]
fn the_manual_names_every_key() {
    // The library lists all keys of a table when it finds an unknown one.
    for text in ["x = 1", "[s3]\nx = 1", "[backup]\nx = 1", "[sources.s]\nx = 1"] {
        let fault = fault(text);
        let (_, keys) = fault.split_once("expected one of ").unwrap();
        for key in keys.split(", ").map(|key| key.trim_matches('`')) {
            let row = ["backup", "s3", "sources"].contains(&key) || MANUAL.contains(&format!("| `{key}` |"));
            assert!(row, "{key}");
            assert!(example().contains(key), "{key}");
        }
    }
}

#[test]
fn a_source_replaces_what_it_names() {
    let configuration = parse(
        "[backup]\nexclude = ['a']\nexclude-file = ['/x']\nexclude-caches = true\none-file-system = true\nallow-empty = true\n\
         ignore-ctime = true\nignore-inode = true\n\
         compression-level = 1\nread-concurrency = 2\npack-size = '2MiB'\ntags = { a = '1', b = '2' }\n\
         [sources.same]\npath = '/same'\n\
         [sources.other]\npath = '/other'\nexclude = []\nexclude-file = ['/y', '/z']\nexclude-caches = false\n\
         one-file-system = false\nallow-empty = false\nignore-ctime = false\nignore-inode = false\n\
         compression-level = -7\nread-concurrency = 4\npack-size = 3145728\ntags = { c = '3' }\n",
    );
    let general = configuration.backup_settings(None);
    assert_eq!(configuration.backup_settings(Some("unknown")), general);
    let same = configuration.backup_settings(Some("same"));
    assert_eq!(same, BackupSettings { path: Some("/same".into()), ..general });
    let other = BackupSettings {
        path: Some("/other".into()),
        exclude: vec![],
        exclude_files: vec!["/y".into(), "/z".into()],
        exclude_caches: false,
        one_file_system: false,
        ignore_ctime: false,
        ignore_inode: false,
        allow_empty: false,
        compression_level: -7,
        read_concurrency: NonZeroUsize::new(4),
        pack_bytes: 3 << 20,
        tags: BTreeMap::from([("c".to_owned(), "3".to_owned())]),
    };
    assert_eq!(configuration.backup_settings(Some("other")), other);
}

#[test]
fn every_value_has_its_forms() {
    for (text, mode) in [
        ("auto", ProgressMode::Auto),
        ("plain", ProgressMode::Plain),
        ("json", ProgressMode::Json),
        ("none", ProgressMode::None),
    ] {
        assert_eq!(parse(&format!("progress = '{text}'")).progress, mode);
    }
    for text in ["/srv/x", "file:///srv/x", "s3://bucket/prefix"] {
        assert_eq!(parse(&format!("repository = '{text}'")).repository.as_deref(), Some(text));
    }
    let command = UnlockMethod::PasswordCommand("pass show x".to_owned());
    assert_eq!(parse("password-command = 'pass show x'").unlock, Some(command));
    assert_eq!(parse("password-file = '/p'").unlock, Some(UnlockMethod::PasswordFile("/p".into())));
    for (text, bytes) in [("0", 0), ("'1GiB'", 1 << 30), ("4000", 4_000)] {
        assert_eq!(parse(&format!("index-memory = {text}")).index_memory_bytes, Some(bytes));
    }
    for (text, bytes) in
        [("'1MiB'", 1 << 20), ("'240MiB'", 240 << 20), ("2000000", 2_000_000), ("'5 MB'", 5_000_000)]
    {
        assert_eq!(parse(&format!("backup.pack-size = {text}")).backup_settings(None).pack_bytes, bytes);
    }
    assert_eq!(parse("[sources.\"web server\"]\npath = '/w'").sources().next().unwrap().0, "web server");
}

#[test]
fn errors_name_place_and_key() {
    let cases = [
        ("progress = 'loud'", "line 1, column 12: progress: unknown variant `loud`"),
        ("\n\nrepositry = '/x'", "line 3, column 1: repositry: unknown field `repositry`, expected one of"),
        ("repository = ''", "line 1, column 14: repository: \"\" is neither a path"),
        ("repository = 'srv'", "line 1, column 14: repository: \"srv\" is neither a path"),
        ("cache-dir = '~/x'", "line 1, column 13: cache-dir: \"~/x\" does not begin with /"),
        ("cache-dir = 5", "line 1, column 13: cache-dir: invalid type: integer `5`, expected a string"),
        ("password-command = ' '", "line 1, column 20: password-command: it is empty"),
        ("key-file = \"/a\\u0000b\"", "line 1, column 12: key-file: a path cannot contain the character NUL"),
        (
            "[backup]\ncompression-level = 20",
            "line 2, column 21: backup.compression-level: 20 is out of range",
        ),
        (
            "[backup]\ncompression-level = -8",
            "line 2, column 21: backup.compression-level: -8 is out of range",
        ),
        (
            "[backup]\ncompression-level = 5000000000",
            "line 2, column 21: backup.compression-level: 5000000000",
        ),
        ("[backup]\nread-concurrency = 0", "line 2, column 20: backup.read-concurrency: 0 is out of range"),
        ("[backup]\nread-concurrency = -3", "line 2, column 20: backup.read-concurrency: -3 is out of range"),
        ("[backup]\nread-concurrency = 1025", "line 2, column 20: backup.read-concurrency: 1025 is out"),
        ("[backup]\npack-size = '1TiB'", "line 2, column 13: backup.pack-size: 1099511627776 bytes"),
        ("index-memory = -5", "line 1, column 16: index-memory: invalid value: integer `-5`"),
        ("[backup]\npack-size = 5", "line 2, column 13: backup.pack-size: 5 bytes is out of range"),
        ("[backup]\npack-size = -5", "line 2, column 13: backup.pack-size: invalid value: integer `-5`"),
        ("[backup]\npack-size = '64M'", "line 2, column 13: backup.pack-size: \"M\" is not a unit of size"),
        ("[backup]\npack-size = 1.5", "line 2, column 13: backup.pack-size: invalid type: floating point"),
        ("[backup]\nexclude = 'x'", "line 2, column 11: backup.exclude: invalid type: string \"x\""),
        ("[backup]\nexclude = [\n 'x',\n 5]", "line 4, column 2: backup.exclude: invalid type: integer `5`"),
        (
            "[backup]\nexclude-file = ['x']",
            "line 2, column 16: backup.exclude-file: \"x\" does not begin with /",
        ),
        ("[backup]\npath = '/x'", "line 2, column 1: backup.path: unknown field `path`"),
        ("[backup]\ntags = { a = 1 }", "line 2, column 14: backup.tags.a: invalid type: integer `1`"),
        ("[backup]\ntags = { 'a=b' = '' }", "line 2, column 8: backup.tags: the key of a tag"),
        ("[sources.a]\n", "line 1, column 1: sources.a: missing field `path`"),
        ("[sources.a]\npath = 'home'", "line 2, column 8: sources.a.path: \"home\" does not begin with /"),
        ("[sources.a]\npath = '/a'\nretention = 5", "line 3, column 1: sources.a.retention: unknown field"),
        (
            "[sources.'a@b']\npath = '/a'",
            "line 1, column 10: sources.\"a@b\": the name of a source cannot contain @",
        ),
        ("[sources.'']\npath = '/a'", "line 1, column 10: sources.\"\": the name of a source is empty"),
        ("schedule = 'daily'", "line 1, column 1: schedule: unknown field `schedule`"),
        ("a = ", "line 1, column 5: "),
        ("[backup\nx = 1", "line 1, column 8: "),
        ("progress = 'auto'\nprogress = 'none'", "line 2, column 1: "),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(text, expected)| (text, expected, fault(text)))
        .filter(|(_, expected, found)| !found.starts_with(*expected) || found.contains('\n'))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn two_ways_to_unlock_are_a_conflict() {
    let error = Configuration::parse("key-file = '/k'\n\n  password-file = '/p'\n").unwrap_err();
    let position = TextPosition { line: 3, column: 3 };
    assert_eq!(error, ConfigurationError::Conflict { position, key: "password-file", other: "key-file" });
    assert!(
        fault("password-command = 'c'\npassword-file = '/p'\nkey-file = '/k'")
            .starts_with("line 2, column 1: ")
    );
}

#[test]
fn damaged_text_never_panics() {
    let text = example();
    for position in (0..text.len()).filter(|position| text.is_char_boundary(*position)) {
        for insert in ["", "=", "[", "\"", "\u{0}", "ä", "\n"] {
            let changed = format!("{}{insert}{}", &text[..position], &text[position + 1..]);
            if let Err(error) = Configuration::parse(&changed) {
                assert!(error.to_string().starts_with("line "), "{error}");
            }
            drop(Configuration::parse(&text[..position]));
        }
    }
}

#[test]
fn settings_of_s3() {
    let text = r#"
        repository = "s3://bucket/prefix"
        [s3]
        endpoint-url = "https://s3.example.org"
        region = "eu-central-1"
        ca-file = "/etc/icecore/authority.pem"
        addressing = "path"
        encryption = "sse-kms"
        kms-key = "alias/backup"
        data-storage-class = "GLACIER_IR"
        meta-storage-class = "STANDARD_IA"
        requests = 16
        checksums = false
        limit-upload = "10MiB"
        limit-download = "1MB"
    "#;
    let s3 = Configuration::parse(text).unwrap().s3;
    let expected = S3Settings {
        endpoint_url: Some("https://s3.example.org".to_owned()),
        region: Some("eu-central-1".to_owned()),
        profile: None,
        ca_file: Some("/etc/icecore/authority.pem".into()),
        addressing: S3Addressing::Path,
        encryption: S3Encryption::SseKms,
        kms_key: Some("alias/backup".to_owned()),
        data_storage_class: Some("GLACIER_IR".to_owned()),
        meta_storage_class: Some("STANDARD_IA".to_owned()),
        requests_max: NonZeroUsize::new(16),
        skips_checksums: true,
        upload_bytes_per_second_max: NonZeroU64::new(10 << 20),
        download_bytes_per_second_max: NonZeroU64::new(1_000_000),
    };
    assert_eq!(s3, expected);
    assert_eq!(Configuration::parse("").unwrap().s3, S3Settings::default());
    assert_eq!(Configuration::parse("[s3]\nchecksums = true\n").unwrap().s3, S3Settings::default());
    for wrong in [
        "requests = 0",
        "requests = 5000",
        "limit-upload = \"0\"",
        "encryption = \"none\"",
        "checksums = \"md5\"",
        "endpoint = \"x\"",
    ] {
        assert!(Configuration::parse(&format!("[s3]\n{wrong}\n")).is_err(), "{wrong}");
    }
}
