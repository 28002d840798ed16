//! Findings as one JSON document.

use check::{Entry, Report};
use resource::Severity;
use serde::Serialize;
use yaml::Sources;

use crate::diagnostic::PlaceRecord;

#[derive(Serialize)]
struct Document<'a> {
    targets: &'a [String],
    objects: usize,
    fails: bool,
    findings: Vec<Record<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    rule: &'a str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<PlaceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    targets: &'a [String],
    fails: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<WaiverRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Related<'a>>,
}

#[derive(Serialize)]
struct WaiverRecord<'a> {
    reason: &'a str,
    owner: &'a str,
    expires: &'a str,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Option<PlaceRecord>,
}

pub(super) fn render(report: &Report<'_>, sources: &Sources) -> Vec<u8> {
    let document = Document {
        targets: &report.targets,
        objects: report.objects,
        fails: report.fails(),
        findings: report.entries.iter().map(|entry| record(entry, sources)).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn record<'a>(entry: &'a Entry<'_>, sources: &Sources) -> Record<'a> {
    let finding = &entry.finding;
    Record {
        rule: &finding.rule,
        severity: severity_name(finding.severity),
        message: &finding.message,
        place: sources.place(finding.mark).map(PlaceRecord::from),
        object: finding.object.as_ref().map(resource::ResId::full_name),
        field: &finding.field,
        hint: finding.hint.as_deref(),
        targets: &entry.targets,
        fails: entry.fails,
        waiver: entry.waiver.map(|waiver| WaiverRecord {
            reason: &waiver.reason,
            owner: &waiver.owner,
            expires: &waiver.expires,
        }),
        related: finding
            .related
            .iter()
            .map(|(mark, message)| Related {
                message,
                place: sources.place(*mark).map(PlaceRecord::from),
            })
            .collect(),
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
