//! The configuration a build reads, as it was written: kustomization files and the configuration
//! objects of transformers and generators. Field names are kustomize's (`api/types`).

use std::borrow::Cow;

use resource::{Gvk, ResId};
use yaml::{Mark, Node, Style, Text};

/// A text and where it stands, so that what it sets can say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Str {
    pub text: Text,
    pub mark: Mark,
    pub style: Style,
}

impl Default for Str {
    fn default() -> Str {
        Str {
            text: Text::default(),
            mark: Mark::NONE,
            style: Style::Plain,
        }
    }
}

impl std::ops::Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Pairs of a mapping of texts, sorted by key, each key once.
pub type Pairs = Vec<(Str, Str)>;

/// A kustomization file. Texts in an `Option` are `None` when they are empty, as kustomize makes no
/// difference there; the one exception is [`Replacement::source_value`].
#[derive(Clone, Debug, Default)]
pub struct Kustomization {
    pub api_version: Text,
    pub kind: Text,
    pub metadata: Option<ObjectMeta>,
    pub openapi: Pairs,
    pub name_prefix: Option<Str>,
    pub name_suffix: Option<Str>,
    pub namespace: Option<Str>,
    pub common_labels: Pairs,
    pub labels: Vec<Label>,
    pub common_annotations: Pairs,
    pub patches_strategic_merge: Vec<Str>,
    pub patches_json6902: Vec<Patch>,
    pub patches: Vec<Patch>,
    /// `images`, then the deprecated `imageTags`.
    pub images: Vec<Image>,
    pub replacements: Vec<ReplacementField>,
    pub replicas: Vec<Replica>,
    pub vars: Vec<Var>,
    pub sort_options: Option<SortOptions>,
    /// `resources`, then the deprecated `bases`.
    pub resources: Vec<Str>,
    pub components: Vec<Str>,
    pub crds: Vec<Str>,
    pub config_map_generator: Vec<GeneratorArgs>,
    pub secret_generator: Vec<GeneratorArgs>,
    pub helm_globals: Option<HelmGlobals>,
    /// `helmCharts`, then the deprecated `helmChartInflationGenerator`.
    pub helm_charts: Vec<HelmChart>,
    pub generator_options: Option<GeneratorOptions>,
    pub configurations: Vec<Str>,
    pub generators: Vec<Str>,
    pub transformers: Vec<Str>,
    pub validators: Vec<Str>,
    pub build_metadata: Vec<Str>,
}

#[derive(Clone, Debug, Default)]
pub struct ObjectMeta {
    pub name: Text,
    pub namespace: Text,
    pub labels: Pairs,
    pub annotations: Pairs,
}

/// One entry of `labels`.
#[derive(Clone, Debug, Default)]
pub struct Label {
    pub mark: Mark,
    pub pairs: Pairs,
    pub include_selectors: bool,
    pub include_templates: bool,
    pub field_specs: Vec<FieldSpec>,
}

/// One entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub mark: Mark,
    pub path: Option<Str>,
    pub patch: Option<Str>,
    pub target: Option<Selector>,
    pub allow_name_change: bool,
    pub allow_kind_change: bool,
}

/// Which objects are meant; empty fields mean any. `name`, `namespace` and the parts of `gvk` are
/// regular expressions that must match the whole.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    pub mark: Mark,
    pub id: ResId,
    pub label_selector: Text,
    pub annotation_selector: Text,
}

/// A field of objects of some type: `path` is split at `/`, `\/` stands for a slash in a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpec {
    pub gvk: Gvk,
    pub path: Text,
    pub create: bool,
}

/// One entry of `images`.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub mark: Mark,
    pub name: Text,
    pub new_name: Option<Str>,
    pub tag_suffix: Option<Str>,
    pub new_tag: Option<Str>,
    pub digest: Option<Str>,
}

/// One entry of `replicas`.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    pub mark: Mark,
    pub name: Text,
    pub count: i64,
}

/// One entry of `replacements`: a file of them, or one in place.
#[derive(Clone, Debug, Default)]
pub struct ReplacementField {
    pub mark: Mark,
    pub path: Option<Str>,
    pub replacement: Replacement,
}

