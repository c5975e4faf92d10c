//! Whether an answer is one of S3: web servers, consoles and login pages of networks answer, too.

use aws_sdk_s3::config::http::HttpResponse;

/// Headers that S3 and servers like it put into answers that have no body.
const HEADERS: [&str; 4] = ["x-amz-request-id", "x-amzn-requestid", "x-amz-id-2", "x-amz-bucket-region"];
/// How much of a body is looked at to find out whether it is a web page, in bytes.
const LOOKED_BYTES_MAX: usize = 1 << 10;

/// What an answer shows of the server that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// S3, or a server that is like it.
    S3,
    /// The answer has neither a body nor a header of S3. So some servers answer HEAD.
    Unclear,
    /// No S3 gives such an answer, for this reason.
    Foreign(Box<str>),
}

impl Likeness {
    /// Judges an answer that the SDK took for an error, with the code that it found in it.
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
            // The body of a success that broke off, or that is the answer to another question.
            Content::Xml if is_success => Self::Unclear,
            content => Self::Foreign(describe(response, content).into()),
        }
    }

    /// Judges an answer that has to be one of S3 because nothing has shown so far that the server is like it.
    pub(crate) fn without_evidence(status: u16) -> Self {
        Self::Foreign(format!("HTTP status {status} without an error of S3").into())
    }
}

/// Says what an answer is.
fn describe(response: &HttpResponse, content: Content) -> String {
    let status = response.status().as_u16();
    let body = match content {
        Content::Page => " with a web page",
        Content::Xml => " with XML that is no error of S3",
        Content::Nothing => "",
        Content::Other => " with text that is no error of S3",
    };
    match redirection(response) {
        Some(target) => format!("it leads to {target} (HTTP status {status})"),
        None => format!("HTTP status {status}{body}"),
    }
}

/// Returns the URL that an answer leads to, without what is behind the question mark: nobody else should see
/// it.
fn redirection(response: &HttpResponse) -> Option<&str> {
    let target = response.headers().get("location")?;
    (300..400).contains(&response.status().as_u16()).then(|| target.split('?').next().unwrap_or_default())
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    /// HTML.
    Page,
    /// XML that is no web page.
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
