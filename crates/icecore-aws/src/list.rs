//! Lists objects, in pages of 1,000 keys; if there are several pages, lists several ranges of keys at once.
//!
//! A server returns one page after the other, each of which names the next. But a listing can also begin at
//! any key, and the keys of Icecore begin with times or hashes. Therefore one page is enough to guess where
//! later pages begin. A wrong guess only costs a request.

mod guess;
mod neighbours;
mod pages;

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{Client, operation::list_objects_v2::ListObjectsV2Output, types::Object};
use futures_util::future;
use icecore_store::{ObjectInfo, StoreError, StoreResult, Version, key::check_key};

pub use self::neighbours::Neighbours;
use self::pages::{PageSequence, WholeList};
use crate::{
    action::Action,
    answer::{bare_etag, system_time},
    requester::Operation,
    store::S3Store,
};

/// Ranges that are listed at once after the first page. The number doubles in each further round, …
const RANGES_FIRST: usize = 1;
/// … up to this many.
const RANGES_MAX: usize = 16;

/// How far the clock of another host may be ahead; only used for guesses.
const SKEW_MAX: Duration = Duration::from_mins(15);

/// The request for a listing.
#[derive(Clone, Debug)]
struct Wanted<'list> {
    /// Prefix, as given by the caller, for messages.
    prefix: &'list str,
    /// The same prefix in the bucket.
    full_prefix: String,
    /// Keys are cut off after this text, and each such beginning is returned once.
    delimiter: Option<&'static str>,
}

impl S3Store {
    /// Lists all objects below a prefix, except foreign objects, whose keys no store of Icecore could have.
    pub(crate) async fn list_all(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let full_prefix = match prefix {
            "" if self.options.prefix.is_empty() => String::new(),
            _ => self.location.full_key(prefix),
        };
        let wanted = Wanted { prefix, full_prefix, delimiter: None };
        let mut objects = Vec::new();
        let mut page = self.page(&wanted, None, None).await?;
        let latest = self.environment.clock.now() + SKEW_MAX;
        let latest = latest.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let (mut sequence, mut ranges_max, mut lists_from_keys) =
            (PageSequence::default(), RANGES_FIRST, true);
        while let Some(next) = self.next_token(&wanted, &page, &mut sequence)? {
            self.take_page(&page, None, &mut objects);
            let starts = guess_starts(page.contents(), ranges_max, latest);
            let mut behind = None;
            if lists_from_keys && let Some((last, _)) = starts.split_last() {
                behind = self.ranges(&wanted, &starts, last, &mut objects).await?;
                lists_from_keys = behind.is_some();
                ranges_max = (ranges_max * 2).min(RANGES_MAX);
            }
            page = match behind {
                Some(behind) => behind,
                None => self.page(&wanted, Some(next), None).await?,
            };
        }
        self.take_page(&page, None, &mut objects);
        // S3 sorts by UTF-8 bytes, as we do; some compatible servers do not.
        objects.sort_by(|one, other| one.key.as_bytes().cmp(other.key.as_bytes()));
        objects.dedup_by(|one, other| one.key == other.key);
        Ok(objects)
    }

    /// Lists all objects below a prefix with their storage classes, page after page.
    pub(crate) async fn list_classes(&self, prefix: &str) -> StoreResult<Vec<(ObjectInfo, String)>> {
        let wanted = Wanted { prefix, full_prefix: self.location.full_key(prefix), delimiter: None };
        let mut objects = Vec::new();
        let mut sequence = PageSequence::default();
        let mut page = self.page(&wanted, None, None).await?;
        loop {
            let class = |object: &Object| {
                object.storage_class().map_or("STANDARD", |class| class.as_str()).to_owned()
            };
            let of_page = page.contents().iter();
            objects.extend(of_page.filter_map(|object| Some((self.listed(object)?, class(object)))));
            page = match self.next_token(&wanted, &page, &mut sequence)? {
                Some(next) => self.page(&wanted, Some(next), None).await?,
                None => return Ok(objects),
            };
        }
    }

    /// Lists the objects between some keys, all ranges at once, and the first page after the last key, which
    /// it returns; nothing if the server cannot begin a listing at a key.
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

    /// Lists the objects after `start`, up to `end`.
    async fn range(&self, wanted: &Wanted<'_>, start: &str, end: &str) -> StoreResult<Vec<ObjectInfo>> {
        let mut objects = Vec::new();
        let mut sequence = PageSequence::default();
        let mut page = self.page(wanted, None, Some(start)).await?;
        loop {
            if self.take_page(&page, Some(end), &mut objects) {
                return Ok(objects);
            }
            page = match self.next_token(wanted, &page, &mut sequence)? {
                Some(next) => self.page(wanted, Some(next), None).await?,
                None => return Ok(objects),
            };
        }
    }

    /// Returns the token for the page after the latest one of a sequence, if there is such a page.
    fn next_token(
        &self,
        wanted: &Wanted<'_>,
        page: &ListObjectsV2Output,
        sequence: &mut PageSequence,
    ) -> StoreResult<Option<String>> {
        sequence.next_token(page).map_err(|reason| StoreError::IncompleteList {
            location: self.location.text(),
            prefix: wanted.prefix.to_owned(),
            reason,
        })
    }

    async fn page(
        &self,
        wanted: &Wanted<'_>,
        token: Option<String>,
        start: Option<&str>,
    ) -> StoreResult<ListObjectsV2Output> {
        let call = |client: Client| {
            let whole = WholeList::default();
            let request = client
                .list_objects_v2()
                .bucket(&self.location.bucket)
                .prefix(&wanted.full_prefix)
                .set_delimiter(wanted.delimiter.map(str::to_owned))
                .set_start_after(start.map(str::to_owned))
                .set_continuation_token(token.clone())
                .customize()
                .interceptor(whole.clone());
            async move { whole.verify(request.send().await?) }
        };
        Ok(self.requester.request(Operation::new(Action::List, wanted.prefix), call).await?)
    }

    /// Adds the objects of a page that belong to the store, up to the key `end`; returns whether the page
    /// goes beyond it.
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
        let key = self.location.own_key(object.key()?)?;
        check_key(key).ok()?;
        Some(ObjectInfo {
            key: key.to_owned(),
            size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            version: Version(bare_etag(object.e_tag())),
            modified: system_time(object.last_modified()),
        })
    }
}

/// Returns the starts of ranges after a page that can be listed at once: the last key of the page itself,
/// then guesses. Guesses assume that no run began after `latest`. Returns nothing if guessing is impossible,
/// or if the server does not sort by bytes.
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
