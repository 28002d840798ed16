//! What scanners say of images: reports of vulnerabilities (Trivy's and OSV-Scanner's JSON), statements that
//! one does not matter (CycloneDX VEX), and lists of contents (CycloneDX and SPDX). And what people say of
//! models: approvals.

use hashbrown::HashMap;
use resource::Image;
use serde::Deserialize;
use serde_json::Value;

use crate::vex::Statements;

/// All evidence that the platform file names.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Reports of vulnerabilities; `None` where the platform file names none.
    pub scans: Option<Vec<Scan>>,
    /// Images whose contents are listed; `None` where the platform file names none.
    pub contents: Option<Vec<String>>,
    /// Which vulnerabilities are stated not to matter.
    statements: Statements,
    /// Approvals by model, in the order of the files.
    approvals: HashMap<String, Vec<Approval>>,
    /// The day on which approvals are judged, as YYYY-MM-DD.
    today: String,
}

/// Somebody's word that a version of a model may be used.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Approval {
    #[serde(rename = "kind")]
    _kind: ApprovalKind,
    pub(crate) model: String,
    pub(crate) version: String,
    /// The digest of its content.
    #[serde(default)]
    pub(crate) digest: Option<String>,
    pub(crate) environments: Vec<String>,
    #[serde(default, rename = "approvedBy")]
    pub(crate) by: String,
    /// The day of the approval: one that is still to come is none.
    pub(crate) approved_on: String,
    /// The last day on which it holds.
    #[serde(default)]
    pub(crate) expires: Option<String>,
    /// What it is based on: a ticket, a report.
    #[serde(default, rename = "evidence")]
    _evidence: Value,
}

#[derive(Clone, Debug, Deserialize)]
enum ApprovalKind {
    ModelApproval,
}

/// The report of one image.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The names it is known by: as scanned, and by digest.
    images: Vec<String>,
    pub vulnerabilities: Vec<Vulnerability>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vulnerability {
    pub id: String,
    /// Its ids elsewhere.
    pub aliases: Vec<String>,
    pub severity: Threat,
    pub package: String,
    /// The version that is there.
    pub version: Option<String>,
    /// The version that has it mended.
    pub fixed: Option<String>,
}

/// How bad a vulnerability is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Threat {
    Unknown,
    Low,
    Medium,
    High,
    #[default]
    Critical,
}

impl Threat {
    fn read(text: &str) -> Threat {
        match text.to_ascii_lowercase().as_str() {
            "critical" => Threat::Critical,
            "high" => Threat::High,
            "medium" | "moderate" => Threat::Medium,
            "low" | "negligible" => Threat::Low,
            _ => Threat::Unknown,
        }
    }

    /// By the score of CVSS 3.
    fn of_score(score: f64) -> Threat {
        match score {
            9.0.. => Threat::Critical,
            7.0.. => Threat::High,
            4.0.. => Threat::Medium,
            0.1.. => Threat::Low,
            _ => Threat::Unknown,
        }
    }
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(crate) fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

impl Evidence {
    /// Without any evidence yet, to be judged on a day (YYYY-MM-DD).
    pub fn on(today: impl Into<String>) -> Evidence {
        Evidence {
            today: today.into(),
            ..Evidence::default()
        }
    }

    /// Adds an approval of a version of a model.
    ///
    /// # Errors
    /// A fragment that says why it is none.
    pub fn add_approval(&mut self, document: &Value) -> Result<(), String> {
        let approval = Approval::deserialize(document).map_err(|error| format!("it is no ModelApproval: {error}"))?;
        let days = std::iter::once(&approval.approved_on).chain(&approval.expires);
        for day in days {
            if !crate::judge::is_date(day) {
                return Err(format!("\"{day}\" is no date: YYYY-MM-DD"));
            }
        }
        self.approvals.entry(approval.model.clone()).or_default().push(approval);
        Ok(())
    }

    pub(crate) fn approvals(&self, model: &str) -> impl Iterator<Item = &Approval> {
        self.approvals.get(model).into_iter().flatten()
    }

    /// Whether its time has come and is not over.
    pub(crate) fn is_valid_today(&self, approval: &Approval) -> bool {
        approval.approved_on <= self.today && approval.expires.as_ref().is_none_or(|day| *day >= self.today)
    }

