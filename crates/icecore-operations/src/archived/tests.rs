use super::*;

fn pack(class: &str) -> ArchivedPack {
    ArchivedPack { key: "data/group/pack".to_owned(), class: class.to_owned() }
}

#[test]
fn commands_name_the_whole_key_and_fit_the_class() {
    let mut bucket = Bucket { name: "bucket", prefix: "it's/here", endpoint_url: None, region: "eu-west-1" };
    assert_eq!(
        bucket.command(&pack("DEEP_ARCHIVE")),
        "aws s3api restore-object --bucket bucket --key 'it'\\''s/here/data/group/pack' --restore-request \
         '{\"Days\":7,\"GlacierJobParameters\":{\"Tier\":\"Standard\"}}' --region eu-west-1"
    );
    (bucket.prefix, bucket.endpoint_url) = ("", Some("https://s3.example.org"));
    assert_eq!(
        bucket.command(&pack("INTELLIGENT_TIERING, ARCHIVE_ACCESS")),
        "aws s3api restore-object --bucket bucket --key data/group/pack --restore-request \
         '{\"GlacierJobParameters\":{\"Tier\":\"Standard\"}}' --region eu-west-1 \
         --endpoint-url https://s3.example.org"
    );
    assert_eq!(documents(None, &[pack("GLACIER")])[0].thaw_command, None);
}
