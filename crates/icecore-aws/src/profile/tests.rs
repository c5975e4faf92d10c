use super::*;

const CONFIG: &str = "[profile office]\nregion = eu-west-1\nca_bundle = /etc/office.pem\n";

async fn read(environment: &[(&str, &str)], name: Option<&str>) -> Result<ProfileSettings, ProfileError> {
    let fs = Fs::from_slice(&[("config", CONFIG)]);
    let all = [&[("AWS_CONFIG_FILE", "config")], environment].concat();
    settings(&fs, &Env::from_slice(&all), name.map(str::to_owned)).await
}

#[tokio::test]
async fn a_profile_names_its_certificates() {
    let office = ProfileSettings { ca_bundle: Some("/etc/office.pem".into()) };
    assert_eq!(read(&[], Some("office")).await, Ok(office.clone()));
    assert_eq!(read(&[("AWS_PROFILE", "office")], None).await, Ok(office));
    assert_eq!(read(&[], None).await, Ok(ProfileSettings::default()));
}

#[tokio::test]
async fn a_profile_that_is_named_has_to_exist() {
    let missing = Err(ProfileError::Missing { name: "ofice".to_owned() });
    assert_eq!(read(&[], Some("ofice")).await, missing);
    assert_eq!(read(&[("AWS_PROFILE", "ofice")], None).await, missing);
    let keys = [("AWS_PROFILE", "ofice"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    assert_eq!(read(&keys, None).await, Ok(ProfileSettings::default()));
    assert_eq!(read(&keys, Some("ofice")).await, missing);
}
