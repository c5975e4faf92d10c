use aws_sdk_s3::primitives::SdkBody;

use super::*;

fn response(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    for (name, value) in headers {
        response.headers_mut().insert(*name, *value);
    }
    response
}

fn likeness(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Likeness {
    Likeness::of_error(&response(status, headers, body), "")
}

fn reason(likeness: Likeness) -> String {
    let Likeness::Foreign(reason) = likeness else { panic!("{likeness:?}") };
    reason.into()
}

#[test]
fn a_code_or_a_header_of_s3_is_evidence() {
    let xml = "<Error><Code>NoSuchKey</Code></Error>";
    assert_eq!(Likeness::of_error(&response(404, &[], xml), "NoSuchKey"), Likeness::S3);
    for name in ["x-amz-request-id", "x-amzn-requestid", "x-amz-bucket-region"] {
        assert_eq!(likeness(404, &[(name, "1")], ""), Likeness::S3, "{name}");
        assert_eq!(likeness(301, &[(name, "1")], ""), Likeness::S3, "{name}");
    }
    // The SDK derives this code from the status.
    assert_eq!(Likeness::of_error(&response(404, &[], ""), "NotFound"), Likeness::Unclear);
}

#[test]
fn web_pages_are_none_of_s3_whatever_their_headers() {
    for page in
        ["<!DOCTYPE html><p>no", "\n <html>", "<?xml version=\"1.0\"?><HTML xmlns=\"x\">", "\u{feff}<html>"]
    {
        for status in [200, 403, 404, 501] {
            let found = reason(likeness(status, &[("x-amz-request-id", "1")], page));
            assert_eq!(found, format!("HTTP status {status} with a web page"), "{page}");
        }
    }
    assert_eq!(reason(likeness(404, &[], "Not Found")), "HTTP status 404 with text that is not an S3 error");
    let found = reason(likeness(404, &[], "<Fault>no</Fault>"));
    assert_eq!(found, "HTTP status 404 with XML that is not an S3 error");
}

#[test]
fn a_redirect_says_where_to_without_what_only_the_user_should_see() {
    let headers = [("location", "http://login.example/portal?session=secret")];
    let found = reason(likeness(302, &headers, "<html>go there</html>"));
    assert_eq!(found, "it redirects to http://login.example/portal (HTTP status 302)");
}

#[test]
fn a_body_that_broke_off_shows_nothing() {
    assert_eq!(likeness(200, &[], "<ListBucketResult><Name>b</Na"), Likeness::Unclear);
    assert_eq!(likeness(200, &[], ""), Likeness::Unclear);
}
