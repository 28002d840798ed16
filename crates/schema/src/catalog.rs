//! The schemas of a run, and the check of one object against the one it has.

use std::sync::{Arc, OnceLock};

use hashbrown::{HashMap, HashSet};
use resource::{Finding, Resource, Severity, nearest};
use yaml::{Mark, Node};

use crate::crd;
use crate::defaults;
use crate::lifecycle;
use crate::name;
use crate::rules::{self, Verdict};
use crate::types::{TypeId, Types};
use crate::validate::{Violation, Walk};
use crate::versions::{Versions, words};

/// The minor versions of Kubernetes that are known, oldest first: those of the arena, which need not be unpacked to tell.
pub const KUBERNETES_VERSIONS: [&str; 13] = [
    "1.25", "1.26", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37",
];

/// The built-in kinds of every version that is known.
pub fn kubernetes() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| Types::unpack(include_bytes!("../data/kubernetes.bin")))
}

/// Terrace's own kinds.
pub fn workloads() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| Types::unpack(include_bytes!("../data/vertex.bin")))
}

/// Custom resources that platforms are built with, by the definitions of one version of each project: the
/// versions of this arena.
pub fn bundled() -> &'static Arc<Types> {
    static TYPES: OnceLock<Arc<Types>> = OnceLock::new();
    TYPES.get_or_init(|| Arc::new(Types::unpack(include_bytes!("../data/bundled.bin"))))
}

/// The group of Terrace's own kinds.
const WORKLOADS: &str = "vertex.terrace.dev/";

/// Versions by their names, such as "1.37", "v1.37" or "1.37.2". None stand for the newest.
///
/// # Errors
/// The position of a name that is not known, and what is wrong with it.
pub fn versions<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Versions, (usize, String)> {
    let known = KUBERNETES_VERSIONS;
    let mut versions = Versions::NONE;
    for (at, name) in names.into_iter().enumerate() {
        let plain = name.strip_prefix('v').unwrap_or(name);
        let minor: String = plain.split('.').take(2).collect::<Vec<_>>().join(".");
        match known.iter().position(|version| *version == minor) {
            Some(position) => versions = versions.or(Versions::one(position)),
            None => {
                let range = (known.first(), known.last());
                let (Some(first), Some(last)) = range else { continue };
                return Err((
                    at,
                    format!("the schemas of Kubernetes {first} to {last} are known, not of \"{name}\""),
                ));
            }
        }
    }
    if versions.is_empty() {
        versions = Versions::one(known.len().saturating_sub(1));
    }
    Ok(versions)
}

/// A schema of a custom resource.
#[derive(Clone, Debug)]
pub struct Custom {
    pub types: Arc<Types>,
    pub type_id: TypeId,
}

/// Where schemas are found that no object of the build brings.
pub trait Lookup: Sync {
    /// The schema of a kind.
    ///
    /// # Errors
    /// What is wrong with a schema that was found.
    fn find(&self, api_version: &str, kind: &str) -> Result<Option<Custom>, String>;
}

/// The schemas that hold for the objects of one build.
pub struct Catalog<'l> {
    lookup: Option<&'l dyn Lookup>,
    versions: Versions,
    own: HashMap<(String, String), Custom>,
    /// Kinds whose definition is there and cannot be used.
    broken: HashSet<(String, String)>,
    findings: Vec<Finding>,
}

