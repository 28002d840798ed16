//! Decoding of the configuration objects of kustomize's own generators and transformers: one function
//! for each `Config` in `api/internal/builtins`. Unknown fields are ignored, as there.

use yaml::Node;

use super::decode::{Decode, Decoder, Rules, custom, decode_root, field, pairs, structure, text};
use super::fields::SecretArgs;
use super::ignored;
use super::plugin::*;
use super::shape::{Shape, Shaped};
use super::types::*;
use crate::error::{BuildError, ErrorKind, Result};
use resource::Finding;

impl PluginConfig {
    /// Decodes the object that configures a built-in, and refuses what can be refused without reading
    /// other files.
    pub fn decode(kind: BuiltinKind, node: &Node) -> Result<PluginConfig> {
        Ok(match kind {
            BuiltinKind::AnnotationsTransformer => PluginConfig::Annotations(object::<Annotations>(node)?.0),
            BuiltinKind::ConfigMapGenerator => PluginConfig::ConfigMap(generator::<GeneratorArgs>(node)?),
            BuiltinKind::HashTransformer => PluginConfig::Hash,
            BuiltinKind::HelmChartInflationGenerator => helm(node)?,
            BuiltinKind::IAMPolicyGenerator => PluginConfig::IamPolicy(embedded(node)?),
            BuiltinKind::ImageTagTransformer => PluginConfig::ImageTag(object(node)?),
            BuiltinKind::LabelTransformer => PluginConfig::Label(object::<Labels>(node)?.0),
            BuiltinKind::NamespaceTransformer => PluginConfig::Namespace(namespace(node)?),
            BuiltinKind::PatchJson6902Transformer => {
                let patch = object::<Json6902>(node)?.0;
                patch.check_json6902()?;
                PluginConfig::PatchJson6902(patch)
            }
            BuiltinKind::PatchStrategicMergeTransformer => {
                let merge: PatchStrategicMergeTransformer = object(node)?;
                if merge.paths.is_empty() && merge.patches.is_none() {
                    let error = invalid(node, "empty file path and empty patch content");
                    return Err(error.hint("say `paths` or `patches`"));
                }
                PluginConfig::PatchStrategicMerge(merge)
            }
            BuiltinKind::PatchTransformer => {
                let patch: Patch = object(node)?;
                patch.check()?;
                PluginConfig::Patch(patch)
            }
            BuiltinKind::PrefixTransformer => PluginConfig::Prefix(affix::<Prefix>(node)?),
            BuiltinKind::SuffixTransformer => PluginConfig::Suffix(affix::<Suffix>(node)?),
            BuiltinKind::PrefixSuffixTransformer => {
                PluginConfig::PrefixSuffix(affix::<Prefix>(node)?, affix::<Suffix>(node)?)
            }
            BuiltinKind::ReplacementTransformer => {
                let fields = object::<Replacements>(node)?.0;
                fields.iter().try_for_each(ReplacementField::check)?;
                PluginConfig::Replacement(fields)
            }
            BuiltinKind::ReplicaCountTransformer => PluginConfig::ReplicaCount(object(node)?),
            BuiltinKind::SecretGenerator => PluginConfig::Secret(generator::<SecretArgs>(node)?),
            BuiltinKind::ValueAddTransformer => {
                let add: ValueAddTransformer = object(node)?;
                if add.target_file_path.is_none() {
                    add.check()?;
                }
                PluginConfig::ValueAdd(add)
            }
        })
    }
}

/// Decodes a file that an entry of `replacements` names: one replacement, or a list of them.
pub fn decode_replacements(node: &Node) -> Result<Vec<Replacement>> {
    const WHAT: &str = "the file of replacements";
    if node.as_seq().is_some() {
        return decode_root(node, Rules::PluginFile, WHAT);
    }
    if node.as_map().is_some() {
        return Ok(vec![decode_root(node, Rules::PluginFile, WHAT)?]);
    }
    let found = super::scalar::describe(node);
    let message = format!("unsupported replacement type encountered within replacement path: {found}");
    Err(invalid(node, message).hint("write one replacement or a list of them"))
}

/// The fields of the configuration of a built-in that it does not read.
pub(crate) fn ignored_in_plugin(kind: BuiltinKind, node: &Node) -> Vec<Finding> {
    ignored::in_object(node, &shapes(kind))
}

/// The fields of a file of replacements that nobody reads.
pub(crate) fn ignored_in_replacements(node: &Node) -> Vec<Finding> {
    let shape = match node.as_seq() {
        Some(_) => Vec::<Replacement>::shape(),
        None => Replacement::shape(),
    };
    ignored::in_file(node, &shape)
}

/// The fields of a file of targets of a `ValueAddTransformer` that nobody reads.
pub(crate) fn ignored_in_targets(node: &Node) -> Vec<Finding> {
    ignored::in_object(node, &[ValueAddTransformer::shape()])
}

