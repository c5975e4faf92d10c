//! Decides whether an answer comes from S3: web servers, consoles and login pages of networks answer, too.

use aws_sdk_s3::config::http::HttpResponse;

/// Headers that S3 and compatible servers send in answers without a body.
const HEADERS: [&str; 4] = ["x-amz-request-id", "x-amzn-requestid", "x-amz-id-2", "x-amz-bucket-region"];
/// Bytes of a body that are examined to find out whether it is a web page.
const LOOKED_BYTES_MAX: usize = 1 << 10;

/// What an answer reveals about its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// S3, or a compatible server.
    S3,
    /// The answer has neither a body nor a header of S3. Some servers answer HEAD like this.
    Unclear,
    /// S3 never gives such an answer; the reason.
    Foreign(Box<str>),
}

impl Likeness {
    /// Judges an answer that the SDK took for an error, with the code that the SDK found in it.
    pub(crate) fn of_error(response: &HttpResponse, code: &str) -> Self {
        if !code.is_empty() && code != "NotFound" {
            return Self::S3;
        }
        let status = response.status().as_u16();
        let body = response.body().bytes().unwrap_or_default();
        let is_success = (200..300).contains(&status);
        match Content::of(body) {
            Content::Nothing if HEADERS.iter().any(|name| response.headers().get(*name).is_some()) => {
                Self::S3
            }
            Content::Nothing if redirection(response).is_some() => {
                Self::Foreign(describe(response, Content::Nothing).into())
            }
            Content::Nothing => Self::Unclear,
            // The body of a successful answer that broke off, or that answers another request.
            Content::Xml if is_success => Self::Unclear,
            content => Self::Foreign(describe(response, content).into()),
        }
    }

    /// Judges an answer without any evidence for or against S3.
    pub(crate) fn without_evidence(status: u16) -> Self {
        Self::Foreign(format!("HTTP status {status} without an S3 error").into())
    }
}

/// Describes an answer.
fn describe(response: &HttpResponse, content: Content) -> String {
    let status = response.status().as_u16();
    let body = match content {
        Content::Page => " with a web page",
        Content::Xml => " with XML that is not an S3 error",
        Content::Nothing => "",
        Content::Other => " with text that is not an S3 error",
    };
    match redirection(response) {
        Some(target) => format!("it redirects to {target} (HTTP status {status})"),
        None => format!("HTTP status {status}{body}"),
    }
}

/// Returns the URL to which an answer redirects, without the part after the question mark, which nobody else
/// should see.
fn redirection(response: &HttpResponse) -> Option<&str> {
    let target = response.headers().get("location")?;
    (300..400).contains(&response.status().as_u16()).then(|| target.split('?').next().unwrap_or_default())
}

/// Kind of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    /// HTML.
    Page,
    /// XML that is not a web page.
    Xml,
    Other,
}

impl Content {
    fn of(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
        let head = body[..body.len().min(LOOKED_BYTES_MAX)].to_ascii_lowercase();
        let has = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
        match body.first() {
            None => Self::Nothing,
            Some(_) if has(b"<html") || has(b"<!doctype html") => Self::Page,
            Some(b'<') => Self::Xml,
            Some(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