impl<'l> Catalog<'l> {
    /// The built-in kinds in some versions, and the custom resources that the objects define.
    pub fn new(objects: &[Resource], versions: Versions, lookup: Option<&'l dyn Lookup>) -> Catalog<'l> {
        let mut catalog = Catalog {
            lookup,
            versions,
            own: HashMap::new(),
            broken: HashSet::new(),
            findings: Vec::new(),
        };
        for object in objects {
            for version in crd::definitions(&object.node) {
                let key = (version.api_version, version.kind);
                match version.schema {
                    Ok(custom) => {
                        catalog.own.insert(key, custom);
                    }
                    Err(message) => {
                        let finding = Finding::new("invalid_schema", Severity::Error, version.mark, message)
                            .hint("objects of this kind are not checked until the definition is mended")
                            .on(object.id(), version.field);
                        catalog.findings.push(finding);
                        catalog.broken.insert(key);
                    }
                }
            }
        }
        catalog
    }

    /// What is wrong with the definitions among the objects.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is wrong with the definitions, and with the objects in their order.
    pub fn check(&self, objects: &[Resource]) -> Vec<Finding> {
        [&*self.findings, &self.check_part(objects)].concat()
    }

    /// What is wrong with some of the objects, in their order. That a kind has no schema is told once.
    pub fn check_part(&self, objects: &[Resource]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut missing = HashSet::new();
        for object in objects {
            self.object(object, &mut findings, &mut missing);
        }
        findings
    }

    fn object(&self, object: &Resource, findings: &mut Vec<Finding>, missing: &mut HashSet<(String, String)>) {
        let (api_version, kind) = (object.api_version(), object.kind());
        let types = kubernetes();
        let mark = object.node.nearest_mark(["kind"]);
        let key = (api_version.to_owned(), kind.to_owned());
        let mut found = Vec::new();
        let mut names_versions = false;
        if let Some(custom) = self.own.get(&key) {
            self.custom(custom, object, &mut found);
        } else if self.broken.contains(&key) {
            // The definition has a finding of its own.
        } else if is_builtin_group(api_version) {
            names_versions = true;
            self.builtin(types, object, &mut found);
        } else if api_version.starts_with(WORKLOADS) {
            self.workload(object, &mut found);
        } else {
            match self.lookup.map_or(Ok(None), |lookup| lookup.find(api_version, kind)) {
                Ok(Some(custom)) => self.custom(&custom, object, &mut found),
                Ok(None) => match bundled().kinds_named(api_version, kind).next() {
                    Some(known) => {
                        let custom = Custom {
                            types: bundled().clone(),
                            type_id: known.type_id,
                        };
                        self.custom(&custom, object, &mut found);
                        // It may be another version that runs in the cluster.
                        let project = words(known.versions, &bundled().versions);
                        for violation in found.iter_mut().filter(|found| !found.field.starts_with("metadata")) {
                            violation.message.push_str(&format!(" ({project})"));
                        }
                    }
                    None => {
                        self.metadata(object, &mut found);
                        // Once for each kind: what is to be done is the same.
                        if missing.insert(key) {
                            found.push(missing_schema(api_version, kind, mark));
                        }
                    }
                },
                Err(message) => found.push(Violation {
                    rule: "invalid_schema",
                    message,
                    mark,
                    hint: None,
                    field: "kind".to_owned(),
                    versions: Versions::ALL,
                    concealed: false,
                }),
            }
        }
        self.name(object, &mut found);
        findings.extend(found.into_iter().map(|violation| {
            let versions = violation.versions.and(self.versions);
            let says = names_versions && (VERSIONED.contains(&violation.rule) || versions != self.versions);
            let suffix = if says {
                format!(" (Kubernetes {})", words(versions, &types.versions))
            } else {
                String::new()
            };
            let mut finding = Finding::new(
                violation.rule,
                Severity::Error,
                violation.mark,
                violation.message + &suffix,
            )
            .on(object.id(), violation.field);
            finding.hint = violation.hint;
            finding.concealed = violation.concealed;
            finding
        }));
    }

    fn builtin(&self, types: &Types, object: &Resource, found: &mut Vec<Violation>) {
        let (api_version, kind) = (object.api_version(), object.kind());
        let mut known = Versions::NONE;
        for entry in types.kinds_named(api_version, kind) {
            known = known.or(entry.versions);
            let live = self.versions.and(entry.versions);
            if !live.is_empty() {
                let mut walk = Walk::new(types, object.node.mark);
                walk.object(
                    entry.type_id,
                    &object.node,
                    live,
                    api_version == "v1" && kind == "Secret",
                );
                found.append(&mut walk.found);
            }
        }
        let live = self.versions.and(known);
        let about = |rule, mark, message, hint, versions| Violation {
            rule,
            message,
            mark,
            hint,
            field: if rule == "unknown_kind" { "kind" } else { "apiVersion" }.to_owned(),
            versions,
            concealed: false,
        };
        let mark = object.node.nearest_mark(["apiVersion"]);
        if !live.is_empty()
            && let Some((removal, replacement)) = lifecycle::deprecation(types, api_version, kind, live)
        {
            let until = removal.map_or(String::new(), |removal| {
                format!(", and Kubernetes {} is without it", removal.since)
            });
            let message = format!("{kind} of {api_version} is deprecated{until}");
            found.push(about(
                "deprecated_api_version",
                mark,
                message,
                Some(format!("use {replacement}")),
                live,
            ));
        }
        let gone = self.versions.without(known);
        if gone.is_empty() {
            return;
        }
        if let Some(removal) = lifecycle::removal(types, api_version, kind, gone) {
            let message = format!("{kind} of {api_version} was removed in Kubernetes {}", removal.since);
            let hint = removal
                .replacement
                .map_or_else(|| "nothing takes its place".to_owned(), |new| format!("use {new}"));
            found.push(about("removed_api_version", mark, message, Some(hint), gone));
            return;
        }
        let hint = if known.is_empty() {
            kind_hint(types, api_version, kind, self.versions)
        } else {
            Some(format!("Kubernetes {} knows it", words(known, &types.versions)))
        };
        let message = format!("there is no kind {kind} in {api_version}");
        found.push(about(
            "unknown_kind",
            object.node.nearest_mark(["kind"]),
            message,
            hint,
            gone,
        ));
    }

    fn workload(&self, object: &Resource, found: &mut Vec<Violation>) {
        self.metadata(object, found);
        let (types, api_version, kind) = (workloads(), object.api_version(), object.kind());
        if let Some(known) = types.kinds_named(api_version, kind).next() {
            let mut walk = Walk::new(types, object.node.nearest_mark(["kind"]));
            walk.object(known.type_id, &object.node, self.versions, false);
            found.append(&mut walk.found);
            return;
        }
        found.push(Violation {
            rule: "unknown_kind",
            message: format!("there is no kind {kind} in {api_version}"),
            mark: object.node.nearest_mark(["kind"]),
            hint: kind_hint(types, api_version, kind, Versions::ALL),
            field: "kind".to_owned(),
            versions: Versions::ALL,
            concealed: false,
        });
    }

    fn custom(&self, custom: &Custom, object: &Resource, found: &mut Vec<Violation>) {
        self.metadata(object, found);
        let types = &custom.types;
        let with_defaults = defaults::set(types, custom.type_id, &object.node);
        let node = with_defaults.as_ref().unwrap_or(&object.node);
        let mut walk = Walk::new(types, object.node.nearest_mark(["kind"]));
        walk.object(custom.type_id, node, self.versions, false);
        found.append(&mut walk.found);
        for (id, node, field, mark) in walk.rules {
            for (rule, verdict) in rules::evaluate(types, id, node) {
                let (rule, message, below, hint) = match verdict {
                    Verdict::Holds => continue,
                    Verdict::Broken(message, below) => {
                        let hint = format!("the definition of {} has the rule `{}`", object.kind(), rule.rule);
                        ("failed_validation", message, below, hint)
                    }
                    Verdict::Skipped(why) => {
                        let message = format!(
                            "the rule `{}` of the definition of {} was not evaluated",
                            rule.rule,
                            object.kind()
                        );
                        ("skipped_validation", message, String::new(), why)
                    }
                };
                found.push(Violation {
                    rule,
                    message,
                    mark: below_mark(node, &below).unwrap_or(mark),
                    hint: Some(hint),
                    field: format!("{field}{below}").trim_start_matches('.').to_owned(),
                    versions: Versions::ALL,
                    concealed: false,
                });
            }
        }
    }

    /// The metadata of an object whose type says nothing of it.
    fn metadata(&self, object: &Resource, found: &mut Vec<Violation>) {
        let types = kubernetes();
        let (Some(id), Some(metadata)) = (metadata_type(types), object.node.get("metadata")) else {
            return;
        };
        let mut walk = Walk::new(types, object.node.mark);
        walk.below("metadata");
        walk.part(id, metadata, self.versions);
        found.append(&mut walk.found);
    }

    fn name(&self, object: &Resource, found: &mut Vec<Violation>) {
        let kind = object.kind();
        let is_passing = ["List", "Review", "Request", "Options", "Binding", "Eviction", "Scale"];
        let has_name_always = kind.ends_with("RoleBinding") || kind.ends_with("PolicyBinding");
        if is_passing.iter().any(|end| kind.ends_with(end)) && !has_name_always {
            return;
        }
        let violation = |rule, message, mark, hint| Violation {
            rule,
            message,
            mark,
            hint: Some(hint),
            field: "metadata.name".to_owned(),
            versions: Versions::ALL,
            concealed: false,
        };
        let metadata = object.node.get("metadata");
        let text = |field: &str| metadata.and_then(|metadata| metadata.get(field)).and_then(Node::as_str);
        let given = metadata.and_then(|metadata| metadata.get("name"));
        let name = object.name();
        if name.is_empty() && text("generateName").is_none_or(str::is_empty) {
            let mark = object.node.nearest_mark(["metadata", "name"]);
            let message = "the object has no name".to_owned();
            found.push(violation(
                "missing_field",
                message,
                mark,
                "add metadata.name".to_owned(),
            ));
        } else if given.is_some_and(|node| node.tag == yaml::Tag::Str) {
            let group = object.gvk().group;
            let syntax = name::syntax(&group, kind);
            if let Some(problem) = name::name_problem(syntax, name).filter(|_| !name.is_empty()) {
                let mark = object.node.nearest_mark(["metadata", "name"]);
                let message = format!("\"{name}\" is no name of a {kind}");
                found.push(violation("invalid_name", message, mark, problem));
            }
        }
    }
}

fn missing_schema(api_version: &str, kind: &str, mark: Mark) -> Violation {
    let others = bundled().kinds.iter().filter(|known| known.kind == kind);
    let same_group = |known: &&crate::types::Kind| group(&known.api_version) == group(api_version);
    let known: Vec<String> = others
        .filter(same_group)
        .map(|known| {
            format!(
                "{} of {}",
                known.api_version,
                words(known.versions, &bundled().versions)
            )
        })
        .collect();
    let hint = match known.as_slice() {
        [] => "add its CustomResourceDefinition to the tree, or say where schemas are: --schema-location".to_owned(),
        known => format!("known are {}; others come from --schema-location", known.join(", ")),
    };
    Violation {
        rule: "missing_schema",
        message: format!("there is no schema of {kind} of {api_version}: its fields are not checked"),
        mark,
        hint: Some(hint),
        field: "kind".to_owned(),
        versions: Versions::ALL,
        concealed: false,
    }
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Rules whose findings are about a version of Kubernetes.
const VERSIONED: [&str; 6] = [
    "deprecated_api_version",
    "missing_field",
    "removed_api_version",
    "unknown_field",
    "unknown_kind",
    "wrong_type",
];

/// The mark of a field that a rule names, as `.spec.size`.
fn below_mark(node: &Node, path: &str) -> Option<Mark> {
    let keys = path.split('.').filter(|key| !key.is_empty());
    let found = node.get_path(keys)?;
    found.mark.is_some().then_some(found.mark)
}

/// Whether Kubernetes itself serves the group: a kind it does not know cannot be a custom resource.
fn is_builtin_group(api_version: &str) -> bool {
    static GROUPS: OnceLock<HashSet<String>> = OnceLock::new();
    let groups = GROUPS.get_or_init(|| {
        let kinds = kubernetes().kinds.iter();
        let groups = kinds.map(|kind| group(&kind.api_version).to_owned());
        groups.chain(["extensions".to_owned()]).collect()
    });
    groups.contains(group(api_version))
}

fn kind_hint(types: &Types, api_version: &str, kind: &str, live: Versions) -> Option<String> {
    let there = || types.kinds.iter().filter(|known| !known.versions.and(live).is_empty());
    let same: Vec<&str> = there()
        .filter(|known| known.kind == kind)
        .map(|known| known.api_version.as_str())
        .collect();
    if !same.is_empty() {
        return Some(format!("{kind} is in {}", same.join(", ")));
    }
    let near = nearest(
        kind,
        there()
            .filter(|known| known.api_version == api_version)
            .map(|known| known.kind.as_str()),
    );
    (!near.is_empty()).then(|| format!("kinds in {api_version} are {}", near.join(", ")))
}

fn metadata_type(types: &Types) -> Option<TypeId> {
    static ID: OnceLock<Option<TypeId>> = OnceLock::new();
    *ID.get_or_init(|| {
        let kind = types.kinds_named("v1", "ConfigMap").next()?;
        types
            .get(kind.type_id)
            .named("metadata")
            .first()
            .map(|field| field.type_id)
    })
}
