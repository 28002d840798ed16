//! Documents and objects that say who is granted what, read to facts; and grants that are written here, read back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::disallowed_methods,
    reason = "terraform, where it is on the PATH, works in a directory"
)]
#![expect(clippy::print_stderr, reason = "a test that has nothing to compare with says so")]

mod config_connector;
mod terraform;
mod written_back;

use std::sync::Arc;

use identity::{Condition, Member, State};
use resource::{Resource, Schema};
use yaml::{Layer, Mark, Sources};

/// The objects of a text, with marks in `sources`.
fn objects(text: &str, sources: &Sources) -> Vec<Resource> {
    let source = sources.add("objects.yaml", text.to_owned());
    let layer = Arc::new(Layer::new("k".into(), "resources[0]".into(), Mark::NONE));
    let nodes = yaml::read_documents(&source).unwrap().nodes;
    let resource = |node| Resource::new(node, layer.clone(), &Schema::builtin());
    nodes.into_iter().map(resource).collect()
}

/// All facts of a state, one in a line, each grant with the line it stands at.
fn facts(state: &State, sources: &Sources) -> Vec<String> {
    let line = |mark: Mark| sources.place(mark).map_or(0, |place| place.line);
    let list = |members: &[Member]| members.iter().map(Member::to_string).collect::<Vec<_>>().join(" ");
    let condition = |condition: &Option<Condition>| match condition {
        Some(Condition { title, expression }) => format!(" if {title}: {expression}"),
        None => String::new(),
    };
    let mut facts = Vec::new();
    for (on, policy) in &state.policies {
        if policy.bindings.is_empty() {
            facts.push(format!("{on} is there"));
        }
        for binding in &policy.bindings {
            facts.push(format!(
                "{}: {} to {} on {on}{}",
                line(binding.mark),
                binding.role,
                list(&binding.members),
                condition(&binding.condition)
            ));
        }
    }
    for (on, rule) in &state.deny_rules {
        facts.push(format!(
            "{}: {} but {} denied to {} but {} on {on}{}",
            line(rule.mark),
            rule.permissions.join(" "),
            rule.except_permissions.join(" "),
            list(&rule.denied),
            list(&rule.except),
            condition(&rule.condition)
        ));
    }
    for (child, parent) in &state.parents {
        facts.push(format!("{child} in {parent}"));
    }
    for (number, id) in &state.project_numbers {
        facts.push(format!("{id} is project {number}"));
    }
    for (role, permissions) in &state.custom_roles {
        let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
        facts.push(format!("{role} has {}", permissions.join(" ")));
    }
    for provider in &state.providers {
        facts.push(format!(
            "{}: {} of {} trusts {} for {} as {:?} if {}",
            line(provider.mark),
            provider.id,
            provider.pool,
            provider.issuer.as_deref().unwrap_or("-"),
            provider.audiences.join(" "),
            provider.mapping,
            provider.condition.as_deref().unwrap_or("-")
        ));
    }
    for key in &state.keys {
        facts.push(format!("{}: key {} of {}", line(key.mark), key.id, key.account));
    }
    for unresolved in &state.unresolved {
        facts.push(format!("{}: ? {}", line(unresolved.mark), unresolved.message));
    }
    facts
}
