//! Finds objects below the location of a store in its bucket, and stores around it.

use aws_sdk_s3::Client;
use icecore_store::{StoreResult, key::check_key};

use super::{Wanted, pages::WholeList};
use crate::{
    action::Action,
    failure::ServiceFailure,
    requester::{Failed, Operation},
    store::S3Store,
};

/// The first objects below the location of a store, and a location around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// Keys of the objects, relative to the location.
    pub keys: Vec<String>,
    /// Whether there are no more.
    pub is_whole: bool,
    /// Prefix of a location around this one that contains the requested object.
    pub outer: Option<String>,
}

impl S3Store {
    /// Lists the first objects below the location, and finds a location around it with an object of the name
    /// `key` that begins with these bytes. Returns nothing if the user may not list. In a small bucket, one
    /// request is enough.
    pub async fn neighbours(&self, key: &str, beginning: &[u8]) -> StoreResult<Neighbours> {
        let everything = self.small_bucket().await?;
        let (keys, is_whole) = match &everything {
            Some(everything) => (everything.iter().filter_map(|full| self.own_key(full)).collect(), true),
            None => self.first_keys().await?,
        };
        let own = self.options.prefix.as_str();
        let ends = own.match_indices('/').map(|(end, _)| end);
        let outer = std::iter::once("").chain(ends.map(|end| &own[..end]));
        for prefix in outer.filter(|prefix| prefix.len() < own.len()) {
            let full = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
            let is_there = match &everything {
                Some(everything) => everything.contains(&full),
                None => self.is_listed(&full).await?,
            };
            if is_there && self.begins_with(&full, beginning).await? {
                return Ok(Neighbours { keys, is_whole, outer: Some(prefix.to_owned()) });
            }
        }
        Ok(Neighbours { keys, is_whole, outer: None })
    }

    fn own_key(&self, full: &str) -> Option<String> {
        self.location.own_key(full).filter(|key| check_key(key).is_ok()).map(str::to_owned)
    }

    /// Returns all keys of the bucket, if they fit on one page and the user may list the bucket.
    async fn small_bucket(&self) -> StoreResult<Option<Vec<String>>> {
        let call = |client: Client| {
            let whole = WholeList::default();
            let request = client.list_objects_v2().bucket(&self.location.bucket).customize();
            async move { whole.verify(request.interceptor(whole.clone()).send().await?) }
        };
        match self.requester.request(Operation::new(Action::List, ""), call).await {
            Ok(page) if page.is_truncated() == Some(true) => Ok(None),
            Ok(page) => Ok(Some(
                page.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect(),
            )),
            Err(Failed { failure, .. }) if failure.status == 403 => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Lists the first objects below the location; returns whether there are no more.
    async fn first_keys(&self) -> StoreResult<(Vec<String>, bool)> {
        let root = if self.options.prefix.is_empty() { String::new() } else { self.location.full_key("") };
        let wanted = Wanted { prefix: "", full_prefix: root, delimiter: None };
        let page = self.page(&wanted, None, None).await?;
        let keys = page.contents().iter().filter_map(|object| self.own_key(object.key()?)).collect();
        Ok((keys, page.is_truncated() != Some(true)))
    }

    /// Returns whether there is an object with this key in the bucket, if the user may list it.
    async fn is_listed(&self, full: &str) -> StoreResult<bool> {
        let call = |client: Client| {
            let request = client.list_objects_v2().bucket(&self.location.bucket).prefix(full);
            // The objects below the key are not listed one by one.
            async { request.delimiter("/").send().await.map_err(ServiceFailure::from) }
        };
        match self.requester.request(Operation::new(Action::List, full), call).await {
            Ok(page) => Ok(page.contents().iter().any(|object| object.key() == Some(full))),
            Err(Failed { failure, .. }) if failure.status == 403 => Ok(false),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns whether an object begins with these bytes, or may not be read.
    async fn begins_with(&self, full: &str, beginning: &[u8]) -> StoreResult<bool> {
        let range = format!("bytes=0-{}", beginning.len().saturating_sub(1));
        let call = |client: Client| {
            let request = client.get_object().bucket(&self.location.bucket).key(full).range(&range);
            async {
                let output = request.send().await.map_err(ServiceFailure::from)?;
                let mut body = output.body;
                // A server that ignores the range sends the whole object: its first piece is enough.
                let first = body.try_next().await;
                first.map_err(|_| ServiceFailure::broken("the body of an object is cut off"))
            }
        };
        match self.requester.request(Operation::new(Action::Get, full), call).await {
            Ok(first) => {
                // Only the first piece is used.
                self.requester
                    .count_received("STANDARD", first.as_ref().map_or(0, |bytes| bytes.len() as u64));
                Ok(first.is_some_and(|bytes| bytes.starts_with(beginning)))
            }
            Err(Failed { failure, .. }) if failure.status == 403 => Ok(true),
            Err(Failed { failure, .. }) if matches!(failure.status, 404 | 416) => Ok(false),
            Err(failed) => Err(failed.into()),
        }
    }
}
