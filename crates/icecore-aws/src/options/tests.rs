use super::*;

#[test]
fn storage_classes() {
    assert!("DEEP_ARCHIVE".parse::<StorageClassName>().unwrap().is_cold());
    assert!(!"GLACIER_IR".parse::<StorageClassName>().unwrap().is_cold());
    let error = "glacier".parse::<StorageClassName>().unwrap_err();
    assert!(error.to_string().starts_with("\"glacier\" is not a storage class; choose one of STANDARD, "));
}

#[test]
fn meta_is_never_cold() {
    let hot = |name: &str| HotStorageClass::try_from(name.parse::<StorageClassName>().unwrap());
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        assert_eq!(hot(class), Err(StorageClassError::Cold { name: class.to_owned() }));
    }
    assert_eq!(hot("STANDARD_IA").unwrap().name().as_str(), "STANDARD_IA");
    assert_eq!(S3Options::new("bucket", "prefix").meta_class.name().as_str(), "STANDARD");
}