    /// Adds a report of vulnerabilities.
    ///
    /// # Errors
    /// A fragment that says why it is none.
    pub fn add_vulnerabilities(&mut self, report: &Value) -> Result<(), String> {
        let scans = match (report.get("Results"), report.get("results")) {
            (Some(_), _) => vec![trivy(report)],
            (None, Some(_)) => list(report, "results").map(osv).collect(),
            // Trivy leaves the results out where there are none.
            (None, None) if report.get("ArtifactName").is_some() => vec![trivy(report)],
            (None, None) => return Err("it is no report of Trivy or OSV-Scanner".to_owned()),
        };
        self.scans.get_or_insert_default().extend(scans);
        Ok(())
    }

    /// Adds a CycloneDX document that says which vulnerabilities do not matter.
    ///
    /// # Errors
    /// A fragment that says why it is none.
    pub fn add_vex(&mut self, document: &Value) -> Result<(), String> {
        self.statements.add(document)
    }

    /// Adds a list of an image's contents.
    ///
    /// # Errors
    /// A fragment that says why it is none.
    pub fn add_contents(&mut self, document: &Value) -> Result<(), String> {
        let component = document.pointer("/metadata/component");
        let image = match (component, document.get("spdxVersion")) {
            (Some(component), _) => {
                let name = text(component, "name").unwrap_or_default();
                match text(component, "version").filter(|_| !name.contains(['@', ':'])) {
                    Some(version) if version.starts_with("sha256:") => format!("{name}@{version}"),
                    Some(version) => format!("{name}:{version}"),
                    None => name.to_owned(),
                }
            }
            (None, Some(_)) => text(document, "name").unwrap_or_default().to_owned(),
            (None, None) => return Err("it is no CycloneDX or SPDX document of an image".to_owned()),
        };
        self.contents.get_or_insert_default().push(image);
        Ok(())
    }

    /// The newest report of an image.
    pub(crate) fn scan(&self, image: &Image<'_>) -> Option<&Scan> {
        let mut scans = self.scans.iter().flatten();
        scans.rfind(|scan| scan.images.iter().any(|scanned| is_same(scanned, image)))
    }

    pub(crate) fn has_contents(&self, image: &Image<'_>) -> bool {
        self.contents.iter().flatten().any(|listed| is_same(listed, image))
    }

