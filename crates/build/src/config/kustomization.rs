//! A kustomization file: decoding, the deprecated fields and what replaces them, and what makes a file
//! invalid as a whole (`api/types/kustomization.go`).

use resource::{Finding, Severity};
use yaml::{Entry, Node, Source, Text};

use super::decode::{Rules, Structure, custom, decode_source, field, pairs, structure, text};
use super::fields::{HelmChartArgs, SecretArgs};
use super::shape::{Shape, Shaped};
use super::types::*;
use crate::error::{BuildError, ErrorKind, Result};

/// The `apiVersion` of a kustomization.
pub const KUSTOMIZATION_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
/// The `apiVersion` of a component.
pub const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";
pub const KUSTOMIZATION_KIND: &str = "Kustomization";
pub const COMPONENT_KIND: &str = "Component";

impl Kustomization {
    /// Decodes a kustomization file and moves its deprecated fields to where they belong. The findings are
    /// kustomize's warnings, in its order. `file_name` is what the file is called in messages.
    ///
    /// Fails on unknown fields and values of the wrong kind (all of a file at once), if the file says
    /// nothing, and if it is of another kind or version.
    pub fn decode(node: &Node, file_name: &str) -> Result<(Kustomization, Vec<Finding>)> {
        Self::decode_text(node, file_name, None)
    }

    /// The same, quoting from the text where that is at hand.
    pub(crate) fn decode_text(
        node: &Node,
        file_name: &str,
        source: Option<&Source>,
    ) -> Result<(Kustomization, Vec<Finding>)> {
        let decoded = decode_source(node, Rules::Kustomization, "the kustomization", source);
        let raw: Raw = decoded.map_err(|error| match manifest_kind(node) {
            Some(kind) => error.hint(format!(
                "this is a {kind}: name its file under `resources` of a kustomization"
            )),
            None => error,
        })?;
        let findings = deprecated_fields(node);
        let is_empty = is_empty(node);
        let kustomization = raw.fix();
        if is_empty {
            let hint = "say something with `resources`, `generators` or another field";
            return Err(BuildError::new(ErrorKind::Config, node.mark, format!("{file_name} is empty")).hint(hint));
        }
        kustomization.check_type(node)?;
        Ok((kustomization, findings))
    }

    /// Whether this is a component.
    pub fn is_component(&self) -> bool {
        self.kind == COMPONENT_KIND
    }

    /// Refuses other kinds and versions (`EnforceFields`).
    fn check_type(&self, node: &Node) -> Result<()> {
        let place = |name| entry(node, name).map_or(node.mark, |entry| entry.value.mark);
        let mut errors = Vec::new();
        if self.kind != KUSTOMIZATION_KIND && self.kind != COMPONENT_KIND {
            let message = format!(
                "kind `{}` should be {KUSTOMIZATION_KIND} or {COMPONENT_KIND}",
                self.kind
            );
            errors.push((place("kind"), message));
        }
        let version = if self.is_component() {
            COMPONENT_VERSION
        } else {
            KUSTOMIZATION_VERSION
        };
        if self.api_version != version {
            let message = format!(
                "apiVersion `{}` for {} should be {version}",
                self.api_version, self.kind
            );
            errors.push((place("apiVersion"), message));
        }
        let mut errors = errors.into_iter();
        let Some((mark, message)) = errors.next() else {
            return Ok(());
        };
        let mut error = BuildError::new(ErrorKind::Config, mark, message);
        if let Some(kind) = manifest_kind(node) {
            error = error.hint(format!(
                "this is a {kind}: name its file under `resources` of a kustomization"
            ));
        }
        error.related.extend(errors);
        Err(error)
    }
}

/// The kind of an object that is no kustomization.
fn manifest_kind(node: &Node) -> Option<&str> {
    let kind = node.get("kind")?.as_str()?;
    (!kind.is_empty() && kind != KUSTOMIZATION_KIND && kind != COMPONENT_KIND).then_some(kind)
}

/// The names of all fields of a kustomization file.
pub(crate) fn field_names() -> Vec<&'static str> {
    super::decode::field_names::<Raw>()
}

/// What a kustomization file may say.
pub fn kustomization_shape() -> Shape {
    Raw::shape()
}

/// A kustomization file as it was written, deprecated fields apart.
#[derive(Default)]
struct Raw {
    new: Kustomization,
    bases: Vec<Str>,
    image_tags: Vec<Image>,
    helm_chart_args: Vec<HelmChartArgs>,
}

