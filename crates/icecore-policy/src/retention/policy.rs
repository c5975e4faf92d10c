//! Rules that were checked together.

use super::{error::RetentionError, rule::RetentionRule, scheme::Scheme};

/// Rules that do not contradict each other, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    rules: Vec<RetentionRule>,
}

impl RetentionPolicy {
    /// Checks rules and puts those of a scheme before them. Beside a scheme, only tags may be kept.
    pub fn new(rules: Vec<RetentionRule>, scheme: Option<Scheme>) -> Result<Self, RetentionError> {
        if let Some(scheme) = scheme {
            let conflict = rules.iter().find(|rule| !matches!(rule, RetentionRule::Tag(_)));
            if let Some(rule) = conflict {
                return Err(RetentionError::SchemeAndRule { scheme, rule: rule.clone() });
            }
        }
        for (index, second) in rules.iter().enumerate() {
            if let Some(first) = rules[..index].iter().find(|first| first.contradicts(second)) {
                return Err(RetentionError::RuleTwice { first: first.clone(), second: second.clone() });
            }
        }
        let rules: Vec<_> = scheme.map(Scheme::rules).unwrap_or_default().into_iter().chain(rules).collect();
        if rules.is_empty() {
            return Err(RetentionError::KeepsNothing);
        }
        Ok(Self { rules })
    }

    /// Returns the rules.
    pub fn rules(&self) -> &[RetentionRule] {
        &self.rules
    }
}

#[cfg(test)]
mod tests;
