//! ## What it does
//!
//! Finds namespaces, projects, hosts and addresses of another environment: those that the platform file
//! names for it. What is called like a namespace is not the namespace: the name of an object, and labels that
//! name an application, are left alone.
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
use yaml::Node;

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
use crate::text::Text;

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
        let name = names.iter().find(|(_, name)| {
            let is_namespace = facts.foreign_namespaces.iter().any(|(_, namespace)| namespace == name);
            holds_word(text.value, name) && (!is_namespace || means_namespace(&text, name))
        });
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
        let field = text.field();
        let hint = match (field.as_str(), &facts.namespace) {
            ("metadata.namespace", Some(own)) => {
                format!("`namespace: {own}` in the kustomization of {} moves all objects", facts.environment)
            }
            _ => format!("set it for {} in its overlay", facts.environment),
        };
        findings.push(
            RULE.finding(text.object, field, text.mark, message)
                .hint(hint)
                .at_word(value),
        );
    }
}

/// Whether a text that holds the name of a namespace as a word means the namespace. What is called `iris-dev` is
/// seldom anything else; `iris` is also a model, an image, and a file.
fn means_namespace(text: &Text<'_>, name: &str) -> bool {
    let key = text.last_key().unwrap_or_default();
    if key == "image" || text.value == name && is_name(text) {
        return false;
    }
    if name.contains('-') {
        return true;
    }
    let variable = text.mapping().and_then(|mapping| mapping.get("name")).and_then(Node::as_str);
    let says = |name: &str| name.to_ascii_lowercase().contains("namespace");
    let is_called = says(key) || key == "value" && variable.is_some_and(says);
    text.value == name && (is_called || key == "name" && text.object.kind() == "Namespace")
        || holds_namespace(text.value, name)
}

/// Whether a namespace stands in a longer text as such: in the name of a host, of an account, or of a principal,
/// or as the value of a flag or variable.
fn holds_namespace(text: &str, name: &str) -> bool {
    const BEFORE: [&str; 8] = ["namespace=", "namespace:", "namespace ", "-n ", "-n=", "ns/", "serviceaccount:", ".id.goog["];
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let before = before.trim_end_matches(['"', '\'']).to_ascii_lowercase();
        before.ends_with('.') && (after == ".svc" || after.starts_with(".svc.") || after.starts_with(".svc:"))
            || BEFORE.iter().any(|word| before.ends_with(word)) && !after.starts_with(is_part)
    })
}

/// Whether a text names an object or an application, which may be called like a namespace.
fn is_name(text: &Text<'_>) -> bool {
    let key = text.last_key().unwrap_or_default();
    match text.key_above() {
        Some("labels" | "matchLabels" | "selector") => {
            matches!(key, "app" | "name" | "k8s-app" | "component") || key.starts_with("app.kubernetes.io/")
        }
        Some("metadata") => key == "name" && text.object.kind() != "Namespace",
        _ => false,
    }
}

/// Whether a name may have such a character.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Whether the text holds a name between characters that no name has.
fn holds_word(text: &str, name: &str) -> bool {
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
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
    fn a_word_is_a_namespace_where_it_is_used_as_one() {
        for text in [
            "http://mlflow.iris.svc.cluster.local:5000",
            "mlflow.iris.svc",
            "kubectl apply -n iris -f x",
            "--namespace=iris",
            "export NAMESPACE=\"iris\"\npython train.py",
            "system:serviceaccount:iris:trainer",
            "acme-prod.svc.id.goog[iris/trainer]",
            "principal://iam.googleapis.com/x/subject/ns/iris/sa/trainer",
        ] {
            assert!(holds_namespace(text, "iris"), "{text}");
        }
        for text in ["python iris.py", "gs://models/iris/v1", "iris.svc.acme.com", "--namespace=iris-2", "registry/iris"] {
            assert!(!holds_namespace(text, "iris"), "{text}");
        }
    }

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
