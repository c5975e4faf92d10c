//! Conditions of statements (IAM User Guide, *IAM JSON policy elements: Condition operators*).

use serde_json::Value;

use super::{Context, document::texts, matches};

/// The keys that requests to this server have, and the actions that support them (Service Authorization
/// Reference, *Actions, resources, and condition keys for Amazon S3*; all actions support keys that begin
/// with `aws:`).
const KEYS: [(&str, &[&str]); 6] = [
    ("s3:if-none-match", &["s3:PutObject"]),
    ("s3:if-match", &["s3:PutObject", "s3:DeleteObject"]),
    ("s3:objectcreationoperation", &["s3:PutObject"]),
    ("s3:x-amz-copy-source", &["s3:PutObject"]),
    ("s3:x-amz-storage-class", &["s3:PutObject"]),
    ("s3:prefix", &["s3:ListBucket", "s3:ListBucketVersions"]),
];

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// The key is absent, or present.
    Null,
    /// Ignores case.
    Bool,
    Equals,
    Like,
}

/// One key with its values, one of which has to match.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    /// No value may match.
    is_negated: bool,
    /// The condition holds if the request does not have the key.
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

impl Condition {
    /// Reads the element `Condition`.
    pub(super) fn parse_all(value: &Value) -> Result<Vec<Self>, String> {
        let operators = value.as_object().ok_or("conditions are an object")?;
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            for (key, values) in keys.as_object().ok_or("an operator has keys")? {
                conditions.push(Self::parse(name, key, texts(values)?)?);
            }
        }
        Ok(conditions)
    }

    fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (name, if_exists) =
            operator.strip_suffix("IfExists").map_or((operator, false), |name| (name, true));
        let (operator, is_negated) = match name {
            "Null" if !if_exists => (Operator::Null, false),
            "Bool" => (Operator::Bool, false),
            "StringEquals" => (Operator::Equals, false),
            "StringNotEquals" => (Operator::Equals, true),
            "StringLike" | "ArnLike" | "ArnEquals" => (Operator::Like, false),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (Operator::Like, true),
            _ => return Err(format!("unknown operator {operator}")),
        };
        let key = key.to_ascii_lowercase();
        let is_known = KEYS.iter().any(|(known, _)| *known == key)
            || ["aws:", "kms:"].iter().any(|service| key.starts_with(service));
        if !is_known {
            return Err(format!("unknown condition key {key}"));
        }
        Ok(Self { operator, is_negated, if_exists, key, values })
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Returns whether requests for an action can have the key.
    pub(super) fn applies_to(&self, action: &str) -> bool {
        self.key.starts_with("aws:")
            || KEYS.iter().any(|(key, actions)| *key == self.key && actions.contains(&action))
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let present = context.get(self.key.as_str());
        let has = |matches: &dyn Fn(&String) -> bool| self.values.iter().any(matches);
        match (self.operator, present) {
            (Operator::Null, present) => {
                has(&|value| value.eq_ignore_ascii_case(&present.is_none().to_string()))
            }
            (_, None) => self.is_negated || self.if_exists,
            (Operator::Bool, Some(present)) => has(&|value| value.eq_ignore_ascii_case(present)),
            (Operator::Equals, Some(present)) => has(&|value| value == present) != self.is_negated,
            (Operator::Like, Some(present)) => has(&|value| matches(value, present)) != self.is_negated,
        }
    }
}
