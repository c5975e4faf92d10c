//! Finds lifecycle rules of a bucket that would harm a repository in it.

use std::fmt::{self, Display, Formatter};

use aws_sdk_s3::{
    Client,
    types::{ExpirationStatus, LifecycleRule},
};
use icecore_store::StoreResult;

use crate::{
    action::Action,
    failure::ServiceFailure,
    options::{DATA_PREFIX, is_cold},
    requester::{Failed, Operation},
    store::S3Store,
};

/// A rule that would archive or delete an object that must be readable at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColdRule {
    /// Name of the rule.
    pub id: String,
    /// Prefix of the keys that the rule applies to.
    pub prefix: String,
    /// Effect of the rule on them.
    pub effect: String,
}

impl Display for ColdRule {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let keys = match self.prefix.as_str() {
            "" => "all keys".to_owned(),
            prefix => format!("keys that begin with {prefix:?}"),
        };
        write!(formatter, "the lifecycle rule {:?} of the bucket {} ({keys})", self.id, self.effect)
    }
}

/// Effects of the lifecycle rules of a bucket on a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleReport {
    /// Rules that would harm it.
    pub harmful: Vec<ColdRule>,
    /// Whether a rule removes the parts of uploads that were never completed.
    pub has_abort_rule: bool,
    /// Whether the rules could not be read, because the user may not or the server does not support them.
    pub is_unknown: bool,
}

impl S3Store {
    /// Reads and judges the lifecycle rules of the bucket.
    pub async fn lifecycle(&self) -> StoreResult<LifecycleReport> {
        if self.is_access_point() {
            return Ok(LifecycleReport { is_unknown: true, ..LifecycleReport::default() });
        }
        let call = |client: Client| {
            let request = client.get_bucket_lifecycle_configuration().bucket(&self.location.bucket);
            async { request.send().await.map_err(|error| ServiceFailure::from(error).or_not_implemented()) }
        };
        match self.requester.request(Operation::new(Action::GetLifecycle, "the bucket"), call).await {
            Ok(output) => Ok(judge(output.rules(), |key| self.location.full_key(key))),
            Err(Failed { failure, .. }) if failure.code == "NoSuchLifecycleConfiguration" => {
                Ok(LifecycleReport::default())
            }
            Err(Failed { failure, .. })
                if failure.is_not_implemented()
                    || matches!(failure.status, 403..=405) && failure.code != "NoSuchBucket" =>
            {
                Ok(LifecycleReport { is_unknown: true, ..LifecycleReport::default() })
            }
            Err(failed) => Err(failed.into()),
        }
    }
}

/// Judges rules for a repository; `full_key` completes the keys.
fn judge(rules: &[LifecycleRule], full_key: impl Fn(&str) -> String) -> LifecycleReport {
    let mut report = LifecycleReport::default();
    let hot = ["meta/", "icecore"].map(&full_key);
    let all = [full_key("meta/"), full_key("icecore"), full_key(DATA_PREFIX)];
    for rule in rules.iter().filter(|rule| *rule.status() == ExpirationStatus::Enabled) {
        let Some(prefix) = untagged_prefix(rule) else { continue };
        let meets =
            |keys: &[String]| keys.iter().any(|key| key.starts_with(&prefix) || prefix.starts_with(key));
        report.has_abort_rule |= rule.abort_incomplete_multipart_upload().is_some() && meets(&all);
        let mut add = |effect: String| {
            let id = rule.id().unwrap_or("without a name").to_owned();
            report.harmful.push(ColdRule { id, prefix: prefix.clone(), effect });
        };
        for transition in rule.transitions() {
            if let Some(class) = transition.storage_class().filter(|class| is_cold(class.as_str()))
                && meets(&hot)
            {
                add(format!("moves objects to {}", class.as_str()));
            }
        }
        if rule
            .expiration()
            .is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some())
            && meets(&all)
        {
            add("deletes objects".to_owned());
        }
    }
    report
}

/// Returns the prefix that a rule applies to; none if it only applies to objects with certain tags, because
/// objects that must stay hot have none.
fn untagged_prefix(rule: &LifecycleRule) -> Option<String> {
    #[expect(deprecated, reason = "old rules have their prefix outside of the filter")]
    let outer = rule.prefix();
    let Some(filter) = rule.filter() else { return Some(outer.unwrap_or_default().to_owned()) };
    if filter.tag().is_some() || filter.and().is_some_and(|and| !and.tags().is_empty()) {
        return None;
    }
    let prefix = filter.prefix().or_else(|| filter.and()?.prefix()).or(outer);
    Some(prefix.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests;
