//! The actions that a request needs, in the terms of policies (Service Authorization Reference, *Actions
//! defined by Amazon S3*).

use hyper::http::request::Parts;

use crate::policy::Context;

/// A permission that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) action: &'static str,
    /// ARN.
    pub(super) resource: String,
    pub(super) context: Context,
}

impl Wish {
    pub(super) fn on_object(action: &'static str, bucket: &str, key: &str, context: Context) -> Self {
        Self { action, resource: format!("arn:aws:s3:::{bucket}/{key}"), context }
    }

    pub(super) fn on_bucket(action: &'static str, bucket: &str, context: Context) -> Self {
        Self { action, resource: format!("arn:aws:s3:::{bucket}"), context }
    }
}

/// All permissions that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) bucket: String,
    pub(super) wishes: Vec<Wish>,
    /// Whether it copies a whole object with a condition. S3 answers 501 if a policy requires conditions;
    /// this server always does, because it does not support such copies.
    pub(super) copies_on_condition: bool,
}

impl Demand {
    /// Returns the permissions that a request needs; none if no policy decides on it.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        let (bucket, key) = place(head)?;
        let wishes = if key.is_empty() {
            on_bucket(head, &bucket).into_iter().collect()
        } else {
            on_object(head, &bucket, &key)
        };
        let copies_on_condition = is_copy(head)
            && parameter(head, "partNumber").is_none()
            && ["if-match", "if-none-match"].iter().any(|name| head.headers.contains_key(*name));
        Some(Self { bucket, wishes, copies_on_condition })
    }
}

/// Returns bucket and key of a request.
pub(super) fn place(head: &Parts) -> Option<(String, String)> {
    let path = decoded(head.uri.path().strip_prefix('/')?);
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    (!bucket.is_empty()).then(|| (bucket.to_owned(), key.to_owned()))
}

/// Returns the permissions for a request to a bucket. Those for many deletions at once depend on the body.
fn on_bucket(head: &Parts, bucket: &str) -> Option<Wish> {
    let has = |name: &str| parameter(head, name).is_some();
    let action = match head.method.as_str() {
        "GET" if has("lifecycle") => "s3:GetLifecycleConfiguration",
        "GET" if has("versioning") => "s3:GetBucketVersioning",
        "GET" if has("location") => "s3:GetBucketLocation",
        "GET" if has("uploads") => "s3:ListBucketMultipartUploads",
        "GET" | "HEAD" => "s3:ListBucket",
        "PUT" => "s3:CreateBucket",
        _ => return None,
    };
    let prefix = parameter(head, "prefix").filter(|_| action == "s3:ListBucket");
    Some(Wish::on_bucket(action, bucket, prefix.map(|prefix| ("s3:prefix", prefix)).into_iter().collect()))
}

fn on_object(head: &Parts, bucket: &str, key: &str) -> Vec<Wish> {
    let has = |name: &str| parameter(head, name).is_some();
    let (action, creates) = match head.method.as_str() {
        "GET" if has("uploadId") => ("s3:ListMultipartUploadParts", None),
        "GET" | "HEAD" => ("s3:GetObject", None),
        "DELETE" if has("uploadId") => ("s3:AbortMultipartUpload", None),
        "DELETE" => ("s3:DeleteObject", None),
        // Starts of uploads and their parts have no condition; the request that completes them has one.
        "POST" if has("uploads") => ("s3:PutObject", Some(false)),
        "PUT" if has("partNumber") => ("s3:PutObject", Some(false)),
        "PUT" | "POST" => ("s3:PutObject", Some(true)),
        _ => return Vec::new(),
    };
    let mut context = Context::new();
    for (key, name) in [
        ("s3:if-match", "if-match"),
        ("s3:if-none-match", "if-none-match"),
        ("s3:x-amz-copy-source", "x-amz-copy-source"),
        ("s3:x-amz-storage-class", "x-amz-storage-class"),
    ] {
        if let Some(value) = head.headers.get(name).and_then(|value| value.to_str().ok()) {
            context.insert(key, value.to_owned());
        }
    }
    if let Some(creates) = creates {
        context.insert("s3:objectcreationoperation", creates.to_string());
    }
    // A request that names the state of an object needs permission to know it.
    let names_state = action != "s3:GetObject" && context.contains_key("s3:if-match");
    let mut wishes = vec![Wish::on_object(action, bucket, key, context)];
    if names_state {
        wishes.push(Wish::on_object("s3:GetObject", bucket, key, Context::new()));
    }
    if let Some((bucket, key)) = copied_from(head) {
        wishes.push(Wish::on_object("s3:GetObject", &bucket, &key, Context::new()));
    }
    wishes
}

fn is_copy(head: &Parts) -> bool {
    head.method == "PUT" && head.headers.contains_key("x-amz-copy-source")
}

fn copied_from(head: &Parts) -> Option<(String, String)> {
    let source = head.headers.get("x-amz-copy-source").filter(|_| is_copy(head))?.to_str().ok()?;
    let source = decoded(source.trim_start_matches('/'));
    source.split_once('/').map(|(bucket, key)| (bucket.to_owned(), key.to_owned()))
}

/// Returns a parameter of a request; an empty text if it has no value.
fn parameter(head: &Parts, name: &str) -> Option<String> {
    let pairs = head.uri.query().unwrap_or_default().split('&');
    let mut values = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    values.find(|(found, _)| *found == name).map(|(_, value)| decoded(value))
}

/// Decodes a text of a URL.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
