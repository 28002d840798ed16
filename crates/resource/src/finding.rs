//! What a stage has to say about the user's files: a rule, a severity, a place and a hint.

use std::borrow::Cow;

use yaml::Mark;

use crate::id::ResId;

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
    pub rule: Cow<'static, str>,
    pub severity: Severity,
    /// A lower-case fragment that quotes the user's own word.
    pub message: String,
    /// Where the cause stands; [`Mark::NONE`] when no file holds it.
    pub mark: Mark,
    /// What to do next.
    pub hint: Option<String>,
    /// The object it is about.
    pub object: Option<ResId>,
    /// The field of the object, as `spec.template.spec.containers[name=main].image`.
    pub field: String,
    /// Other places that matter, each with a few words.
    pub related: Vec<(Mark, String)>,
    /// Whether its places hold a secret: then no report shows their lines, here or elsewhere.
    pub concealed: bool,
    /// What it is about within a long text: the first such word from `mark` on is the place. Empty if it is all of it.
    pub word: String,
}

impl Finding {
    pub fn new(
        rule: impl Into<Cow<'static, str>>,
        severity: Severity,
        mark: Mark,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            rule: rule.into(),
            severity,
            message: message.into(),
            mark,
            hint: None,
            object: None,
            field: String::new(),
            related: Vec::new(),
            concealed: false,
            word: String::new(),
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    /// The object and its field.
    #[must_use]
    pub fn on(mut self, object: ResId, field: impl Into<String>) -> Finding {
        self.object = Some(object);
        self.field = field.into();
        self
    }

    /// The word within a long text that it is about.
    #[must_use]
    pub fn at_word(mut self, word: impl Into<String>) -> Finding {
        self.word = word.into();
        self
    }

    #[must_use]
    pub fn related(mut self, mark: Mark, words: impl Into<String>) -> Finding {
        self.related.push((mark, words.into()));
        self
    }

    /// Its places hold a secret, whose lines no report shows. The message must not quote it either.
    #[must_use]
    pub fn concealed(mut self) -> Finding {
        self.concealed = true;
        self
    }
}
