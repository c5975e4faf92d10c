//! Decides on permissions: users with their policies, and the policies of buckets.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hyper::http::request::Parts;
use s3s::{
    S3Result,
    auth::{S3Auth, SecretKey},
    s3_error,
};

use crate::{
    authority::demand::{Demand, Wish},
    policy::{Context, Decision, Owner, Policy, Question},
};

mod demand;

/// Account that owns everything.
const ACCOUNT: &str = "111122223333";

/// Users by access key, and policies by bucket.
#[derive(Debug, Default)]
struct Rules {
    users: BTreeMap<String, User>,
    buckets: BTreeMap<String, Policy>,
}

#[derive(Debug)]
struct User {
    secret: SecretKey,
    /// A user without a policy is the administrator of the account: everything is allowed that no bucket
    /// denies.
    policy: Option<Policy>,
}

/// All rules of a server.
#[derive(Debug, Default)]
pub(crate) struct Authority {
    rules: Mutex<Rules>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The policies do not allow it; with the message of S3.
    Denied(String),
    /// S3 does not support conditional copies if a policy requires conditions.
    NotImplemented,
}

impl Authority {
    /// Makes the rules of a server whose only user is the administrator of the account.
    pub(crate) fn new(access_key: &str, secret_key: &str) -> Self {
        let authority = Self::default();
        authority.add(access_key, secret_key, None);
        authority
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, access_key: &str, secret_key: &str, policy: Option<Policy>) {
        let user = User { secret: SecretKey::from(secret_key), policy };
        self.lock().users.insert(access_key.to_owned(), user);
    }

    /// Adds a user with a policy.
    pub(crate) fn add_user(&self, access_key: &str, secret_key: &str, policy: &str) -> Result<(), String> {
        let policy = Policy::parse(policy, Owner::User)?;
        self.add(access_key, secret_key, Some(policy));
        Ok(())
    }

    /// Sets the policy of a bucket.
    pub(crate) fn set_bucket_policy(&self, bucket: &str, policy: &str) -> Result<(), String> {
        let policy = Policy::parse(policy, Owner::Bucket(bucket))?;
        self.lock().buckets.insert(bucket.to_owned(), policy);
        Ok(())
    }

    /// Judges a request by its head. Requests without a signature are refused elsewhere.
    pub(crate) fn judge(&self, head: &Parts) -> Result<(), Refusal> {
        let Some(access_key) = access_key(head) else { return Ok(()) };
        let Some(demand) = Demand::of(head) else { return Ok(()) };
        for wish in &demand.wishes {
            self.decide(&access_key, &demand.bucket, wish)?;
        }
        if demand.copies_on_condition { Err(Refusal::NotImplemented) } else { Ok(()) }
    }

    /// Judges the deletion of one object in a request that names several objects in its body.
    pub(crate) fn judge_deletion(&self, access_key: &str, bucket: &str, key: &str) -> Result<(), Refusal> {
        self.decide(access_key, bucket, &Wish::on_object("s3:DeleteObject", bucket, key, Context::new()))
    }

    /// Returns whether the absence of an object must be hidden from the sender of a request: only a user who
    /// may list the key may know it.
    pub(crate) fn hides_absence(&self, head: &Parts) -> bool {
        let Some((access_key, (bucket, key))) = access_key(head).zip(demand::place(head)) else {
            return false;
        };
        // S3 uses the whole key as the prefix (ceph/ceph, pull request 68577).
        let context = Context::from([("s3:prefix", key)]);
        self.decide(&access_key, &bucket, &Wish::on_bucket("s3:ListBucket", &bucket, context)).is_err()
    }

    fn decide(&self, access_key: &str, bucket: &str, wish: &Wish) -> Result<(), Refusal> {
        let rules = self.lock();
        // Unknown users are refused when the signature is verified.
        let Some(user) = rules.users.get(access_key) else { return Ok(()) };
        let principal = format!("arn:aws:iam::{ACCOUNT}:user/{access_key}");
        let Wish { action, resource, context } = wish;
        let question = Question { principal: &principal, action, resource, context };
        let own = user.policy.as_ref().map_or(Decision::Allowed, |policy| policy.judge(&question));
        let buckets = rules.buckets.get(bucket).map_or(Decision::Silent, |policy| policy.judge(&question));
        let reason = match (own, buckets) {
            (_, Decision::Denied) => "with an explicit deny in a resource-based policy".to_owned(),
            (Decision::Denied, _) => "with an explicit deny in an identity-based policy".to_owned(),
            (Decision::Allowed, _) | (_, Decision::Allowed) => return Ok(()),
            _ => format!("because no identity-based policy allows the {action} action"),
        };
        Err(Refusal::Denied(format!(
            "User: {principal} is not authorized to perform: {action} on resource: \"{resource}\" {reason}"
        )))
    }
}

/// Returns who signed a request, according to its head.
fn access_key(head: &Parts) -> Option<String> {
    let text = head.headers.get("authorization")?.to_str().ok()?;
    let (_, rest) = text.split_once("Credential=")?;
    rest.split_once('/').map(|(access_key, _)| access_key.to_owned())
}

/// Provides the secrets for verifying signatures.
#[derive(Debug)]
pub(crate) struct Secrets(pub(crate) std::sync::Arc<Authority>);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let rules = self.0.lock();
        let user = rules.users.get(access_key).ok_or_else(|| s3_error!(NotSignedUp))?;
        Ok(user.secret.clone())
    }
}

#[cfg(test)]
mod tests;
