//! Findings and waivers: what is accepted, by whom, until when.

use platform::{Marked, Waiver};
use resource::{Finding, ResId, Severity, nearest};

use crate::rule::{RULES, rule};

/// A finding, and whether it counts.
#[derive(Clone, Debug)]
pub struct Judged<'w> {
    pub finding: Finding,
    pub state: State<'w>,
}

#[derive(Clone, Copy, Debug)]
pub enum State<'w> {
    Open,
    Waived(&'w Waiver),
}

impl Judged<'_> {
    pub fn is_waived(&self) -> bool {
        matches!(self.state, State::Waived(_))
    }
}

/// Applies the waivers of an environment. `today` is a date as `YYYY-MM-DD`. A waiver whose day is over
/// waives nothing and is a finding itself; so is one whose date is none.
pub fn judge<'w>(
    findings: Vec<Finding>,
    waivers: &'w [Marked<Waiver>],
    environment: &str,
    today: &str,
) -> Vec<Judged<'w>> {
    let mut judged = Vec::with_capacity(findings.len());
    let applies = |waiver: &Waiver| {
        waiver.environments.is_empty() || waiver.environments.iter().any(|name| **name == environment)
    };
    let mut valid: Vec<&Waiver> = Vec::new();
    for waiver in waivers.iter().filter(|waiver| applies(waiver)) {
        judged.extend(of_unknown_rule(&waiver.rule).map(|finding| Judged {
            finding,
            state: State::Open,
        }));
        let expires = &waiver.expires;
        let problem = if !is_date(expires) {
            Some((Severity::Error, format!("\"{}\" is no date", expires.value)))
        } else if ***expires < *today {
            let words = format!("the waiver of {} for {} is over", *waiver.rule, waiver.object);
            Some((Severity::Warning, words))
        } else {
            valid.push(waiver);
            None
        };
        judged.extend(problem.map(|(severity, message)| {
            Judged {
                finding: Finding::new("waiver_expired", severity, expires.mark, message)
                    .hint("mend what it waives, or have its owner decide again and write a later date: YYYY-MM-DD"),
                state: State::Open,
            }
        }));
    }
    for finding in findings {
        let waiver = valid.iter().find(|waiver| {
            *waiver.rule.value == *finding.rule
                && finding.object.as_ref().is_none_or(|id| is_object(&waiver.object, id))
        });
        let state = waiver.map_or(State::Open, |waiver| State::Waived(waiver));
        judged.push(Judged { finding, state });
    }
    judged
}

/// What findings are called that no rule of the list makes. Policies have names of their own, with a slash.
const BESIDE_RULES: [&str; 10] = [
    "build_failed",
    "deprecated_field",
    "function_not_run",
    "ignored_field",
    "patch_without_target",
    "policy_failed",
    "policy_invalid",
    "policy_skipped",
    "repeated_key",
    "unused_var",
];

/// A waiver of a rule that is not there waives nothing, and nobody would see it.
fn of_unknown_rule(name: &Marked<String>) -> Option<Finding> {
    if name.contains('/') || rule(name).is_some() || BESIDE_RULES.contains(&name.as_str()) {
        return None;
    }
    let near = nearest(name, RULES.iter().map(|rule| rule.name));
    let message = format!("there is no rule \"{}\" to waive", name.value);
    let finding = Finding::new("waiver_invalid", Severity::Error, name.mark, message);
    Some(finding.hint(format!("rules with names like it are {}", near.join(", "))))
}

fn is_object(pattern: &str, id: &ResId) -> bool {
    match pattern.split_once('/') {
        _ if pattern == "*" => true,
        Some((kind, "*")) => *id.gvk.kind == *kind,
        Some((kind, name)) => *id.gvk.kind == *kind && *id.name == *name || id.full_name() == pattern,
        None => false,
    }
}

/// Whether a text is a day as `YYYY-MM-DD`.
pub(crate) fn is_date(text: &str) -> bool {
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    match (number(year, 4), number(month, 2), number(day, 2)) {
        (Some(year), Some(month @ 1..=12), Some(day)) => {
            (1..=u16::from(yaml::days_in_month(month as u8, year))).contains(&day)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use yaml::Mark;

    use super::*;

    fn marked<T>(value: T) -> Marked<T> {
        Marked {
            value,
            mark: Mark::NONE,
        }
    }

    fn waiver(object: &str, environments: &[&str], expires: &str) -> Marked<Waiver> {
        marked(Waiver {
            rule: marked("image_without_digest".to_owned()),
            object: object.to_owned(),
            environments: environments.iter().map(|name| marked((*name).to_owned())).collect(),
            reason: "reason".to_owned(),
            owner: "owner".to_owned(),
            expires: marked(expires.to_owned()),
        })
    }

    /// How many findings are waived, and the rules of those that are open.
    fn judged(waiver: Marked<Waiver>) -> (usize, Vec<String>) {
        let mut id = ResId {
            name: "iris".into(),
            ..ResId::default()
        };
        id.gvk.kind = "Deployment".into();
        let finding = Finding::new("image_without_digest", Severity::Warning, Mark::NONE, "no digest").on(id, "");
        let waivers = [waiver];
        let judged = judge(vec![finding], &waivers, "prod", "2026-11-21");
        let open = judged.iter().filter(|judged| !judged.is_waived());
        let open: Vec<String> = open.map(|judged| judged.finding.rule.to_string()).collect();
        (judged.len() - open.len(), open)
    }

    #[test]
    fn a_waiver_holds_for_its_object_environment_and_time() {
        let open = |rules: &[&str]| (0, rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>());
        let waived = (1, Vec::new());
        let table = [
            (waiver("Deployment/iris", &[], "2026-11-21"), waived.clone()),
            (waiver("Deployment/*", &["prod"], "2030-02-28"), waived.clone()),
            (waiver("*", &["dev", "prod"], "2028-02-29"), waived),
            (
                waiver("Deployment/other", &[], "2030-01-01"),
                open(&["image_without_digest"]),
            ),
            (
                waiver("StatefulSet/*", &[], "2030-01-01"),
                open(&["image_without_digest"]),
            ),
            (waiver("*", &["dev"], "2030-01-01"), open(&["image_without_digest"])),
            (
                waiver("*", &[], "2026-11-20"),
                open(&["waiver_expired", "image_without_digest"]),
            ),
            (
                waiver("*", &[], "2027-02-29"),
                open(&["waiver_expired", "image_without_digest"]),
            ),
            (
                waiver("*", &[], "soon"),
                open(&["waiver_expired", "image_without_digest"]),
            ),
        ];
        for (waiver, expected) in table {
            let shown = format!("{} {}", waiver.object, waiver.expires.value);
            assert_eq!(judged(waiver), expected, "{shown}");
        }
    }
}
