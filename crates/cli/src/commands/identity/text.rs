//! Answers about identities, for a person.

use std::fmt::Write;

use identity::{Acting, Decision, Grant, IMPERSONATION, Member, NearMiss, ResourceName};

use super::Answer;

const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";
/// Grants that come near, shown at most.
const NEAR_MISSES: usize = 5;

pub(super) fn explanation(answer: &Answer<'_>, colour: bool) -> String {
    let Answer { access, explanation } = answer;
    let mut out = String::new();
    let head = match &explanation.decision {
        Decision::Granted(_) => "granted",
        Decision::Denied { .. } | Decision::Disabled(_) => "denied",
        Decision::Missed(_) => "not granted",
        Decision::Unknown(_) => "unknown",
    };
    let head = if colour {
        format!("{BOLD}{head}{RESET}")
    } else {
        head.to_owned()
    };
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{head}: {} on {}", access.permission, access.resource);
    let _ = writeln!(out, "  {}", access.subject);
    for link in &explanation.links {
        let how = match link.acting {
            Acting::Delegation => "asks through",
            Acting::Token | Acting::Launch => "acts as",
        };
        let _ = writeln!(
            out,
            "  {how} {}\n      by {}",
            link.account,
            grant(&link.grant, &link.actor)
        );
        if link.permission != IMPERSONATION {
            let _ = writeln!(out, "      with {}", link.permission);
        }
    }
    let actor = explanation.links.last().map_or(access.subject, |link| &link.account);
    match &explanation.decision {
        Decision::Granted(found) => {
            let _ = writeln!(out, "  has {}\n      by {}", access.permission, grant(found, actor));
        }
        Decision::Denied { on, member } => {
            let _ = writeln!(out, "  a deny policy on {on} denies it to {member}");
        }
        Decision::Disabled(account) => {
            let _ = writeln!(out, "  {account} is disabled");
        }
        Decision::Unknown(reasons) => {
            for why in reasons {
                let _ = writeln!(out, "  {why}");
            }
        }
        Decision::Missed(missed) => {
            let meant = |found: &Grant| {
                format!(
                    "{} on {} is granted to {}: is that who is meant?",
                    found.role, found.on, found.member
                )
            };
            let near = missed.near.iter().map(|near| match near {
                NearMiss::Condition(found) => {
                    let condition = found.condition.as_ref().map_or("", |condition| &condition.expression);
                    format!(
                        "has {} on {}, but not under its condition: {condition}",
                        found.role, found.on
                    )
                }
                NearMiss::Spelling(found) => meant(found),
            });
            let near: Vec<String> = near.chain(explanation.near_links.iter().map(meant)).collect();
            for line in near.iter().take(NEAR_MISSES) {
                let _ = writeln!(out, "  {line}");
            }
            if near.len() > NEAR_MISSES {
                let _ = writeln!(
                    out,
                    "  and {} more come near: -o json has them",
                    near.len() - NEAR_MISSES
                );
            }
            for account in &explanation.may_act_as {
                let _ = writeln!(out, "  may act as {account}, which lacks it too");
            }
        }
    }
    if let Some(missing) = &explanation.missing {
        // A grant to a name that was mistyped is one to nobody.
        let is_mistyped = |near: &NearMiss| matches!(near, NearMiss::Spelling(_));
        let may_be_mistyped = !explanation.near_links.is_empty()
            || matches!(&explanation.decision, Decision::Missed(missed) if missed.near.iter().any(is_mistyped));
        let head = if may_be_mistyped {
            "if not, this grant"
        } else {
            "this grant"
        };
        let _ = writeln!(out, "\n{head} is missing:\n\n  {}", missing.gcloud());
        for form in [missing.terraform(), missing.config_connector()] {
            out.push('\n');
            for line in form.lines() {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
    out
}

pub(super) fn who_can(permission: &str, resource: &ResourceName, members: &[(Member, Decision)]) -> String {
    let mut out = String::new();
    if members.is_empty() {
        let _ = writeln!(out, "nobody has {permission} on {resource}, as far as the grants say");
    }
    for (member, decision) in members {
        let _ = match decision {
            Decision::Granted(found) => writeln!(out, "{member}\n    by {}", grant(found, member)),
            Decision::Denied { on, .. } => writeln!(out, "{member}\n    denied by a deny policy on {on}"),
            Decision::Disabled(_) => writeln!(out, "{member}\n    denied: it is disabled"),
            Decision::Unknown(reasons) => writeln!(out, "{member}\n    unknown: {}", reasons.join("; ")),
            Decision::Missed(_) => Ok(()),
        };
    }
    out
}

/// A grant, and whom it names where that is not the subject itself.
fn grant(grant: &Grant, subject: &Member) -> String {
    let mut text = format!("{} on {}", grant.role, grant.on);
    if grant.member != *subject {
        let _ = write!(text, ", granted to {}", grant.member);
    }
    if let Some(condition) = &grant.condition {
        let _ = write!(text, ", while {}", condition.expression);
    }
    text
}
