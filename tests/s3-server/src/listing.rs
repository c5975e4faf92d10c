//! Pages of listings.

use std::collections::BTreeSet;

use s3s::dto::{ETag, Object, ObjectStorageClass, StorageClass, Timestamp};

use crate::bucket::{Bucket, Stored, length_of};

/// Content of a page of a listing.
pub(crate) struct Page {
    pub(crate) objects: Vec<Object>,
    pub(crate) prefixes: BTreeSet<String>,
    pub(crate) next: Option<String>,
}

/// Returns the objects after `after`, at most `keys_max` objects and common prefixes.
pub(crate) fn page(bucket: &Bucket, prefix: &str, after: &str, delimiter: &str, keys_max: usize) -> Page {
    let mut page = Page { objects: Vec::new(), prefixes: BTreeSet::new(), next: None };
    let mut last = String::new();
    let below = bucket.objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
    for (key, stored) in below.filter(|(key, _)| key.as_str() > after) {
        let rest = &key[prefix.len()..];
        let end = if delimiter.is_empty() { None } else { rest.find(delimiter) };
        let common = end.map(|end| key[..prefix.len() + end + delimiter.len()].to_owned());
        if common
            .as_ref()
            .is_some_and(|common| page.prefixes.contains(common) || after.starts_with(common.as_str()))
        {
            last.clone_from(key);
            continue;
        }
        if page.objects.len() + page.prefixes.len() == keys_max {
            page.next = Some(last);
            break;
        }
        last.clone_from(key);
        match common {
            Some(common) => {
                page.prefixes.insert(common);
            }
            None => page.objects.push(listed(key, stored)),
        }
    }
    page
}

fn listed(key: &str, stored: &Stored) -> Object {
    let class = stored.headers.storage_class.clone().unwrap_or_else(|| StorageClass::STANDARD.to_owned());
    Object {
        key: Some(key.to_owned()),
        size: Some(length_of(&stored.bytes)),
        e_tag: Some(ETag::Strong(stored.etag.clone())),
        last_modified: Some(Timestamp::from(stored.modified)),
        storage_class: Some(ObjectStorageClass::from(class)),
        ..Object::default()
    }
}
