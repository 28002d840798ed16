//! Which acts are asked for.

use clap::{Args, ValueEnum};
use record::{Entry, Time};

use super::act::Deed;
use crate::programs::duration;

/// Which acts.
#[derive(Args, Debug)]
pub(super) struct FilterArgs {
    /// Begun at this time or later: 2026-11-22, 2026-11-22T14:00:00Z, or so long ago: 90m, 12h, 30d.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Time>,
    /// Begun before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Time>,
    /// By this person, service account or pod (NAMESPACE/NAME), or as this Google principal. In this and the next three, *
    /// stands for anything.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// What was done, as setIamPolicy.
    #[arg(long, value_name = "VERB")]
    verb: Option<String>,
    /// To this resource, by its full name.
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// In this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// With this outcome.
    #[arg(long, value_name = "OUTCOME", value_enum)]
    outcome: Option<OutcomeArg>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutcomeArg {
    Succeeded,
    Failed,
    /// Nobody knows: there was no answer.
    Unknown,
    /// There is none yet: somebody is at it, or was ended before it was done.
    Open,
}

fn time(text: &str) -> Result<Time, String> {
    if let Some(time) = Time::parse(text) {
        return Ok(time);
    }
    let ago = duration(text).ok().and_then(|ago| i64::try_from(ago.as_micros()).ok());
    let time = ago.and_then(|ago| Time::from_micros(Time::now().micros() - ago));
    time.ok_or_else(|| "say a day, a time as 2026-11-22T14:00:00Z, or how long ago, as 12h".to_owned())
}

impl FilterArgs {
    /// By what is known before the outcome is.
    pub(super) fn wants_intent(&self, entry: &Entry) -> bool {
        let Some(intent) = entry.intent() else {
            return false;
        };
        let fits = |pattern: &Option<String>, texts: &[Option<&str>]| {
            let fits = |pattern: &String| texts.iter().flatten().any(|text| matches(pattern, text));
            pattern.as_ref().is_none_or(fits)
        };
        self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
            && fits(&self.actor, &[Some(intent.who.name()), intent.as_whom.as_deref()])
            && fits(&self.verb, &[Some(&intent.what.verb)])
            && fits(&self.resource, &[Some(&intent.what.resource)])
            && fits(&self.environment, &[intent.environment.as_deref()])
    }

    pub(super) fn wants(&self, deed: &Deed) -> bool {
        let word = self.outcome.map(|outcome| match outcome {
            OutcomeArg::Succeeded => "succeeded",
            OutcomeArg::Failed => "failed",
            OutcomeArg::Unknown => "unknown",
            OutcomeArg::Open => "open",
        });
        word.is_none_or(|word| word == deed.status())
    }
}

/// Whether a pattern with stars is a text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("//storage*", "//storage.googleapis.com/x", true),
            ("*models*", "gs://models/iris", true),
            ("*models", "gs://models/iris", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("ab*bc", "abc", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
