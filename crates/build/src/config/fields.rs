//! The fields of the configuration structures: names and embeddings as in kustomize's `api/types`.

use resource::ResId;
use yaml::{Mark, Node, Text};

use super::decode::{Decoder, custom, field, field_names, pairs, promoted, structure, text};
use super::types::*;

structure!(
    ObjectMeta,
    [
        field!("name", name),
        field!("namespace", namespace),
        pairs!("labels", labels),
        pairs!("annotations", annotations),
    ]
);

structure!(
    Label,
    marked,
    [
        pairs!("pairs", pairs),
        field!("includeSelectors", include_selectors),
        field!("includeTemplates", include_templates),
        field!("fields", field_specs),
    ]
);

structure!(
    FieldSpec,
    [
        promoted!("group", gvk.group),
        promoted!("version", gvk.version),
        promoted!("kind", gvk.kind),
        field!("path", path),
        field!("create", create),
    ]
);

structure!(
    NameReference,
    [
        promoted!("group", gvk.group),
        promoted!("version", gvk.version),
        promoted!("kind", gvk.kind),
        field!("fieldSpecs", referrers),
    ]
);

structure!(
    Patch,
    marked,
    [
        text!("path", path),
        text!("patch", patch),
        field!("target", target),
        custom!("options", PatchOptions, |patch, node, decoder| {
            let mut options = PatchOptions::default();
            decoder.value(&mut options, node);
            patch.allow_name_change = options.allow_name_change;
            patch.allow_kind_change = options.allow_kind_change;
        }),
    ]
);

#[derive(Default)]
struct PatchOptions {
    allow_name_change: bool,
    allow_kind_change: bool,
}

structure!(
    PatchOptions,
    [
        field!("allowNameChange", allow_name_change),
        field!("allowKindChange", allow_kind_change),
    ]
);

structure!(
    Selector,
    marked,
    [
        promoted!("group", id.gvk.group),
        promoted!("version", id.gvk.version),
        promoted!("kind", id.gvk.kind),
        promoted!("name", id.name),
        promoted!("namespace", id.namespace),
        field!("labelSelector", label_selector),
        field!("annotationSelector", annotation_selector),
    ]
);

structure!(
    Image,
    marked,
    [
        field!("name", name),
        text!("newName", new_name),
        text!("tagSuffix", tag_suffix),
        text!("newTag", new_tag),
        text!("digest", digest),
    ]
);

structure!(Replica, marked, [field!("name", name), field!("count", count)]);

structure!(
    Replacement,
    marked,
    [
        field!("source", source),
        field!("sourceValue", source_value),
        field!("targets", targets),
    ]
);

structure!(@ ReplacementField, place_replacement_field, [
    promoted!("source", replacement.source),
    promoted!("sourceValue", replacement.source_value),
    promoted!("targets", replacement.targets),
    text!("path", path),
]);

fn place_replacement_field(value: &mut ReplacementField, mark: Mark) {
    value.mark = mark;
    value.replacement.mark = mark;
}

structure!(
    SourceSelector,
    marked,
    [
        promoted!("group", id.gvk.group),
        promoted!("version", id.gvk.version),
        promoted!("kind", id.gvk.kind),
        promoted!("name", id.name),
        promoted!("namespace", id.namespace),
        field!("fieldPath", field_path),
        field!("options", options),
    ]
);

structure!(
    TargetSelector,
    marked,
    [
        field!("select", select),
        field!("reject", reject),
        field!("fieldPaths", field_paths),
        field!("options", options),
    ]
);

structure!(
    FieldOptions,
    [
        field!("delimiter", delimiter),
        field!("index", index),
        field!("encoding", encoding),
        field!("create", create),
    ]
);

structure!(
    Var,
    marked,
    [
        field!("name", name),
        custom!("objref", VarTarget, |var, node, decoder| {
            let mut target = VarTarget::default();
            decoder.value(&mut target, node);
            var.object = target.into_id();
        }),
        custom!("fieldref", FieldRef, |var, node, decoder| {
            let mut selector = FieldRef::default();
            decoder.value(&mut selector, node);
            var.field_path = selector.field_path;
        }),
    ]
);

#[derive(Default)]
struct FieldRef {
    field_path: Text,
}

structure!(FieldRef, [field!("fieldPath", field_path)]);

#[derive(Default)]
struct VarTarget {
    api_version: Text,
    id: ResId,
}

structure!(
    VarTarget,
    [
        field!("apiVersion", api_version),
        promoted!("group", id.gvk.group),
        promoted!("version", id.gvk.version),
        promoted!("kind", id.gvk.kind),
        field!("name", id.name),
        field!("namespace", id.namespace),
    ]
);

impl VarTarget {
    /// The id that is meant; `apiVersion` overrules `group` and `version` (`Target.GVK` in `var.go`).
    fn into_id(mut self) -> ResId {
        let parts: Vec<&str> = self.api_version.split('/').collect();
        match parts[..] {
            [group, version] => {
                self.id.gvk.group = group.into();
                self.id.gvk.version = version.into();
            }
            [version] if !version.is_empty() => self.id.gvk.version = version.into(),
            _ => {}
        }
        self.id
    }
}

