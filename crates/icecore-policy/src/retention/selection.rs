//! Which snapshots rules apply to, and together with which others.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{item::RetentionItem, parse_error::RetentionParseError};

/// A tag that a snapshot has to have: `KEY=VALUE`, or `KEY` for any value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagFilter {
    /// Key.
    pub key: String,
    /// Value; any if absent.
    pub value: Option<String>,
}

impl TagFilter {
    /// Returns whether the tags contain this one.
    pub fn matches(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get(&self.key).is_some_and(|value| self.value.as_ref().is_none_or(|wanted| wanted == value))
    }
}

impl FromStr for TagFilter {
    type Err = RetentionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            return Err(RetentionParseError::Tag { text: text.to_owned() });
        }
        Ok(Self { key: key.to_owned(), value })
    }
}

impl fmt::Display for TagFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.key)?;
        self.value.as_ref().map_or(Ok(()), |value| write!(formatter, "={value}"))
    }
}

/// The snapshots that rules apply to; all others are left alone and do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionSelection {
    /// Hosts; all if empty.
    pub hosts: Vec<String>,
    /// Names of sources; all if empty.
    pub sources: Vec<String>,
    /// Tags, all of which a snapshot has to have.
    pub tags: Vec<TagFilter>,
}

impl RetentionSelection {
    /// Returns whether the rules apply to a snapshot.
    pub fn matches(&self, item: &RetentionItem) -> bool {
        self.selects(&item.host, &item.source, &item.tags)
    }

    /// Returns whether a snapshot of this host and source with these tags is selected.
    pub fn selects(&self, host: &String, source: &String, tags: &BTreeMap<String, String>) -> bool {
        let names = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        names(&self.hosts, host)
            && names(&self.sources, source)
            && self.tags.iter().all(|tag| tag.matches(tags))
    }
}

/// What snapshots have in common that the rules count together. The default is host and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupBy {
    /// The same host.
    pub host: bool,
    /// The same source.
    pub source: bool,
    /// The same tags, all of them.
    pub tags: bool,
}

impl Default for GroupBy {
    fn default() -> Self {
        Self { host: true, source: true, tags: false }
    }
}

impl GroupBy {
    /// Returns the group of a snapshot.
    pub fn key(&self, item: &RetentionItem) -> GroupKey {
        GroupKey {
            host: self.host.then(|| item.host.clone()),
            source: self.source.then(|| item.source.clone()),
            tags: self.tags.then(|| item.tags.clone()),
        }
    }
}

/// Reads fields that are separated by commas. An empty text puts all snapshots into one group.
impl FromStr for GroupBy {
    type Err = RetentionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut group_by = Self { host: false, source: false, tags: false };
        if text.trim().is_empty() {
            return Ok(group_by);
        }
        for field in text.split(',').map(str::trim) {
            match field {
                "host" => group_by.host = true,
                "source" => group_by.source = true,
                "tags" => group_by.tags = true,
                _ => return Err(RetentionParseError::GroupBy { field: field.to_owned() }),
            }
        }
        Ok(group_by)
    }
}

/// What the snapshots of a group have in common; none where snapshots are not grouped by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// Host.
    pub host: Option<String>,
    /// Source.
    pub source: Option<String>,
    /// Tags.
    pub tags: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests;
