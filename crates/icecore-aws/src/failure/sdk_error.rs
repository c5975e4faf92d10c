//! Converts errors of the SDK to our own.

use std::{error::Error, time::SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::date_time::Format;

use super::{AnswerTimes, FailureKind, ServiceFailure, elsewhere::Elsewhere};
use crate::{
    likeness::Likeness,
    network::{self, Peer, PeerError},
};

impl<E> From<SdkError<E>> for ServiceFailure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let message = chain(&error);
        let peer = Peer::of_error(&error).cloned().map(Box::new);
        let lack = lack_of_credentials(&error);
        let kind = match &error {
            _ if lack.is_some() => FailureKind::NoCredentials,
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => FailureKind::Answered,
            SdkError::ConstructionFailure(_) => FailureKind::Unusable,
            SdkError::DispatchFailure(failure) if failure.is_user() => FailureKind::Unusable,
            _ => FailureKind::Connection,
        };
        let Some(response) = error.raw_response() else {
            let has_silent_source = lack.is_some_and(is_silent);
            return Self { has_silent_source, peer, ..Self::without_answer(kind, message) };
        };
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).map(str::to_owned);
        let (code, told) = match &error {
            SdkError::ServiceError(service) => {
                let metadata = service.err().meta();
                (
                    metadata.code().unwrap_or_default().to_owned(),
                    metadata.message().unwrap_or_default().to_owned(),
                )
            }
            _ => (String::new(), message),
        };
        let redirect = header("location").filter(|_| (300..400).contains(&status));
        let redirect = redirect.map(|url| network::origin(&url));
        let elsewhere = Elsewhere { region: header("x-amz-bucket-region"), redirect };
        let likeness = Likeness::of_error(response, &code);
        // If the body of a successful answer cannot be read, the connection broke, unless the answer does not
        // come from S3.
        let is_broken = (200..300).contains(&status) && !matches!(likeness, Likeness::Foreign(_));
        let kind = if is_broken { FailureKind::Connection } else { kind };
        Self {
            kind,
            status,
            likeness,
            has_silent_source: false,
            // The answer to HEAD has no body, so it has no code; the SDK derives one from the status.
            code: if code == "NotFound" { String::new() } else { code },
            message: told,
            peer,
            elsewhere: (elsewhere != Elsewhere::default()).then(|| Box::new(elsewhere)),
            archive: response.body().bytes().and_then(archive_class),
            times: Some(Box::new(AnswerTimes {
                server: header("date").and_then(|date| http_date(&date)),
                retry_after: header("retry-after").and_then(|text| text.parse().ok()),
            })),
        }
    }
}

/// Returns the storage class in the answer to a GET of an archived object, and the tier of
/// Intelligent-Tiering (S3 API Reference, *`InvalidObjectState`*).
fn archive_class(body: &[u8]) -> Option<Box<str>> {
    let body = std::str::from_utf8(body).ok()?;
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once('<')?;
        text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_').then_some(text)
    };
    let class = element("StorageClass").filter(|class| !class.is_empty())?;
    Some(element("AccessTier").map_or_else(|| class.into(), |tier| format!("{class}, {tier}").into()))
}

pub(super) fn http_date(text: &str) -> Option<SystemTime> {
    let date = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    SystemTime::try_from(date).ok()
}

/// Returns the texts of an error and its causes, each once.
fn chain(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // The server is reported separately.
        let is_peer = cause.is::<PeerError>();
        if !is_peer && !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// Returns the error of the credential sources among the causes of an error.
fn lack_of_credentials<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error CredentialsError> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(lack) = cause.downcast_ref::<CredentialsError>() {
            return Some(lack);
        }
        next = cause.source();
    }
    None
}

/// Returns whether a source of credentials is configured, but did not answer properly.
fn is_silent(lack: &CredentialsError) -> bool {
    matches!(lack, CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_))
}