structure!(
    Raw,
    [
        field!("kind", new.kind),
        field!("apiVersion", new.api_version),
        field!("metadata", new.metadata),
        pairs!("openapi", new.openapi),
        text!("namePrefix", new.name_prefix),
        text!("nameSuffix", new.name_suffix),
        text!("namespace", new.namespace),
        pairs!("commonLabels", new.common_labels),
        field!("labels", new.labels),
        pairs!("commonAnnotations", new.common_annotations),
        field!("patchesStrategicMerge", new.patches_strategic_merge),
        field!("patchesJson6902", new.patches_json6902),
        field!("patches", new.patches),
        field!("images", new.images),
        field!("imageTags", image_tags),
        field!("replacements", new.replacements),
        field!("replicas", new.replicas),
        field!("vars", new.vars),
        field!("sortOptions", new.sort_options),
        field!("resources", new.resources),
        field!("components", new.components),
        field!("crds", new.crds),
        field!("bases", bases),
        field!("configMapGenerator", new.config_map_generator),
        custom!("secretGenerator", Vec<SecretArgs>, |raw, node, decoder| {
            let mut secrets: Vec<SecretArgs> = Vec::new();
            decoder.value(&mut secrets, node);
            raw.new.secret_generator = secrets.into_iter().map(|secret| secret.args).collect();
        }),
        field!("helmGlobals", new.helm_globals),
        field!("helmCharts", new.helm_charts),
        field!("helmChartInflationGenerator", helm_chart_args),
        field!("generatorOptions", new.generator_options),
        field!("configurations", new.configurations),
        field!("generators", new.generators),
        field!("transformers", new.transformers),
        field!("validators", new.validators),
        field!("buildMetadata", new.build_metadata),
    ]
);

impl Raw {
    /// Fills in what is missing and moves the deprecated fields (`FixKustomization`).
    fn fix(self) -> Kustomization {
        let mut new = self.new;
        if new.kind.is_empty() {
            new.kind = KUSTOMIZATION_KIND.into();
        }
        if new.api_version.is_empty() {
            new.api_version = if new.is_component() {
                COMPONENT_VERSION
            } else {
                KUSTOMIZATION_VERSION
            }
            .into();
        }
        new.resources.extend(self.bases);
        new.images.extend(self.image_tags);
        for args in new.config_map_generator.iter_mut().chain(&mut new.secret_generator) {
            args.envs.extend(args.env.take());
        }
        let mut globals = HelmGlobals::default();
        for args in self.helm_chart_args {
            let overrule = |old: &mut Text, new: Text| {
                if !new.is_empty() {
                    *old = new;
                }
            };
            overrule(&mut globals.chart_home, args.globals.chart_home);
            overrule(&mut globals.config_home, args.globals.config_home);
            new.helm_charts.push(args.chart);
        }
        if new.helm_globals.is_none() && !(globals.chart_home.is_empty() && globals.config_home.is_empty()) {
            new.helm_globals = Some(globals);
        }
        for var in &mut new.vars {
            if var.field_path.is_empty() {
                var.field_path = "metadata.name".into();
            }
        }
        new
    }
}

/// The entry of a field that is not null, under its name or its name in another case.
fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n Entry> {
    let entries = || {
        node.as_map()
            .into_iter()
            .flatten()
            .filter(|entry| !entry.value.is_null())
    };
    let exact = entries().rfind(|entry| entry.key.as_str() == Some(name));
    exact.or_else(|| entries().find(|entry| entry.key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name))))
}

/// The fields that kustomize warns of, in its order, with what to use instead (`CheckDeprecatedFields`).
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

fn deprecated_fields(node: &Node) -> Vec<Finding> {
    let found = DEPRECATED
        .into_iter()
        .filter_map(|(old, new)| Some((old, new, entry(node, old)?)));
    found
        .map(|(old, new, entry)| {
            let message = format!("'{old}' is deprecated. Please use '{new}' instead.");
            let hint = match old {
                "vars" => "[EXPERIMENTAL] Run 'kustomize edit fix' to update your Kustomization automatically.",
                _ => "Run 'kustomize edit fix' to update your Kustomization automatically.",
            };
            Finding::new("deprecated_field", Severity::Warning, entry.key.mark, message).hint(hint)
        })
        .collect()
}

/// Whether nothing but the type is said. An empty list or mapping says something, unless it stands in a
/// deprecated field that is moved elsewhere; an empty text does not (`CheckEmpty`).
fn is_empty(node: &Node) -> bool {
    const TYPE: [&str; 2] = ["kind", "apiVersion"];
    const TEXTS: [&str; 3] = ["namePrefix", "nameSuffix", "namespace"];
    const MOVED: [&str; 3] = ["bases", "imageTags", "helmChartInflationGenerator"];
    Raw::FIELDS
        .iter()
        .filter(|field| !TYPE.contains(&field.name))
        .all(|field| {
            let Some(entry) = entry(node, field.name) else {
                return true;
            };
            let value = &entry.value;
            (TEXTS.contains(&field.name) && value.as_str() == Some(""))
                || (MOVED.contains(&field.name) && value.as_seq().is_some_and(|items| items.is_empty()))
        })
}