structure!(
    SortOptions,
    [
        field!("order", order),
        custom!("legacySortOptions", LegacySortOptions, |options, node, decoder| {
            let mut legacy = LegacySortOptions::default();
            decoder.value(&mut legacy, node);
            options.legacy = (!node.is_null()).then_some((legacy.order_first, legacy.order_last));
        }),
    ]
);

#[derive(Default)]
struct LegacySortOptions {
    order_first: Vec<Text>,
    order_last: Vec<Text>,
}

structure!(
    LegacySortOptions,
    [field!("orderFirst", order_first), field!("orderLast", order_last)]
);

structure!(
    GeneratorArgs,
    marked,
    [
        field!("namespace", namespace),
        field!("name", name),
        field!("behavior", behavior),
        field!("literals", literals),
        field!("files", files),
        field!("envs", envs),
        text!("env", env),
        field!("options", options),
    ]
);

/// An entry of `secretGenerator`: what one of `configMapGenerator` has, and a type.
#[derive(Default)]
pub(crate) struct SecretArgs {
    pub(crate) args: GeneratorArgs,
}

structure!(@ SecretArgs, |value: &mut SecretArgs, mark| value.args.mark = mark, [
    field!("namespace", args.namespace),
    field!("name", args.name),
    field!("behavior", args.behavior),
    field!("literals", args.literals),
    field!("files", args.files),
    field!("envs", args.envs),
    text!("env", args.env),
    field!("options", args.options),
    field!("type", args.secret_type),
]);

structure!(
    GeneratorOptions,
    [
        pairs!("labels", labels),
        pairs!("annotations", annotations),
        field!("disableNameSuffixHash", disable_name_suffix_hash),
        field!("immutable", immutable),
    ]
);

structure!(
    HelmGlobals,
    [field!("chartHome", chart_home), field!("configHome", config_home)]
);

structure!(
    HelmChart,
    marked,
    [
        field!("name", name),
        field!("version", version),
        field!("repo", repo),
        field!("releaseName", release_name),
        field!("namespace", namespace),
        field!("additionalValuesFiles", additional_values_files),
        text!("valuesFile", values_file),
        custom!("valuesInline", Node, |chart, node, decoder| chart.values_inline =
            any_map(node, decoder)),
        field!("valuesMerge", values_merge),
        field!("includeCRDs", include_crds),
        field!("skipHooks", skip_hooks),
        field!("apiVersions", api_versions),
        field!("kubeVersion", kube_version),
        field!("nameTemplate", name_template),
        field!("skipTests", skip_tests),
        field!("debug", debug),
        field!("devel", devel),
    ]
);

/// An entry of the deprecated `helmChartInflationGenerator`.
#[derive(Default)]
pub(crate) struct HelmChartArgs {
    pub(crate) chart: HelmChart,
    pub(crate) globals: HelmGlobals,
    /// Fields that kustomize knows and does not use.
    unused: Text,
    unused_list: Vec<Text>,
}

structure!(@ HelmChartArgs, |value: &mut HelmChartArgs, mark| value.chart.mark = mark, [
    field!("chartName", chart.name),
    field!("chartVersion", chart.version),
    field!("chartRepoUrl", chart.repo),
    field!("chartHome", globals.chart_home),
    field!("chartRepoName", unused),
    field!("helmBin", unused),
    field!("helmHome", globals.config_home),
    text!("values", chart.values_file),
    custom!("valuesLocal", Node, |args, node, decoder| args.chart.values_inline = any_map(node, decoder)),
    field!("valuesMerge", chart.values_merge),
    field!("releaseName", chart.release_name),
    field!("releaseNamespace", unused),
    field!("extraArgs", unused_list),
]);

/// A mapping of anything, as it was written.
fn any_map(node: &Node, decoder: &mut Decoder<'_>) -> Option<Node> {
    if node.is_null() {
        return None;
    }
    if node.as_map().is_none() {
        decoder.wrong_kind(node, "a mapping");
        return None;
    }
    Some(node.clone())
}

/// What a structure is called, and the names of its fields.
pub(crate) type Owner = (&'static str, fn() -> Vec<&'static str>);

/// Where a field that stands in the wrong place may belong.
pub(crate) const OWNERS: &[Owner] = &[
    ("an entry of `images`", field_names::<Image>),
    ("an entry of `configMapGenerator`", field_names::<GeneratorArgs>),
    ("an entry of `secretGenerator`", field_names::<SecretArgs>),
    (
        "`generatorOptions`, or `options` of a generator",
        field_names::<GeneratorOptions>,
    ),
    ("an entry of `patches`", field_names::<Patch>),
    ("`options` of an entry of `patches`", field_names::<PatchOptions>),
    ("a selector, such as `target` of a patch", field_names::<Selector>),
    ("an entry of `labels`", field_names::<Label>),
    ("an entry of `replacements`", field_names::<ReplacementField>),
    ("`source` of a replacement", field_names::<SourceSelector>),
    ("an entry of `targets` of a replacement", field_names::<TargetSelector>),
    ("`options` of a replacement", field_names::<FieldOptions>),
    ("an entry of `replicas`", field_names::<Replica>),
    ("an entry of `vars`", field_names::<Var>),
    ("`sortOptions`", field_names::<SortOptions>),
    ("an entry of `helmCharts`", field_names::<HelmChart>),
    ("a kustomization", super::kustomization::field_names),
];
