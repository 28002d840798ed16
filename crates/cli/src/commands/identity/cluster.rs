//! Questions about a cluster: who may do what by Kubernetes' roles and bindings.

use std::fmt::Write;

use identity::Member;
use identity::rbac::{
    Action, ActionError, Answer, BUILT_IN_VERSION, Binding, Granted, Lack, Near, NewRole, Rbac, Subject,
};
use serde::Serialize;
use yaml::{Mark, Sources};

use crate::diagnostic::{Diagnostic, PlaceRecord};
use crate::output::{self, AnswerFormat};

/// Whether a permission is one of a cluster: a verb and a resource, where Google has one word.
pub(super) fn is_asked(permission: &str) -> bool {
    permission.split_whitespace().nth(1).is_some()
}

/// A question as it was asked.
pub(super) struct Question<'a> {
    pub(super) rbac: &'a Rbac,
    pub(super) action: &'a Action,
    pub(super) sources: &'a Sources,
    /// The environment of the platform file, where several are asked.
    pub(super) environment: Option<&'a str>,
}

/// What somebody wants to do.
///
/// # Errors
/// What is neither of the forms.
pub(super) fn action(permission: &str, namespace: Option<&str>) -> Result<Action, Box<Diagnostic>> {
    Action::parse(permission, namespace)
        .map_err(|error| Box::new(Diagnostic::error(error.to_string()).hint(ActionError::HINT)))
}

/// Who asks: a service account in any of its forms, a group, or a user.
///
/// # Errors
/// A service account without its namespace or name.
pub(super) fn subject(text: &str) -> Result<Subject, Box<Diagnostic>> {
    let in_pool = if text.ends_with(']') && !text.contains(':') {
        format!("serviceAccount:{text}").parse::<Member>()
    } else {
        text.parse()
    };
    let Ok(member) = in_pool;
    if let Some((namespace, name)) = member.as_kubernetes() {
        return Ok(Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        });
    }
    let subject = match text.split_once(':') {
        Some(("group", name)) => Subject::Group(name.to_owned()),
        // Who signs in to Google Kubernetes Engine with Google is a user of that address.
        Some(("user" | "serviceAccount", name)) => Subject::user(name),
        _ => Subject::user(text),
    };
    match &subject {
        Subject::User(name) if name.starts_with("system:serviceaccount:") => Err(Box::new(
            Diagnostic::error(format!("\"{text}\" is no service account"))
                .hint("write system:serviceaccount:NAMESPACE:NAME"),
        )),
        _ => Ok(subject),
    }
}

/// Prints the answers of several environments: one below the other, or a list.
pub(super) fn print(answers: &[(Option<&str>, String)], format: AnswerFormat) -> Result<(), Box<Diagnostic>> {
    let text = match (answers, format) {
        ([(None, answer)], _) => answer.clone(),
        (_, AnswerFormat::Text) => {
            let headed = answers
                .iter()
                .map(|(environment, answer)| format!("{}:\n{answer}", environment.unwrap_or_default()));
            headed.collect::<Vec<_>>().join("\n")
        }
        (_, AnswerFormat::Json) => {
            let indented = answers
                .iter()
                .map(|(_, answer)| answer.trim_end().replace('\n', "\n  "));
            format!("[\n  {}\n]\n", indented.collect::<Vec<_>>().join(",\n  "))
        }
    };
    output::answer(&[text])
}

/// Why a subject may do something, or what is missing; and whether it may.
pub(super) fn explain(
    question: &Question<'_>,
    subject: &Subject,
    groups: &[String],
    format: AnswerFormat,
) -> (String, bool) {
    let answer = question.rbac.decide(subject, groups, question.action);
    let missing = NewRole {
        subject,
        action: question.action,
    };
    let text = match format {
        AnswerFormat::Text => question.explanation(subject, &answer, &missing),
        AnswerFormat::Json => question.explanation_record(subject, &answer, &missing),
    };
    (text, !matches!(answer, Answer::Missed(_)))
}

