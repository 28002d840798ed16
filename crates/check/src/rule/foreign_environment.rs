//! ## What it does
//!
//! Finds namespaces, projects, hosts and addresses of another environment: those that the platform file
//! names for it.
//!
//! ## Why is this bad?
//!
//! Production that calls the database of staging works until staging is cleaned up; staging that writes to
//! the bucket of production is worse.
//!
//! ## Example
//!
//! ```yaml
//! # in the overlay of prod
//! env:
//! - name: DATABASE
//!   value: db.iris-dev.svc.cluster.local
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! env:
//! - name: DATABASE
//!   value: db.iris-prod.svc.cluster.local
//! ```

use resource::{Finding, Severity};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;

pub(super) const RULE: Rule = Rule {
    name: "foreign_environment",
    severity: Some(Severity::Error),
    controls: &[
        Control::Soc2("CC6.6"),
        Control::Soc2("CC8.1"),
        Control::Iso27001("A.8.31"),
        Control::Iso27001("A.8.22"),
    ],
    file: include_str!("foreign_environment.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let facts = context.facts();
    let own = |value: &str| {
        [&facts.namespace, &facts.project]
            .into_iter()
            .flatten()
            .any(|own| own == value)
    };
    let named = facts.foreign_namespaces.iter().chain(&facts.foreign_projects);
    let names: Vec<(&str, &str)> = named
        .map(|(environment, value)| (environment.as_str(), value.as_str()))
        .filter(|(_, value)| !own(value))
        .collect();
    if names.is_empty() && facts.foreign_hosts.is_empty() {
        return;
    }
    for text in context.texts() {
        let name = names.iter().find(|(_, name)| holds_word(text.value, name));
        let host = || {
            let hosts = facts.foreign_hosts.iter();
            hosts
                .map(|(of, host)| (of.as_str(), host.as_str()))
                .find(|(_, host)| holds_host(text.value, host))
        };
        let Some((environment, value)) = name.copied().or_else(host) else {
            continue;
        };
        let message = format!("\"{value}\" belongs to the environment {environment}");
        findings.push(
            RULE.finding(text.object, text.field(), text.mark, message)
                .hint(format!("set it for {} in its overlay", facts.environment)),
        );
    }
}

/// Whether the text holds a name between characters that no name has.
fn holds_word(text: &str, name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).map(|at| text.as_bytes()[at]);
        let after = text.as_bytes().get(at + name.len()).copied();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether the text holds a host, one below `*.`, or an address of a range.
fn holds_host(text: &str, host: &str) -> bool {
    if let Some((network, bits)) = host.split_once('/') {
        let (Some(network), Ok(bits @ 0..=32)) = (address(network), bits.parse::<u32>()) else {
            return false;
        };
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        return words(text)
            .filter_map(address)
            .any(|found| found & mask == network & mask);
    }
    match host.strip_prefix("*.") {
        Some(domain) => words(text).any(|word| word.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))),
        None => words(text).any(|word| word == host),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
        .filter(|word| !word.is_empty())
}

fn address(text: &str) -> Option<u32> {
    text.parse::<std::net::Ipv4Addr>().ok().map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_words() {
        assert!(holds_word("db.iris-dev.svc:5432", "iris-dev"));
        assert!(!holds_word("db.iris-dev2.svc", "iris-dev"));
        assert!(!holds_word("my-iris-dev", "iris-dev"));
        assert!(holds_host("https://api.dev.acme.com/x", "*.dev.acme.com"));
        assert!(!holds_host("https://dev.acme.com/x", "*.dev.acme.com"));
        assert!(holds_host("10.1.2.3:80", "10.1.0.0/16"));
        assert!(!holds_host("10.2.2.3:80", "10.1.0.0/16"));
        assert!(holds_host("tcp://10.1.2.3", "10.1.2.3"));
        assert!(!holds_host("10.1.2.30", "10.1.2.3"));
        assert!(holds_host("1.2.3.4", "0.0.0.0/0"));
    }
}
