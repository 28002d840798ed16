//! Findings as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), for code scanning.

use std::collections::BTreeMap;

use check::{Entry, Rule};
use resource::{Finding, Severity};
use serde::Serialize;
use sha2::{Digest, Sha256};
use yaml::Mark;

use super::Rendering;
use super::escape::uri;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<ResultRecord<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Message>,
    default_configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Tags>,
}

#[derive(Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

#[derive(Serialize)]
struct Configuration {
    enabled: bool,
    level: &'static str,
}

#[derive(Serialize)]
struct Tags {
    tags: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultRecord<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    /// Empty where nothing waives it: then it is known that nothing does.
    suppressions: Vec<Suppression>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Properties<'a> {
    targets: &'a [String],
    fails: bool,
}

/// Accepted, as one is that has no status.
#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

pub(super) fn render(of: &Rendering<'_>) -> Vec<u8> {
    let mut names: Vec<&str> = of.report.entries.iter().map(|entry| &*entry.finding.rule).collect();
    names.sort_unstable();
    names.dedup();
    let results = of.report.entries.iter().map(|entry| result(entry, &names, of));
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            column_kind: "unicodeCodePoints",
            results: results.collect(),
            tool: Tool {
                driver: Driver {
                    name: "terrace",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    rules: names.iter().map(|name| descriptor(name)).collect(),
                },
            },
        }],
    };
    let mut bytes = serde_json::to_vec_pretty(&log).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn descriptor(name: &str) -> Descriptor {
    let rule: Option<&Rule> = check::rule(name);
    let severity = rule.map_or(Some(Severity::Error), |rule| rule.severity);
    Descriptor {
        id: name.to_owned(),
        short_description: rule.map(|rule| plain(rule.summary())),
        help: rule.map(|rule| Message {
            text: rule.page(),
            markdown: Some(rule.page()),
        }),
        default_configuration: Configuration {
            enabled: severity.is_some(),
            level: level(severity.unwrap_or(Severity::Warning)),
        },
        properties: rule.map(|rule| Tags {
            tags: rule.controls.iter().map(ToString::to_string).collect(),
        }),
    }
}

fn result<'a>(entry: &'a Entry<'_>, names: &[&str], of: &Rendering<'_>) -> ResultRecord<'a> {
    let finding = &entry.finding;
    let mut text = finding.message.clone();
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("\n{hint}"));
    }
    let logical = super::object(finding).map(|name| LogicalLocation {
        fully_qualified_name: name,
        kind: "resource",
    });
    let location = Location {
        physical_location: physical(finding.mark, of),
        logical_locations: logical.into_iter().collect(),
        ..Location::default()
    };
    let has_place = location.physical_location.is_some() || !location.logical_locations.is_empty();
    let related = finding.related.iter().enumerate().map(|(at, (mark, words))| Location {
        id: Some(at + 1),
        message: Some(plain(words.clone())),
        physical_location: physical(*mark, of),
        logical_locations: Vec::new(),
    });
    ResultRecord {
        rule_id: &finding.rule,
        rule_index: names.binary_search(&&*finding.rule).unwrap_or_default(),
        level: level(finding.severity),
        message: plain(text),
        locations: has_place.then_some(location).into_iter().collect(),
        related_locations: related.collect(),
        partial_fingerprints: BTreeMap::from([("finding/v1", fingerprint(finding, of))]),
        suppressions: entry
            .waiver
            .map(|waiver| Suppression {
                kind: "external",
                justification: format!("{} ({}, until {})", waiver.reason, waiver.owner, *waiver.expires),
            })
            .into_iter()
            .collect(),
        properties: Properties {
            targets: &entry.targets,
            fails: entry.fails,
        },
    }
}

fn physical(mark: Mark, of: &Rendering<'_>) -> Option<PhysicalLocation> {
    let place = of.sources.place(mark)?;
    let uri = uri(&place.file);
    Some(PhysicalLocation {
        artifact_location: ArtifactLocation {
            uri_base_id: (!uri.starts_with("file:")).then_some("%SRCROOT%"),
            uri,
        },
        region: Region {
            start_line: place.line,
            start_column: place.column,
        },
    })
}

/// What a finding is, wherever its line has gone: the same in the next run.
fn fingerprint(finding: &Finding, of: &Rendering<'_>) -> String {
    let mut hash = Sha256::new();
    let file = of.sources.place(finding.mark).map(|place| place.file);
    let object = super::object(finding);
    for part in [
        &*finding.rule,
        file.as_deref().unwrap_or_default(),
        object.as_deref().unwrap_or_default(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(finding.message.as_bytes());
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn plain(text: String) -> Message {
    Message { text, markdown: None }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