    /// The vulnerabilities of an image's report that are as bad as `threshold` and matter, the worst first.
    pub(crate) fn of<'s>(&self, image: &Image<'_>, scan: &'s Scan, threshold: Threat) -> Vec<&'s Vulnerability> {
        let matters =
            |found: &&Vulnerability| found.severity >= threshold && !self.statements.is_harmless(image, found);
        let mut found: Vec<&Vulnerability> = scan.vulnerabilities.iter().filter(matters).collect();
        found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        found
    }
}

/// Whether a scanned name means an image: the same digest, or the same name and tag where one has no digest.
fn is_same(scanned: &str, image: &Image<'_>) -> bool {
    let Some(scanned) = Image::read(scanned) else {
        return false;
    };
    match (scanned.digest, image.digest) {
        (Some(scanned), Some(wanted)) => scanned == wanted,
        _ => scanned.full_name() == image.full_name() && scanned.tag == image.tag,
    }
}

fn trivy(report: &Value) -> Scan {
    let mut images: Vec<String> = text(report, "ArtifactName").into_iter().map(str::to_owned).collect();
    if let Some(metadata) = report.get("Metadata") {
        let names = list(metadata, "RepoDigests").chain(list(metadata, "RepoTags"));
        images.extend(names.filter_map(Value::as_str).map(str::to_owned));
    }
    let found = list(report, "Results").flat_map(|result| list(result, "Vulnerabilities"));
    Scan {
        images,
        vulnerabilities: found
            .map(|found| Vulnerability {
                id: text(found, "VulnerabilityID").unwrap_or_default().to_owned(),
                severity: Threat::read(text(found, "Severity").unwrap_or_default()),
                aliases: Vec::new(),
                package: text(found, "PkgName").unwrap_or_default().to_owned(),
                version: text(found, "InstalledVersion").map(str::to_owned),
                fixed: text(found, "FixedVersion").map(str::to_owned),
            })
            .collect(),
    }
}

fn osv(result: &Value) -> Scan {
    let path = result
        .pointer("/source/path")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut vulnerabilities = Vec::new();
    for package in list(result, "packages") {
        let name = package
            .pointer("/package/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for found in list(package, "vulnerabilities") {
            let id = text(found, "id").unwrap_or_default();
            let said = found.pointer("/database_specific/severity").and_then(Value::as_str);
            let is_here = |group: &&Value| list(group, "ids").any(|known| known.as_str() == Some(id));
            let group = list(package, "groups").find(is_here);
            let score = group
                .and_then(|group| text(group, "max_severity"))
                .and_then(|score| score.parse().ok());
            vulnerabilities.push(Vulnerability {
                id: id.to_owned(),
                severity: score
                    .map(Threat::of_score)
                    .or(said.map(Threat::read))
                    .unwrap_or(Threat::Unknown),
                aliases: list(found, "aliases")
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                package: name.to_owned(),
                version: package
                    .pointer("/package/version")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                fixed: fixed(found).map(str::to_owned),
            });
        }
    }
    Scan {
        images: vec![path.to_owned()],
        vulnerabilities,
    }
}

/// The first version that OSV says has it mended.
fn fixed(found: &Value) -> Option<&str> {
    let ranges = list(found, "affected").flat_map(|affected| list(affected, "ranges"));
    let mut events = ranges.flat_map(|range| list(range, "events"));
    events.find_map(|event| text(event, "fixed"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reports_are_found_by_digest_and_by_name() {
        let mut evidence = Evidence::default();
        let report = json!({
            "ArtifactName": "r.io/a/iris:1",
            "Metadata": {"RepoDigests": ["r.io/a/iris@sha256:aa"]},
            "Results": [{"Vulnerabilities": [
                {"VulnerabilityID": "CVE-1", "Severity": "HIGH", "PkgName": "zlib", "FixedVersion": "1.3"},
                {"VulnerabilityID": "CVE-2", "Severity": "CRITICAL", "PkgName": "ssl"},
                {"VulnerabilityID": "CVE-3", "Severity": "LOW", "PkgName": "ssl"},
            ]}],
        });
        evidence.add_vulnerabilities(&report).unwrap();
        let osv = json!({"results": [{"source": {"path": "r.io/b:2"}, "packages": [{
            "package": {"name": "x"}, "vulnerabilities": [{"id": "GHSA-1"}],
            "groups": [{"ids": ["GHSA-1"], "max_severity": "9.8"}],
        }]}]});
        evidence.add_vulnerabilities(&osv).unwrap();
        let ids = |evidence: &Evidence, image: &str, threshold| {
            let image = Image::read(image).unwrap();
            let scan = evidence.scan(&image)?;
            Some(
                evidence
                    .of(&image, scan, threshold)
                    .iter()
                    .map(|found| found.id.clone())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let table = [
            ("r.io/a/iris:1", Threat::High, Some("CVE-2 CVE-1")),
            ("other/name:9@sha256:aa", Threat::Critical, Some("CVE-2")),
            ("r.io/a/iris:1@sha256:bb", Threat::High, Some("CVE-2 CVE-1")),
            ("r.io/a/iris:2", Threat::Low, None),
            ("r.io/b:2", Threat::Critical, Some("GHSA-1")),
        ];
        for (image, threshold, expected) in table {
            assert_eq!(ids(&evidence, image, threshold).as_deref(), expected, "{image}");
        }
        let vex = json!({"bomFormat": "CycloneDX", "vulnerabilities": [
            {"id": "CVE-2", "analysis": {"state": "not_affected"}},
            {"id": "CVE-1", "analysis": {"state": "exploitable"}},
        ]});
        evidence.add_vex(&vex).unwrap();
        assert_eq!(ids(&evidence, "r.io/a/iris:1", Threat::High).as_deref(), Some("CVE-1"));
        assert!(evidence.add_vex(&json!({})).is_err() && evidence.add_vulnerabilities(&json!({})).is_err());
        evidence
            .add_contents(&json!({"metadata": {"component": {"name": "r.io/a/iris", "version": "1"}}}))
            .unwrap();
        evidence
            .add_contents(&json!({"spdxVersion": "SPDX-2.3", "name": "r.io/b:2"}))
            .unwrap();
        for (image, expected) in [("r.io/a/iris:1", true), ("r.io/b:2", true), ("r.io/c", false)] {
            assert_eq!(evidence.has_contents(&Image::read(image).unwrap()), expected, "{image}");
        }
    }
}
