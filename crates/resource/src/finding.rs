//! What a stage has to say about the user's files: a rule, a severity, a place and a hint.

use yaml::Mark;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

/// Something to tell the user, at the place in their files that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Named for the defect it finds, in snake case.
    pub rule: &'static str,
    pub severity: Severity,
    /// A lower-case fragment that quotes the user's own word.
    pub message: String,
    /// Where the cause stands; [`Mark::NONE`] when no file holds it.
    pub mark: Mark,
    /// What to do next.
    pub hint: Option<String>,
}
