//! `terrace rules`: the rules there are, and the page of one.

use check::{RULES, Rule};
use clap::Args;
use resource::{Severity, nearest};
use serde::Serialize;
use yaml::Sources;

use crate::args::TERRACE;
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};

/// List the rules of `terrace check`, or show the page of one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  terrace rules
  terrace rules image_without_digest
")]
pub(crate) struct RulesArgs {
    /// Show the page of this rule, in Markdown.
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    /// How to print the list.
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        conflicts_with = "rule"
    )]
    output: AnswerFormat,
}

#[derive(Serialize)]
struct Record {
    rule: &'static str,
    severity: &'static str,
    controls: Vec<String>,
    summary: String,
}

pub(crate) fn run(args: &RulesArgs) -> Exit {
    let bytes = match &args.rule {
        Some(name) => page(name),
        None => Ok(list(args.output)),
    };
    match bytes.and_then(|bytes| output::answer(&[bytes])) {
        Ok(()) => Exit::Done,
        Err(diagnostic) => {
            TERRACE.error(&diagnostic, &Sources::new());
            Exit::WrongInput
        }
    }
}

fn page(name: &str) -> Result<Vec<u8>, Box<Diagnostic>> {
    match check::rule(name) {
        Some(rule) => Ok(rule.page().into_bytes()),
        None => {
            let near = nearest(name, RULES.iter().map(|rule| rule.name));
            let error = Diagnostic::error(format!("there is no rule \"{name}\""));
            Err(Box::new(
                error.hint(format!("rules with names like it are {}", near.join(", "))),
            ))
        }
    }
}

fn list(format: AnswerFormat) -> Vec<u8> {
    let records: Vec<Record> = RULES.iter().map(|rule| record(rule)).collect();
    match format {
        AnswerFormat::Json => {
            let mut bytes = serde_json::to_vec_pretty(&records).unwrap_or_default();
            bytes.push(b'\n');
            bytes
        }
        AnswerFormat::Text => {
            let width = records.iter().map(|record| record.rule.len()).max().unwrap_or_default();
            let line = |record: &Record| {
                let controls = record.controls.join(", ");
                format!(
                    "{:width$}  {:7}  {}\n{:width$}           {controls}\n",
                    record.rule, record.severity, record.summary, ""
                )
            };
            records.iter().map(line).collect::<String>().into_bytes()
        }
    }
}

fn record(rule: &Rule) -> Record {
    Record {
        rule: rule.name,
        severity: match rule.severity {
            None => "off",
            Some(Severity::Note) => "note",
            Some(Severity::Warning) => "warning",
            Some(Severity::Error) => "error",
        },
        controls: rule.controls.iter().map(ToString::to_string).collect(),
        summary: rule.summary(),
    }
}