/// What a configuration is decoded into.
fn shapes(kind: BuiltinKind) -> Vec<Shape> {
    match kind {
        BuiltinKind::AnnotationsTransformer => vec![Annotations::shape()],
        BuiltinKind::ConfigMapGenerator => vec![GeneratorArgs::shape()],
        BuiltinKind::HashTransformer => Vec::new(),
        BuiltinKind::HelmChartInflationGenerator => vec![HelmGlobals::shape(), HelmChart::shape()],
        BuiltinKind::IAMPolicyGenerator => vec![IamPolicyArgs::shape()],
        BuiltinKind::ImageTagTransformer => vec![ImageTagTransformer::shape()],
        BuiltinKind::LabelTransformer => vec![Labels::shape()],
        BuiltinKind::NamespaceTransformer => vec![Namespace::shape()],
        BuiltinKind::PatchJson6902Transformer => vec![Json6902::shape()],
        BuiltinKind::PatchStrategicMergeTransformer => vec![PatchStrategicMergeTransformer::shape()],
        BuiltinKind::PatchTransformer => vec![Patch::shape()],
        BuiltinKind::PrefixTransformer => vec![Prefix::shape()],
        BuiltinKind::SuffixTransformer => vec![Suffix::shape()],
        BuiltinKind::PrefixSuffixTransformer => vec![Prefix::shape(), Suffix::shape()],
        BuiltinKind::ReplacementTransformer => vec![Replacements::shape()],
        BuiltinKind::ReplicaCountTransformer => vec![ReplicaCountTransformer::shape()],
        BuiltinKind::SecretGenerator => vec![SecretArgs::shape()],
        BuiltinKind::ValueAddTransformer => vec![ValueAddTransformer::shape()],
    }
}

fn invalid(node: &Node, message: impl Into<String>) -> BuildError {
    BuildError::new(ErrorKind::Config, node.mark, message)
}

fn object<T: Decode>(node: &Node) -> Result<T> {
    decode_root(node, Rules::Plugin, "the object")
}

/// Decodes what Go embeds in the plugin, where numbers are not welcome for strings.
fn embedded<T: Decode>(node: &Node) -> Result<T> {
    let mut decoder = Decoder::new(Rules::Plugin, "the object");
    let mut value = T::default();
    value.place(node.mark);
    decoder.without_coercion(|decoder| decoder.value(&mut value, node));
    decoder.finish(value)
}

#[derive(Default)]
struct Metadata(ObjectMeta);

structure!(
    Metadata,
    [custom!("metadata", ObjectMeta, |object, node, decoder| decoder
        .value(&mut object.0, node))]
);

impl From<SecretArgs> for GeneratorArgs {
    fn from(secret: SecretArgs) -> GeneratorArgs {
        secret.args
    }
}

/// Name and namespace may be in the metadata.
fn generator<T: Decode + Into<GeneratorArgs>>(node: &Node) -> Result<GeneratorArgs> {
    let mut args: GeneratorArgs = embedded::<T>(node)?.into();
    let metadata = object::<Metadata>(node)?.0;
    if args.name.is_empty() {
        args.name = metadata.name;
    }
    if args.namespace.is_empty() {
        args.namespace = metadata.namespace;
    }
    Ok(args)
}

fn helm(node: &Node) -> Result<PluginConfig> {
    let (globals, chart): (HelmGlobals, HelmChart) = (embedded(node)?, embedded(node)?);
    chart.check()?;
    Ok(PluginConfig::Helm(globals, chart))
}

#[derive(Default)]
struct Annotations(PairsTransformer);

structure!(
    Annotations,
    [pairs!("annotations", 0.pairs), field!("fieldSpecs", 0.field_specs)]
);

#[derive(Default)]
struct Labels(PairsTransformer);

structure!(Labels, [pairs!("labels", 0.pairs), field!("fieldSpecs", 0.field_specs)]);

structure!(
    ImageTagTransformer,
    [field!("imageTag", image), field!("fieldSpecs", field_specs)]
);

structure!(
    ReplicaCountTransformer,
    [field!("replica", replica), field!("fieldSpecs", field_specs)]
);

structure!(
    PatchStrategicMergeTransformer,
    [field!("paths", paths), text!("patches", patches)]
);

#[derive(Default)]
struct Replacements(Vec<ReplacementField>);

structure!(
    Replacements,
    [custom!(
        "replacements",
        Vec<ReplacementField>,
        |object, node, decoder| decoder.value(&mut object.0, node)
    )]
);

/// The patch of a `PatchJson6902Transformer`, whose operations stand in `jsonOp`.
#[derive(Default)]
struct Json6902(Patch);

structure!(@ Json6902, |value: &mut Json6902, mark| value.0.mark = mark, [
    field!("target", 0.target),
    text!("path", 0.path),
    text!("jsonOp", 0.patch),
]);

/// A prefix or suffix, and whether its field specs are given, if only as an empty list.
trait Affix: Decode {
    fn parts(self) -> (Option<Str>, Option<Vec<FieldSpec>>);
}

