//! The kinds of requests, the permissions that they need, and how they are billed.

use crate::usage::RequestClass;

/// A request to S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Get,
    Head,
    Put,
    Delete,
    List,
    CreateUpload,
    UploadPart,
    CompleteUpload,
    AbortUpload,
    ListUploads,
    GetLifecycle,
    GetVersioning,
}

impl Action {
    /// Returns the name of the store call that the request is part of.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Put | Self::CreateUpload | Self::UploadPart | Self::CompleteUpload | Self::AbortUpload => {
                "put"
            }
            Self::Delete => "delete",
            Self::List | Self::ListUploads => "list",
            Self::GetLifecycle => "read the lifecycle rules for",
            Self::GetVersioning => "read the versioning of",
        }
    }

    /// Returns the permission that the request needs, as named by IAM (Service Authorization Reference,
    /// *Actions defined by Amazon S3*).
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Get | Self::Head => "s3:GetObject",
            Self::Put | Self::CreateUpload | Self::UploadPart | Self::CompleteUpload => "s3:PutObject",
            Self::Delete => "s3:DeleteObject",
            Self::List => "s3:ListBucket",
            Self::AbortUpload => "s3:AbortMultipartUpload",
            Self::ListUploads => "s3:ListBucketMultipartUploads",
            Self::GetLifecycle => "s3:GetLifecycleConfiguration",
            Self::GetVersioning => "s3:GetBucketVersioning",
        }
    }

    /// Returns whether the permission is on the bucket, not on objects in it.
    pub(crate) fn is_on_bucket(self) -> bool {
        matches!(self, Self::List | Self::ListUploads | Self::GetLifecycle | Self::GetVersioning)
    }

    /// Returns the class in which the request is billed.
    pub(crate) fn class(self) -> RequestClass {
        match self {
            Self::Get | Self::Head | Self::GetLifecycle | Self::GetVersioning => RequestClass::Get,
            Self::Put | Self::CreateUpload | Self::UploadPart | Self::CompleteUpload => RequestClass::Put,
            Self::List | Self::ListUploads => RequestClass::List,
            Self::Delete | Self::AbortUpload => RequestClass::Delete,
        }
    }
}