/// What is copied where.
#[derive(Clone, Debug, Default)]
pub struct Replacement {
    pub mark: Mark,
    pub source: Option<SourceSelector>,
    pub source_value: Option<Str>,
    pub targets: Vec<TargetSelector>,
}

#[derive(Clone, Debug, Default)]
pub struct SourceSelector {
    pub mark: Mark,
    pub id: ResId,
    pub field_path: Text,
    pub options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default)]
pub struct TargetSelector {
    pub mark: Mark,
    pub select: Option<Selector>,
    pub reject: Vec<Selector>,
    pub field_paths: Vec<Str>,
    pub options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldOptions {
    pub delimiter: Text,
    pub index: i64,
    pub encoding: Text,
    pub create: bool,
}

/// One entry of `vars`.
#[derive(Clone, Debug, Default)]
pub struct Var {
    pub mark: Mark,
    pub name: Text,
    /// The object, with `apiVersion` already split into group and version.
    pub object: ResId,
    /// Defaults to `metadata.name`.
    pub field_path: Text,
}

#[derive(Clone, Debug, Default)]
pub struct SortOptions {
    pub mark: Mark,
    pub order: Text,
    /// `legacySortOptions`: kinds that come first, kinds that come last.
    pub legacy: Option<(Vec<Text>, Vec<Text>)>,
}

/// One entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default)]
pub struct GeneratorArgs {
    pub mark: Mark,
    pub namespace: Text,
    pub name: Text,
    pub behavior: Text,
    pub literals: Vec<Str>,
    pub files: Vec<Str>,
    /// `envs`; in a kustomization file also the deprecated `env`.
    pub envs: Vec<Str>,
    /// The deprecated `env` of a generator of its own, which kustomize reads and does not use.
    pub env: Option<Str>,
    pub options: Option<GeneratorOptions>,
    /// (Secrets) the type; `Opaque` when empty.
    pub secret_type: Text,
}

#[derive(Clone, Debug, Default)]
pub struct GeneratorOptions {
    pub labels: Pairs,
    pub annotations: Pairs,
    pub disable_name_suffix_hash: bool,
    pub immutable: bool,
}

/// What all charts of a kustomization share.
#[derive(Clone, Debug, Default)]
pub struct HelmGlobals {
    pub chart_home: Text,
    pub config_home: Text,
}

/// One entry of `helmCharts`.
#[derive(Clone, Debug, Default)]
pub struct HelmChart {
    pub mark: Mark,
    pub name: Text,
    pub version: Text,
    pub repo: Text,
    pub release_name: Text,
    pub namespace: Text,
    pub additional_values_files: Vec<Str>,
    pub values_file: Option<Str>,
    pub values_inline: Option<Node>,
    pub values_merge: Text,
    pub include_crds: bool,
    pub skip_hooks: bool,
    pub api_versions: Vec<Str>,
    pub kube_version: Text,
    pub name_template: Text,
    pub skip_tests: bool,
    pub debug: bool,
    pub devel: bool,
}

/// Field specs: those built into the program, or a list of one's own.
pub type FieldSpecs = Cow<'static, [FieldSpec]>;

/// The field specs that transformers use, as `configurations` extends them.
#[derive(Clone, Debug, Default)]
pub struct TransformerConfig {
    pub name_prefix: FieldSpecs,
    pub name_suffix: FieldSpecs,
    pub namespace: FieldSpecs,
    pub common_labels: FieldSpecs,
    pub labels: FieldSpecs,
    pub template_labels: FieldSpecs,
    pub common_annotations: FieldSpecs,
    pub name_reference: Cow<'static, [NameReference]>,
    pub var_reference: FieldSpecs,
    pub images: FieldSpecs,
    pub replicas: FieldSpecs,
    /// Whether merging this with itself, or into nothing, gives this again.
    pub(crate) settled: bool,
}

/// Objects of one type, and the fields of other types that name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameReference {
    pub gvk: Gvk,
    pub referrers: FieldSpecs,
}