#[derive(Default)]
struct Prefix {
    prefix: Option<Str>,
    field_specs: Option<Vec<FieldSpec>>,
}

structure!(Prefix, [text!("prefix", prefix), field!("fieldSpecs", field_specs)]);

impl Affix for Prefix {
    fn parts(self) -> (Option<Str>, Option<Vec<FieldSpec>>) {
        (self.prefix, self.field_specs)
    }
}

#[derive(Default)]
struct Suffix {
    suffix: Option<Str>,
    field_specs: Option<Vec<FieldSpec>>,
}

structure!(Suffix, [text!("suffix", suffix), field!("fieldSpecs", field_specs)]);

impl Affix for Suffix {
    fn parts(self) -> (Option<Str>, Option<Vec<FieldSpec>>) {
        (self.suffix, self.field_specs)
    }
}

fn affix<T: Affix>(node: &Node) -> Result<AffixTransformer> {
    let (affix, field_specs) = decode_root::<T>(node, Rules::PluginKyaml, "the object")?.parts();
    let Some(field_specs) = field_specs else {
        let hint = "to change names, say `fieldSpecs: [{path: metadata/name}]`";
        return Err(invalid(node, "fieldSpecs is not expected to be nil").hint(hint));
    };
    Ok(AffixTransformer { affix, field_specs })
}

/// The metadata of a `NamespaceTransformer`, of which the place of the namespace matters.
#[derive(Default)]
struct NamespaceMeta {
    meta: ObjectMeta,
    namespace: Option<Str>,
}

structure!(
    NamespaceMeta,
    [
        field!("name", meta.name),
        text!("namespace", namespace),
        pairs!("labels", meta.labels),
        pairs!("annotations", meta.annotations),
    ]
);

#[derive(Default)]
struct Namespace {
    metadata: NamespaceMeta,
    field_specs: Vec<FieldSpec>,
    unset_only: bool,
    subjects: Option<Str>,
}

structure!(
    Namespace,
    [
        field!("metadata", metadata),
        field!("fieldSpecs", field_specs),
        field!("unsetOnly", unset_only),
        text!("setRoleBindingSubjects", subjects),
    ]
);

fn namespace(node: &Node) -> Result<NamespaceTransformer> {
    let object: Namespace = object(node)?;
    let subjects = match object.subjects {
        None => RoleBindingSubjects::DefaultOnly,
        Some(subjects) => match &*subjects {
            "defaultOnly" => RoleBindingSubjects::DefaultOnly,
            "none" => RoleBindingSubjects::None,
            "allServiceAccounts" => RoleBindingSubjects::AllServiceAccounts,
            other => {
                let message = format!(
                    "invalid value \"{other}\" for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\""
                );
                return Err(BuildError::new(ErrorKind::Config, subjects.mark, message));
            }
        },
    };
    Ok(NamespaceTransformer {
        namespace: object.metadata.namespace,
        field_specs: object.field_specs,
        unset_only: object.unset_only,
        subjects,
    })
}

structure!(
    ValueAddTarget,
    marked,
    [
        field!("selector", selector),
        field!("fieldPath", field_path),
        field!("filePathPosition", file_path_position),
    ]
);

structure!(
    ValueAddTransformer,
    marked,
    [
        custom!("value", Str, |add, node, decoder| add.value =
            decoder.text_or_none(node).and_then(trimmed)),
        field!("targets", targets),
        text!("targetFilePath", target_file_path),
    ]
);

fn trimmed(mut text: Str) -> Option<Str> {
    text.text = text.trim().into();
    (!text.is_empty()).then_some(text)
}

impl ValueAddTransformer {
    /// Adds the targets of the file that `target_file_path` names, and refuses what cannot be done.
    pub fn decode_targets(&mut self, node: &Node) -> Result<()> {
        let file: ValueAddTransformer = decode_root(node, Rules::PluginFile, "the file of targets")?;
        self.targets.extend(file.targets);
        self.check()
    }

    fn check(&self) -> Result<()> {
        let invalid = |mark, message: &str| BuildError::new(ErrorKind::Config, mark, message);
        if self.targets.is_empty() {
            let error = invalid(self.mark, "must specify at least one target");
            return Err(error.hint("say `targets` or `targetFilePath`"));
        }
        for target in &self.targets {
            let position = target.file_path_position;
            if target.field_path.is_empty() {
                return Err(invalid(target.mark, "fieldPath cannot be empty"));
            }
            if position < 0 {
                let message = format!("value of filePathPosition ({position}) cannot be negative");
                return Err(invalid(target.mark, &message));
            }
        }
        Ok(())
    }
}

structure!(
    IamPolicyArgs,
    [
        field!("cloud", cloud),
        field!("kubernetesService", kubernetes_service),
        field!("serviceAccount", service_account),
    ]
);

structure!(
    KubernetesService,
    [field!("name", name), field!("namespace", namespace)]
);

structure!(ServiceAccount, [field!("name", name), field!("projectId", project_id)]);