/// Everybody who may do something.
pub(super) fn who_can(question: &Question<'_>, format: AnswerFormat) -> String {
    let found = question.rbac.who_can(question.action);
    match format {
        AnswerFormat::Text => {
            let mut out = String::new();
            if found.is_empty() {
                // Writing to a text cannot fail.
                let _ = writeln!(out, "nobody may {}, as far as the trees say", question.action);
            }
            for granted in &found {
                let _ = writeln!(
                    out,
                    "{}\n    by {}",
                    granted.subject,
                    question.grant(granted, granted.subject)
                );
            }
            out
        }
        AnswerFormat::Json => {
            let members = found.iter().map(|granted| SubjectRecord {
                subject: granted.subject.to_string(),
                grant: question.grant_record(granted),
            });
            pretty(&WhoCanRecord {
                environment: question.environment,
                permission: question.action.permission(),
                namespace: question.action.namespace(),
                subjects: members.collect(),
            })
        }
    }
}

impl Question<'_> {
    fn explanation(&self, subject: &Subject, answer: &Answer<'_>, missing: &NewRole<'_>) -> String {
        let mut out = String::new();
        let head = match answer {
            Answer::Missed(_) => "not granted",
            Answer::Master | Answer::Granted(_) => "granted",
        };
        let _ = writeln!(out, "{head}: {}\n  {subject}", self.action);
        match answer {
            Answer::Master => out.push_str("  is of the group system:masters, which may do everything\n"),
            Answer::Granted(granted) => {
                let _ = writeln!(
                    out,
                    "  has {}\n      by {}",
                    self.action.permission(),
                    self.grant(granted, subject)
                );
            }
            Answer::Missed(near) => {
                for near in near {
                    let _ = writeln!(out, "  {}", self.near(near));
                }
                let kind = if self.action.namespace().is_some() {
                    "role"
                } else {
                    "cluster role"
                };
                let _ = writeln!(out, "\nthis {kind} and its binding are missing:\n");
                for line in missing.yaml().lines() {
                    let _ = writeln!(out, "  {line}");
                }
            }
        }
        out
    }

    /// The rule, its role and its binding, and whom the binding names where that is not the subject itself.
    fn grant(&self, granted: &Granted<'_>, subject: &Subject) -> String {
        let Granted {
            binding,
            subject: named,
            role,
            rule,
        } = granted;
        let mut text = format!("rules[{}] of {}", rule.position, role.name);
        if rule.of != role.name.name() {
            let _ = write!(text, ", from ClusterRole {}", rule.of);
        }
        let _ = write!(text, "{}, bound by {}", self.place(rule.mark), self.bound(binding));
        if *named != subject {
            let _ = write!(text, ", to {named}");
        }
        text
    }

    fn bound(&self, binding: &Binding) -> String {
        format!("{binding}{}", self.place(binding.mark))
    }

    fn place(&self, mark: Mark) -> String {
        match self.sources.place(mark) {
            Some(place) => format!(" ({}:{})", place.file, place.line),
            None => format!(" (of Kubernetes {BUILT_IN_VERSION})"),
        }
    }

    fn near(&self, near: &Near<'_>) -> String {
        match near {
            Near::Subject { binding, subject } => {
                format!("{} is for {subject}: is that who is meant?", self.bound(binding))
            }
            Near::Namespace { binding } => {
                let namespace = binding.namespace.as_deref().unwrap_or_default();
                format!("{} gives it in the namespace {namespace} only", self.bound(binding))
            }
            Near::NoRole { binding, near } => {
                let near: Vec<String> = near.iter().map(ToString::to_string).collect();
                let near = if near.is_empty() {
                    String::new()
                } else {
                    format!("; near it are {}", near.join(", "))
                };
                format!(
                    "{} binds {}, which is not there{near}",
                    self.bound(binding),
                    binding.role
                )
            }
            Near::Rule {
                binding,
                role,
                rule,
                lacks,
            } => {
                let what = match lacks {
                    Lack::Verb => format!(
                        "lacks the verb {}: it has {}",
                        self.action.verb(),
                        rule.verbs.join(", ")
                    ),
                    Lack::Group => {
                        let groups = rule.groups.iter().map(|group| format!("\"{group}\""));
                        format!("is for the API groups {}", groups.collect::<Vec<_>>().join(", "))
                    }
                    Lack::Subresource => format!("is for {}, without this subresource", rule.resources.join(", ")),
                    Lack::Name => format!("is for the names {} alone", rule.names.join(", ")),
                };
                format!(
                    "rules[{}] of {}{}, bound by {}, {what}",
                    rule.position,
                    role.name,
                    self.place(rule.mark),
                    self.bound(binding)
                )
            }
        }
    }
}

