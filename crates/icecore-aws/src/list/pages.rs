//! Checks whether the pages of a listing are complete, and whether they are all pages.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef,
    },
    error::BoxError,
    operation::list_objects_v2::ListObjectsV2Output,
};

use crate::failure::ServiceFailure;

/// End of the last tag of a list, in any namespace.
const END: &[u8] = b"ListBucketResult>";

/// The pages received so far. Each must differ from the others. Otherwise a server could keep us busy
/// forever, or pass off a part as the whole.
#[derive(Debug, Default)]
pub(super) struct PageSequence {
    tokens: HashSet<String>,
    first_keys: HashSet<String>,
}

impl PageSequence {
    /// Returns the token for the page after `page`, if there is one; fails with the reason if the server
    /// contradicts itself.
    pub(super) fn next_token(&mut self, page: &ListObjectsV2Output) -> Result<Option<String>, &'static str> {
        let first = page.contents().first().and_then(|object| object.key());
        if first.is_some_and(|first| !self.first_keys.insert(first.to_owned())) {
            return Err("it returns the same page again");
        }
        if page.is_truncated() != Some(true) {
            return Ok(None);
        }
        match page.next_continuation_token() {
            None | Some("") => Err("it announces another page, but returns no continuation token"),
            Some(token) if !self.tokens.insert(token.to_owned()) => {
                Err("it returns the same continuation token again")
            }
            Some(token) => Ok(Some(token.to_owned())),
        }
    }
}

/// Checks whether the XML of a list is complete: the SDK accepts a truncated list as a shorter one.
#[derive(Clone, Debug, Default)]
pub(super) struct WholeList(Arc<AtomicBool>);

impl WholeList {
    /// Returns the page if it is complete.
    pub(super) fn verify(&self, page: ListObjectsV2Output) -> Result<ListObjectsV2Output, ServiceFailure> {
        if !self.0.load(Ordering::Relaxed) {
            return Err(ServiceFailure::broken("the list is cut off"));
        }
        let says_something =
            page.name().is_some() || page.is_truncated().is_some() || page.key_count().is_some();
        if !says_something && page.contents().is_empty() {
            return Err(ServiceFailure::foreign("HTTP status 200 with an empty list that names no bucket"));
        }
        Ok(page)
    }
}

impl Intercept for WholeList {
    fn name(&self) -> &'static str {
        "WholeList"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _configuration: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        self.0.store(body.trim_ascii_end().ends_with(END), Ordering::Relaxed);
        Ok(())
    }
}
