//! Grants that the command line names to be taken back.

use std::fmt::Write as _;
use std::path::PathBuf;

use build::Session;
use clap::Args;
use identity::{GrantName, Landscape, Reason, Removal};
use resource::Severity;
use serde::{Deserialize, Serialize};
use yaml::{Mark, Sources};

use super::grants::{read_source, resource_name, subject};
use crate::args::working_directory;
use crate::diagnostic::Diagnostic;

/// What is taken back: nothing but what is named.
#[derive(Args, Debug)]
pub(super) struct RemovalArgs {
    /// Take this grant back, and no other: a role, a member and a resource. May be repeated.
    #[arg(long = "remove", value_name = "ROLE MEMBER RESOURCE")]
    names: Vec<String>,
    /// Take back the grants of a file: a name on each line, or what terrace identity drift -o json prints, of which
    /// those that nobody declared. May be repeated.
    #[arg(long, value_name = "FILE")]
    remove_from: Vec<PathBuf>,
}

/// One record of `drift -o json`.
#[derive(Deserialize)]
struct DriftRecord {
    kind: String,
    role: String,
    member: String,
    resource: String,
}

#[derive(Serialize)]
pub(super) struct RemovalDocument<'r> {
    role: &'r str,
    member: String,
    resource: &'r str,
    condition: Option<&'r str>,
    place: Option<String>,
    /// What loses a permission by it.
    needed_by: Vec<String>,
}

impl RemovalArgs {
    /// The grants to take back.
    ///
    /// # Errors
    /// A name that no grant has.
    pub(super) fn removals(
        &self,
        session: &Session<'_>,
        landscape: &Landscape<'_>,
    ) -> Result<Vec<Removal>, Box<Diagnostic>> {
        let mut names = Vec::new();
        for text in &self.names {
            names.push((name(text)?, Mark::NONE));
        }
        for path in &self.remove_from {
            names.extend(names_of(session, path)?);
        }
        let mut removals = Vec::new();
        let mut seen: Vec<&GrantName> = Vec::new();
        for (name, mark) in &names {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let found = landscape.removal(name).map_err(|none| {
                let hint = match none.near.as_slice() {
                    [] => "a grant is taken back by its whole name, as it is in the policies that are given".to_owned(),
                    near => format!("near it are {}", near.join("; ")),
                };
                at(*mark, Diagnostic::error(none.message).hint(hint))
            })?;
            removals.extend(found);
        }
        Ok(removals)
    }
}

fn at(mark: Mark, diagnostic: Diagnostic) -> Box<Diagnostic> {
    Box::new(Diagnostic { mark, ..diagnostic })
}

/// `ROLE MEMBER RESOURCE`.
fn name(text: &str) -> Result<GrantName, Box<Diagnostic>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [role, member, resource] = words[..] else {
        let hint = "write a role, a member and a resource: 'roles/editor user:ann@acme.com projects/acme'";
        return Err(Box::new(
            Diagnostic::error(format!("\"{text}\" names no grant")).hint(hint),
        ));
    };
    Ok(GrantName {
        role: role.to_owned(),
        member: subject(member)?,
        on: resource_name(resource)?,
    })
}

/// The names in a file.
fn names_of(session: &Session<'_>, path: &PathBuf) -> Result<Vec<(GrantName, Mark)>, Box<Diagnostic>> {
    let source = read_source(session, &working_directory().join(path), Mark::NONE)?;
    let text = source.text();
    if text.trim_start().starts_with('[') {
        let records: Vec<DriftRecord> = serde_json::from_str(text).map_err(|error| {
            let message = format!("cannot read grants from {}: {error}", path.display());
            Box::new(Diagnostic::error(message).hint("give what terrace identity drift -o json prints"))
        })?;
        let extra = records.into_iter().filter(|record| record.kind == "extra");
        let named = extra.map(|record| {
            let name = GrantName {
                role: record.role,
                member: subject(&record.member)?,
                on: resource_name(&record.resource)?,
            };
            Ok((name, Mark::NONE))
        });
        return named.collect();
    }
    let mut names = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let mark = source.mark(offset);
        offset += line.len();
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let name = name(line).map_err(|diagnostic| at(mark, *diagnostic))?;
            names.push((name, mark));
        }
    }
    Ok(names)
}

/// What is said where something needs what is taken back.
pub(super) fn warnings(removals: &[Removal]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    let mut told: Vec<&Reason> = Vec::new();
    for removal in removals {
        for reason in &removal.needed_by {
            if told.contains(&reason) {
                continue;
            }
            told.push(reason);
            let message = format!(
                "{} loses {} on {} when {} on {} is taken from {}",
                reason.object.kind_and_name(),
                reason.permission,
                reason.resource.short(),
                removal.grant.role,
                removal.grant.on.short(),
                removal.grant.member.short()
            );
            warnings.push(Diagnostic {
                mark: reason.mark,
                severity: Severity::Warning,
                ..Diagnostic::error(message).hint("grant what it needs by another role first, or leave the grant")
            });
        }
    }
    warnings
}

pub(super) fn text(removals: &[Removal], sources: &Sources) -> String {
    let mut out = String::new();
    for Removal {
        grant, condition, mark, ..
    } in removals
    {
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "take {} on {} from {}",
            grant.role,
            grant.on.short(),
            grant.member.short()
        );
        if let Some(condition) = condition {
            let _ = writeln!(out, "    while {}", condition.expression);
        }
        if let Some(place) = sources.place(*mark) {
            let _ = writeln!(out, "    at {place}");
        }
    }
    out
}

pub(super) fn documents<'r>(removals: &'r [Removal], sources: &Sources) -> Vec<RemovalDocument<'r>> {
    let document = |removal: &'r Removal| RemovalDocument {
        role: &removal.grant.role,
        member: removal.grant.member_in_policy().to_owned(),
        resource: removal.grant.on.as_str(),
        condition: removal
            .condition
            .as_ref()
            .map(|condition| condition.expression.as_str()),
        place: sources.place(removal.mark).map(|place| place.to_string()),
        needed_by: removal
            .needed_by
            .iter()
            .map(|reason| reason.object.full_name())
            .collect(),
    };
    removals.iter().map(document).collect()
}