#[derive(Serialize)]
struct ExplanationRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    subject: String,
    permission: String,
    namespace: Option<&'a str>,
    decision: DecisionRecord<'a>,
    missing: Option<MissingRecord>,
}

#[derive(Serialize)]
struct WhoCanRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    permission: String,
    namespace: Option<&'a str>,
    subjects: Vec<SubjectRecord<'a>>,
}

#[derive(Serialize)]
struct SubjectRecord<'a> {
    subject: String,
    grant: GrantRecord<'a>,
}

/// What is granted to `system:masters` has no grant.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum DecisionRecord<'a> {
    Granted { grant: Option<GrantRecord<'a>> },
    Missing { near: Vec<NearRecord<'a>> },
}

#[derive(Serialize)]
struct GrantRecord<'a> {
    binding: BindingRecord,
    /// As the binding names it.
    subject: String,
    rule: RuleRecord<'a>,
}

/// A binding that nearly gives the permission, and what differs: `subject`, `namespace`, `role`, `verb`, `group`,
/// `subresource` or `name`.
#[derive(Serialize)]
struct NearRecord<'a> {
    differs: &'static str,
    binding: BindingRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleRecord<'a>>,
}

#[derive(Serialize)]
struct BindingRecord {
    name: String,
    role: String,
    place: Option<PlaceRecord>,
}

#[derive(Serialize)]
struct RuleRecord<'a> {
    /// The role that has it, which gives it to others where roles are aggregated.
    role: &'a str,
    position: usize,
    place: Option<PlaceRecord>,
}

#[derive(Serialize)]
struct MissingRecord {
    yaml: String,
}

impl Question<'_> {
    fn explanation_record(&self, subject: &Subject, answer: &Answer<'_>, missing: &NewRole<'_>) -> String {
        let decision = match answer {
            Answer::Master => DecisionRecord::Granted { grant: None },
            Answer::Granted(granted) => DecisionRecord::Granted {
                grant: Some(self.grant_record(granted)),
            },
            Answer::Missed(near) => DecisionRecord::Missing {
                near: near.iter().map(|near| self.near_record(near)).collect(),
            },
        };
        pretty(&ExplanationRecord {
            environment: self.environment,
            subject: subject.to_string(),
            permission: self.action.permission(),
            namespace: self.action.namespace(),
            decision,
            missing: matches!(answer, Answer::Missed(_)).then(|| MissingRecord { yaml: missing.yaml() }),
        })
    }

    fn grant_record<'g>(&self, granted: &Granted<'g>) -> GrantRecord<'g> {
        GrantRecord {
            binding: self.binding_record(granted.binding),
            subject: granted.subject.to_string(),
            rule: self.rule_record(granted.rule),
        }
    }

    fn near_record<'g>(&self, near: &Near<'g>) -> NearRecord<'g> {
        let record = |differs, binding| NearRecord {
            differs,
            binding: self.binding_record(binding),
            subject: None,
            rule: None,
        };
        match near {
            Near::Subject { binding, subject } => NearRecord {
                subject: Some(subject.to_string()),
                ..record("subject", binding)
            },
            Near::Namespace { binding } => record("namespace", binding),
            Near::NoRole { binding, .. } => record("role", binding),
            Near::Rule {
                binding, rule, lacks, ..
            } => {
                let differs = match lacks {
                    Lack::Verb => "verb",
                    Lack::Group => "group",
                    Lack::Subresource => "subresource",
                    Lack::Name => "name",
                };
                NearRecord {
                    rule: Some(self.rule_record(rule)),
                    ..record(differs, binding)
                }
            }
        }
    }

    fn binding_record(&self, binding: &Binding) -> BindingRecord {
        BindingRecord {
            name: binding.to_string(),
            role: binding.role.to_string(),
            place: self.sources.place(binding.mark).map(PlaceRecord::from),
        }
    }

    fn rule_record<'g>(&self, rule: &'g identity::rbac::Rule) -> RuleRecord<'g> {
        RuleRecord {
            role: &rule.of,
            position: rule.position,
            place: self.sources.place(rule.mark).map(PlaceRecord::from),
        }
    }
}

fn pretty(record: &impl Serialize) -> String {
    // Only texts and lists are in the records: writing them cannot fail.
    format!("{}\n", serde_json::to_string_pretty(record).unwrap_or_default())
}
