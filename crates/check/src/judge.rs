//! Findings and waivers: what is accepted, by whom, until when.

use platform::{Marked, Waiver};
use resource::{Finding, ResId, Severity};

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

fn is_object(pattern: &str, id: &ResId) -> bool {
    match pattern.split_once('/') {
        _ if pattern == "*" => true,
        Some((kind, "*")) => *id.gvk.kind == *kind,
        Some((kind, name)) => *id.gvk.kind == *kind && *id.name == *name || id.full_name() == pattern,
        None => false,
    }
}

/// Whether a text is a day as `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let number = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let (Some(year_number), Some(month), Some(day_number)) = (number(year), number(month), number(day)) else {
        return false;
    };
    let is_leap = year_number % 4 == 0 && (year_number % 100 != 0 || year_number % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year.len() == 4 && parts[1].len() == 2 && day.len() == 2 && (1..=days).contains(&day_number)
}
