//! Listing, in pages of 1,000 keys; where there are several pages, of several ranges of keys at a time.
//!
//! A server gives one page after the other, each of which names the next. But it also lists from any key on, and the keys of
//! Icecore begin with times or hashes, so that a page tells about where later pages will begin. A guess that is wrong costs a
//! request, nothing else.

mod guess;

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{operation::list_objects_v2::ListObjectsV2Output, types::Object};
use aws_smithy_types::DateTime;
use futures_util::future;
use icecore_store::{ObjectInfo, StoreResult, Version, key::check_key};

use crate::{action::Action, failure::ServiceFailure, store::S3Store, write::bare};

/// Ranges that are listed at once after the first page; twice as many after each further round, …
const RANGES_FIRST: usize = 1;
/// … up to this many.
const RANGES_MAX: usize = 16;

/// How far the clock of another host may be ahead, for guesses only.
const SKEW_MAX: Duration = Duration::from_mins(15);

/// What a listing asks for.
#[derive(Clone, Debug)]
struct Wanted<'list> {
    /// Prefix as the caller knows it, for messages.
    prefix: &'list str,
    /// The same in the bucket.
    full_prefix: String,
}

impl S3Store {
    /// Lists all objects below a prefix. Keys that no store of Icecore could have are somebody else's.
    pub(crate) async fn list_all(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let full_prefix = match prefix {
            "" if self.options.prefix.is_empty() => String::new(),
            _ => self.place.full_key(prefix),
        };
        let wanted = Wanted { prefix, full_prefix };
        let mut objects = Vec::new();
        let mut page = self.page(&wanted, None, None).await?;
        let latest = self.environment.clock.now() + SKEW_MAX;
        let latest = latest.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let (mut token, mut ranges_max, mut lists_from_keys) = (None, RANGES_FIRST, true);
        while let Some(next) = next_token(&page, token.as_deref()) {
            self.take_page(&page, None, &mut objects);
            let starts = guess_starts(page.contents(), ranges_max, latest);
            let mut behind = None;
            if lists_from_keys && let Some((last, _)) = starts.split_last() {
                behind = self.ranges(&wanted, &starts, last, &mut objects).await?;
                lists_from_keys = behind.is_some();
                ranges_max = (ranges_max * 2).min(RANGES_MAX);
            }
            (page, token) = match behind {
                Some(behind) => (behind, None),
                None => (self.page(&wanted, Some(next.clone()), None).await?, Some(next)),
            };
        }
        self.take_page(&page, None, &mut objects);
        // S3 sorts by UTF-8 bytes, as we do; not all servers that are like it do.
        objects.sort_by(|one, other| one.key.as_bytes().cmp(other.key.as_bytes()));
        objects.dedup_by(|one, other| one.key == other.key);
        Ok(objects)
    }

    /// Lists the objects between some keys, all ranges at once, and the first page behind the `last` of them, which it returns;
    /// nothing if the server does not list from a key on.
    async fn ranges(
        &self,
        wanted: &Wanted<'_>,
        starts: &[String],
        last: &str,
        objects: &mut Vec<ObjectInfo>,
    ) -> StoreResult<Option<ListObjectsV2Output>> {
        let between = starts.iter().zip(starts.iter().skip(1));
        let ranges: Vec<_> = between.map(|(start, end)| self.range(wanted, start, end)).collect();
        let page = self.page(wanted, None, Some(last));
        let (ranges, page) = future::try_join(future::try_join_all(ranges), page).await?;
        objects.extend(ranges.into_iter().flatten());
        let is_behind = page.contents().iter().filter_map(Object::key).all(|key| key > last);
        Ok(is_behind.then_some(page))
    }

    /// Lists the objects behind `start`, up to `end`.
    async fn range(&self, wanted: &Wanted<'_>, start: &str, end: &str) -> StoreResult<Vec<ObjectInfo>> {
        let mut objects = Vec::new();
        let mut token = None;
        loop {
            let start = token.is_none().then_some(start);
            let page = self.page(wanted, token.clone(), start).await?;
            let is_beyond = self.take_page(&page, Some(end), &mut objects);
            match next_token(&page, token.as_deref()) {
                Some(next) if !is_beyond => token = Some(next),
                _ => return Ok(objects),
            }
        }
    }

    async fn page(
        &self,
        wanted: &Wanted<'_>,
        token: Option<String>,
        start: Option<&str>,
    ) -> StoreResult<ListObjectsV2Output> {
        let call = || async {
            let request = self
                .client()
                .list_objects_v2()
                .bucket(&self.place.bucket)
                .prefix(&wanted.full_prefix)
                .set_start_after(start.map(str::to_owned))
                .set_continuation_token(token.clone());
            request.send().await.map_err(ServiceFailure::from)
        };
        Ok(self.repeat(Action::List, wanted.prefix, 0, call).await?)
    }

    /// Adds the store's own objects of a page, up to the key `end`; says whether the page goes beyond it.
    fn take_page(
        &self,
        page: &ListObjectsV2Output,
        end: Option<&str>,
        objects: &mut Vec<ObjectInfo>,
    ) -> bool {
        let is_within = |object: &&Object| object.key().is_none_or(|key| end.is_none_or(|end| key <= end));
        let within = page.contents().iter().filter(is_within);
        objects.extend(within.filter_map(|object| self.listed(object)));
        page.contents().iter().any(|object| !is_within(&object))
    }

    fn listed(&self, object: &Object) -> Option<ObjectInfo> {
        let key = self.place.own_key(object.key()?)?;
        check_key(key).ok()?;
        Some(ObjectInfo {
            key: key.to_owned(),
            size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            version: Version(bare(object.e_tag())),
            modified: system_time(object.last_modified()),
        })
    }
}

/// Returns where ranges begin that can be listed at once behind a page: the last key of the page itself, then guesses, of which no
/// run began after `latest`. Nothing where nothing can be guessed, or the server's order is not that of bytes.
fn guess_starts(page: &[Object], ranges_max: usize, latest: u64) -> Vec<String> {
    let keys: Vec<&str> = page.iter().filter_map(Object::key).collect();
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Vec::new() };
    if !keys.is_sorted_by(|one, other| one.as_bytes() < other.as_bytes()) {
        return Vec::new();
    }
    let guesses = guess::later_keys(first, last, ranges_max, latest);
    if guesses.is_empty() {
        return Vec::new();
    }
    [(*last).to_owned()].into_iter().chain(guesses).collect()
}

/// Returns how to ask for the next page, if there is one.
fn next_token(page: &ListObjectsV2Output, token: Option<&str>) -> Option<String> {
    let next = page.next_continuation_token().filter(|_| page.is_truncated() == Some(true))?;
    // A server that gives the same token again would keep us here for ever.
    (Some(next) != token).then(|| next.to_owned())
}

/// Returns a time of the SDK as one of ours, in whole seconds: a look at an object knows no others, though a list may.
pub(crate) fn system_time(time: Option<&DateTime>) -> SystemTime {
    let seconds = time.and_then(|time| u64::try_from(time.secs()).ok()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
