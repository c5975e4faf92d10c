use super::*;

fn settings(change: impl FnOnce(&mut S3Settings)) -> S3Settings {
    let mut settings = S3Settings::default();
    change(&mut settings);
    settings
}

#[test]
fn settings_become_options() {
    let settings = settings(|settings| {
        settings.endpoint_url = Some("https://s3.example.org/".to_owned());
        settings.region = Some("eu-central-1".to_owned());
        settings.encryption = S3Encryption::SseKms;
        settings.kms_key = Some("alias/backup".to_owned());
        settings.data_storage_class = Some("DEEP_ARCHIVE".to_owned());
    });
    let options = options("bucket", "prefix", &settings, true).unwrap();
    assert_eq!(options.endpoint_url.as_deref(), Some("https://s3.example.org"));
    assert_eq!(options.region.as_deref(), Some("eu-central-1"));
    assert_eq!(options.encryption, Encryption::Kms { key: Some("alias/backup".to_owned()) });
    assert_eq!(
        (options.data_class.as_str(), options.meta_class.name().as_str()),
        ("DEEP_ARCHIVE", "STANDARD")
    );
    assert!(options.single_writer);
}

#[test]
fn what_cannot_be_is_refused() {
    let refused =
        |change: fn(&mut S3Settings)| options("bucket", "", &settings(change), false).unwrap_err().message;
    for url in ["s3.example.org", "ftp://host", "https://", "https://a b"] {
        let settings = settings(|settings| settings.endpoint_url = Some(url.to_owned()));
        let failure = options("bucket", "", &settings, false).unwrap_err();
        assert_eq!(failure.status, ExitStatus::Usage, "{url}");
    }
    let cold = refused(|settings| settings.meta_storage_class = Some("GLACIER".to_owned()));
    assert!(cold.contains("meta-storage-class") && cold.contains("thawed"), "{cold}");
    let unknown = refused(|settings| settings.data_storage_class = Some("FROZEN".to_owned()));
    assert!(unknown.contains("\"FROZEN\" is no storage class"), "{unknown}");
    let unused = refused(|settings| settings.kms_key = Some("key".to_owned()));
    assert!(unused.contains("kms-key"), "{unused}");
}
