//! Policies: documents of users and of buckets, evaluated as in AWS (IAM User Guide, *Policy evaluation
//! logic*).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::policy::{
    condition::Condition,
    document::{members, texts},
};

mod condition;
mod document;

/// Properties of a request, by condition key. Keys are in lower case, because their names are
/// case-insensitive.
pub(crate) type Context = BTreeMap<&'static str, String>;

/// A request for a permission.
#[derive(Clone, Debug)]
pub(crate) struct Question<'question> {
    /// ARN of the user.
    pub(crate) principal: &'question str,
    /// Action, such as `s3:PutObject`.
    pub(crate) action: &'question str,
    /// ARN of the bucket or object.
    pub(crate) resource: &'question str,
    pub(crate) context: &'question Context,
}

/// Decision of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it, whatever else is allowed.
    Denied,
    /// No statement applies.
    Silent,
}

/// Owner of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'owner> {
    /// A user or a role: the policy names no principal.
    User,
    /// The bucket with this name.
    Bucket(&'owner str),
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    denies: bool,
    /// ARNs, account numbers and `*`; only in the policy of a bucket.
    principals: Patterns,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

/// Patterns with `*` and `?`: one has to match, or none, if they are those of `NotAction` and the like.
#[derive(Clone, Debug)]
struct Patterns {
    excludes: bool,
    patterns: Vec<String>,
}

impl Policy {
    /// Reads a policy, and refuses everything that AWS would refuse.
    pub(crate) fn parse(text: &str, owner: Owner<'_>) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let statements =
            members(&document, &["Version", "Id", "Statement"])?.get("Statement").ok_or("no Statement")?;
        let statements = match statements {
            Value::Array(statements) => statements.iter().collect(),
            statement => vec![statement],
        };
        let statements = statements.into_iter().map(|value| Statement::parse(value, owner));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    /// Judges a request.
    pub(crate) fn judge(&self, question: &Question<'_>) -> Decision {
        let mut decision = Decision::Silent;
        for statement in self.statements.iter().filter(|statement| statement.is_about(question)) {
            if statement.denies {
                return Decision::Denied;
            }
            decision = Decision::Allowed;
        }
        decision
    }
}

impl Statement {
    fn parse(value: &Value, owner: Owner<'_>) -> Result<Self, String> {
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let value = members(value, &known)?;
        let denies = match value.get("Effect").and_then(Value::as_str) {
            Some("Deny") => true,
            Some("Allow") => false,
            other => return Err(format!("an effect of {other:?}")),
        };
        let has_principal = value.contains_key("Principal") || value.contains_key("NotPrincipal");
        let principals = match owner {
            Owner::User if has_principal => return Err("a user's policy names no principal".to_owned()),
            Owner::User => Patterns { excludes: false, patterns: vec!["*".to_owned()] },
            Owner::Bucket(_) => Patterns::parse(value, "Principal", "NotPrincipal")?,
        };
        let statement = Self {
            denies,
            principals,
            actions: Patterns::parse(value, "Action", "NotAction")?,
            resources: Patterns::parse(value, "Resource", "NotResource")?,
            conditions: value.get("Condition").map_or(Ok(Vec::new()), Condition::parse_all)?,
        };
        if let Owner::Bucket(bucket) = owner {
            statement.check_for_bucket(bucket)?;
        }
        Ok(statement)
    }

    /// Refuses policies that S3 refuses as `MalformedPolicy` for this bucket.
    fn check_for_bucket(&self, bucket: &str) -> Result<(), String> {
        let arn = format!("arn:aws:s3:::{bucket}");
        let is_own = |resource: &String| *resource == arn || resource.starts_with(&format!("{arn}/"));
        if let Some(other) = self.resources.patterns.iter().find(|resource| !is_own(resource)) {
            return Err(format!("Policy has invalid resource: {other}"));
        }
        let has = |object: bool| self.resources.patterns.iter().any(|arn| arn.contains('/') == object);
        let names = self.actions.patterns.iter().filter(|_| !self.actions.excludes);
        if let Some(action) =
            names.clone().find(|action| !action.contains('*') && !has(is_on_objects(action)))
        {
            return Err(format!("Action does not apply to any resource(s) in statement: {action}"));
        }
        for (condition, action) in self.conditions.iter().flat_map(|c| names.clone().map(move |a| (c, a))) {
            if !condition.applies_to(action) {
                return Err(format!(
                    "Conditions do not apply to combination of actions and resources in statement: {}",
                    condition.key()
                ));
            }
        }
        Ok(())
    }

    fn is_about(&self, question: &Question<'_>) -> bool {
        self.principals.include(question.principal, false)
            && self.actions.include(question.action, true)
            && self.resources.include(question.resource, false)
            && self.conditions.iter().all(|condition| condition.holds(question.context))
    }
}

/// Returns whether an action applies to objects, not to their bucket.
fn is_on_objects(action: &str) -> bool {
    let (_, name) = action.split_once(':').unwrap_or(("", action));
    let on_objects =
        ["Object", "AbortMultipartUpload", "ListMultipartUploadParts", "BypassGovernanceRetention"];
    let on_bucket = ["Bucket", "ObjectLockConfiguration"];
    on_objects.iter().any(|part| name.contains(part)) && !on_bucket.iter().any(|part| name.contains(part))
}

impl Patterns {
    fn parse(statement: &serde_json::Map<String, Value>, one: &str, other: &str) -> Result<Self, String> {
        match (statement.get(one), statement.get(other)) {
            (Some(value), None) => Ok(Self { excludes: false, patterns: texts(value)? }),
            (None, Some(value)) => Ok(Self { excludes: true, patterns: texts(value)? }),
            _ => Err(format!("either {one} or {other}")),
        }
    }

    fn include(&self, text: &str, ignores_case: bool) -> bool {
        let matches = self.patterns.iter().any(|pattern| {
            if ignores_case {
                matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
            } else {
                matches(pattern, text)
            }
        });
        matches != self.excludes
    }
}

/// Returns whether a text matches a pattern, in which `*` matches any characters and `?` one.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern.chars().count() == text.chars().count() && begins(pattern, text).is_some();
    };
    let Some(rest) = begins(head, text) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(tail, &rest[at..]))
}

/// Returns the rest of a text after a pattern without `*`.
fn begins<'text>(pattern: &str, text: &'text str) -> Option<&'text str> {
    let mut rest = text.chars();
    for wanted in pattern.chars() {
        let found = rest.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests;
