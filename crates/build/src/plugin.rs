//! Runs what transforms the objects of a kustomization: first what its own fields ask for, in
//! kustomize's order, then the objects under `transformers`; and the objects under `generators` and
//! `validators` in their turn.

use std::sync::Arc;

use resource::{BuildOrigin, Finding, Resource, ResourceSet, Schema};
use yaml::{Layer, Mark};

use crate::accumulate::{Accumulated, Context, Target, embed, embedded_objects, id_taken};
use crate::config::{
    AffixTransformer, FieldSpec, FieldSpecs, Label, Pairs, Patch, PluginConfig, PluginKind, Replacement,
    ReplacementField, Role, Str, TransformerConfig, decode_replacements, ignored_in_plugin, ignored_in_replacements,
    ignored_in_targets, merge_specs, plugin_kind,
};
use crate::error::{BuildError, ErrorKind, Result};
use crate::external::External;
use crate::function::{self, Function};
use crate::generate::{self, Generated, absorb};
use crate::origin;
use crate::session::Session;
use crate::transform::affix::{self, Affix};
use crate::transform::namespace::{self, NamespaceChange};
use crate::transform::patch::{self, LoadedPatch};
use crate::transform::{hash, image, label, replacement, replica, value_add};

/// One thing to do to all objects. Everything is read before anything is done, as in kustomize.
struct Step {
    change: Change,
    layer: Arc<Layer>,
    /// How `buildMetadata` names it.
    origin: Option<BuildOrigin>,
}

enum Change {
    Patch(LoadedPatch),
    Namespace {
        namespace: Str,
        specs: FieldSpecs,
        unset_only: bool,
        subjects: crate::config::RoleBindingSubjects,
    },
    Affix(Affix, Str, FieldSpecs),
    Pairs(Pairs, FieldSpecs),
    Replica(crate::config::Replica, FieldSpecs),
    Image(crate::config::Image, FieldSpecs),
    Replacements(Vec<Replacement>),
    ValueAdd(crate::config::ValueAddTransformer, String),
    Hash,
    Function(Function),
    External(External),
}

impl Step {
    fn apply(
        &self,
        session: &Session<'_>,
        set: &mut ResourceSet,
        schema: &Schema,
        warnings: &mut Vec<Finding>,
        threads: fn() -> usize,
    ) -> Result<()> {
        let layer = &self.layer;
        match &self.change {
            Change::Patch(patch) => patch.apply(set, schema, warnings)?,
            Change::Namespace {
                namespace,
                specs,
                unset_only,
                subjects,
            } => {
                let (unset_only, subjects) = (*unset_only, *subjects);
                let change = NamespaceChange {
                    namespace: &namespace.text,
                    mark: namespace.mark,
                    specs,
                    unset_only,
                    subjects,
                };
                namespace::apply(set, &change, layer)?;
            }
            Change::Affix(affix, text, specs) => affix::apply(set, *affix, text, text.mark, specs, layer, threads)?,
            Change::Pairs(pairs, specs) => label::apply(set, pairs, specs, layer, threads)?,
            Change::Replica(replica, specs) => replica::apply(set, replica, specs, layer)?,
            Change::Image(image, specs) => image::apply(set, image, specs, layer, threads)?,
            Change::Replacements(replacements) => replacement::apply(set, replacements, schema, layer)?,
            Change::ValueAdd(config, directory) => value_add::apply(set, config, directory, layer)?,
            Change::Hash => hash::apply(set)?,
            Change::Function(function) => function.apply(set, layer)?,
            Change::External(external) => external.transform(session, set, schema, layer, warnings)?,
        }
        if let Some(origin) = &self.origin {
            set.iter_mut()
                .for_each(|resource| origin::note_transformation(resource, origin));
        }
        set.retain(|resource| !resource.is_empty());
        Ok(())
    }
}

/// The transformers of a kustomization: of its fields, then of `transformers`.
pub(crate) fn run_transformers(cx: &mut Context<'_>, target: &Target, acc: &mut Accumulated) -> Result<()> {
    let mut steps = builtin_steps(cx, target, &acc.config, &mut acc.warnings)?;
    steps.extend(external_steps(
        cx,
        target,
        &target.kustomization().transformers,
        "transformers",
        acc,
    )?);
    for step in &steps {
        if let Change::Function(Function::SetMergeKeys(lists)) = &step.change {
            acc.merge_keys.extend_from_slice(lists);
        }
    }
    let schema = function::extended(&cx.schema, &acc.merge_keys);
    for step in &steps {
        step.apply(cx.session, &mut acc.set, &schema, &mut acc.warnings, cx.threads)?;
        cx.schema_in_use |= matches!(&step.change, Change::Patch(patch) if patch.is_merge());
    }
    Ok(())
}

/// Validators are transformers that must not change anything but the label `validated-by`.
pub(crate) fn run_validators(cx: &mut Context<'_>, target: &Target, acc: &mut Accumulated) -> Result<()> {
    let steps = external_steps(cx, target, &target.kustomization().validators, "validators", acc)?;
    for step in &steps {
        let before = acc.set.clone();
        step.apply(cx.session, &mut acc.set, &cx.schema, &mut acc.warnings, cx.threads)?;
        if let Some(changed) = first_difference(&before, &acc.set)? {
            let message = format!(
                "validator shouldn't modify the resource map: it changed {}",
                changed.id()
            );
            return Err(BuildError::new(ErrorKind::Transform, step.layer.mark, message)
                .related(changed.node.mark, "this object"));
        }
    }
    Ok(())
}

fn first_difference<'a>(before: &'a ResourceSet, after: &ResourceSet) -> Result<Option<&'a Resource>> {
    let bytes = |resource: &Resource| -> Result<Vec<u8>> {
        let mut resource = resource.clone();
        if let Some(labels) = resource
            .metadata_mut()
            .and_then(|metadata| metadata.get_mut("labels")?.as_map_mut())
        {
            labels.remove("validated-by");
        }
        let mut out = Vec::new();
        crate::built::print(&resource, &mut out)?;
        Ok(out)
    };
    for (at, old) in before.iter().enumerate() {
        let same = match after.get(at) {
            Some(new) => bytes(old)? == bytes(new)?,
            None => false,
        };
        if !same {
            return Ok(Some(old));
        }
    }
    Ok(None)
}

/// What the fields of a kustomization ask for.
fn builtin_steps(
    cx: &Context<'_>,
    target: &Target,
    config: &TransformerConfig,
    warnings: &mut Vec<Finding>,
) -> Result<Vec<Step>> {
    let kustomization = target.kustomization();
    let mut steps = Vec::new();
    let mut add = |kind: &str, layer: Arc<Layer>, change: Change| {
        let origin = cx.track_origins.then(|| target.configured_here(kind));
        steps.push(Step { change, layer, origin });
    };
    let mut all_empty = true;
    for (at, entry) in kustomization.patches_strategic_merge.iter().enumerate() {
        let layer = target.layer(format!("patchesStrategicMerge[{at}]"), entry.mark);
        let patch = patch::load_strategic_merge(cx, target, entry, &layer)?;
        all_empty &= patch.is_empty();
        add("PatchStrategicMergeTransformer", layer, Change::Patch(patch));
    }
    if let Some(first) = kustomization.patches_strategic_merge.first().filter(|_| all_empty) {
        return Err(
            BuildError::new(ErrorKind::Config, first.mark, "patch appears to be empty")
                .hint("remove it, or write what it is to change"),
        );
    }
    // They are one transformer: only the last leaves its mark.
    let last = steps.len().saturating_sub(1);
    steps
        .iter_mut()
        .take(last)
        .for_each(|step: &mut Step| step.origin = None);
    let mut add = |kind: &str, layer: Arc<Layer>, change: Change| {
        let origin = cx.track_origins.then(|| target.configured_here(kind));
        steps.push(Step { change, layer, origin });
    };
    for (at, entry) in kustomization.patches.iter().enumerate() {
        let layer = target.layer(format!("patches[{at}]"), entry.mark);
        let patch = patch::load(cx, target, entry, &layer)?;
        add("PatchTransformer", layer, Change::Patch(patch));
    }
    if let Some(namespace) = &kustomization.namespace {
        let change = Change::Namespace {
            namespace: namespace.clone(),
            specs: config.namespace.clone(),
            unset_only: false,
            subjects: Default::default(),
        };
        add(
            "NamespaceTransformer",
            target.layer("namespace", namespace.mark),
            change,
        );
    }
    if let Some(prefix) = &kustomization.name_prefix {
        let change = Change::Affix(Affix::Prefix, prefix.clone(), config.name_prefix.clone());
        add("PrefixTransformer", target.layer("namePrefix", prefix.mark), change);
    }
    if let Some(suffix) = &kustomization.name_suffix {
        let change = Change::Affix(Affix::Suffix, suffix.clone(), config.name_suffix.clone());
        add("SuffixTransformer", target.layer("nameSuffix", suffix.mark), change);
    }
    for (at, entry) in kustomization.labels.iter().enumerate() {
        let layer = target.layer(format!("labels[{at}]"), entry.mark);
        add(
            "LabelTransformer",
            layer,
            Change::Pairs(entry.pairs.clone(), label_specs(entry, config)?),
        );
    }
    if !kustomization.labels.is_empty() || !kustomization.common_labels.is_empty() {
        let pairs = kustomization.common_labels.clone();
        let layer = target.layer("commonLabels", first_mark(&pairs));
        add(
            "LabelTransformer",
            layer,
            Change::Pairs(pairs, config.common_labels.clone()),
        );
    }
    if !kustomization.common_annotations.is_empty() {
        let pairs = kustomization.common_annotations.clone();
        let layer = target.layer("commonAnnotations", first_mark(&pairs));
        add(
            "AnnotationsTransformer",
            layer,
            Change::Pairs(pairs, config.common_annotations.clone()),
        );
    }
    for (at, entry) in kustomization.patches_json6902.iter().enumerate() {
        let layer = target.layer(format!("patchesJson6902[{at}]"), entry.mark);
        let patch = patch::load_json(cx, target, entry, &layer)?;
        add("PatchJson6902Transformer", layer, Change::Patch(patch));
    }
    for (at, entry) in kustomization.replicas.iter().enumerate() {
        let layer = target.layer(format!("replicas[{at}]"), entry.mark);
        add(
            "ReplicaCountTransformer",
            layer,
            Change::Replica(entry.clone(), config.replicas.clone()),
        );
    }
    for (at, entry) in kustomization.images.iter().enumerate() {
        let layer = target.layer(format!("images[{at}]"), entry.mark);
        add(
            "ImageTagTransformer",
            layer,
            Change::Image(entry.clone(), config.images.clone()),
        );
    }
    if !kustomization.replacements.is_empty() {
        let replacements = load_replacements(cx, target, &kustomization.replacements, warnings)?;
        let layer = target.layer("replacements", kustomization.replacements[0].mark);
        add("ReplacementTransformer", layer, Change::Replacements(replacements));
    }
    Ok(steps)
}

fn first_mark(pairs: &Pairs) -> Mark {
    pairs.iter().map(|(key, _)| key.mark).min().unwrap_or_default()
}

/// Where one entry of `labels` goes.
fn label_specs(entry: &Label, config: &TransformerConfig) -> Result<FieldSpecs> {
    if entry.include_selectors && entry.field_specs.is_empty() && config.labels.is_empty() && config.settled {
        return Ok(config.common_labels.clone());
    }
    let specs = merge_specs("labels", &entry.field_specs, &config.labels)?;
    if entry.include_selectors {
        return merge_specs("labels", &specs, &config.common_labels).map(FieldSpecs::Owned);
    }
    let specs = if entry.include_templates {
        merge_specs("labels", &specs, &config.template_labels)?
    } else {
        specs
    };
    let own = FieldSpec {
        path: "metadata/labels".into(),
        create: true,
        ..FieldSpec::default()
    };
    merge_specs("labels", &specs, &[own]).map(FieldSpecs::Owned)
}

/// Replacements in place, and those of files.
fn load_replacements(
    cx: &Context<'_>,
    target: &Target,
    fields: &[ReplacementField],
    warnings: &mut Vec<Finding>,
) -> Result<Vec<Replacement>> {
    let mut all = Vec::new();
    for field in fields {
        let Some(path) = &field.path else {
            all.push(field.replacement.clone());
            continue;
        };
        if field.replacement.source.is_some() || !field.replacement.targets.is_empty() {
            let message = "cannot specify both path and inline replacement";
            return Err(BuildError::new(ErrorKind::Config, field.mark, message));
        }
        let file = target.read_yaml(cx, path)?;
        let node = file.config()?;
        all.extend(decode_replacements(&node)?);
        warnings.extend(ignored_in_replacements(&node));
    }
    Ok(all)
}

/// An object under `generators`, `transformers` or `validators`, and the file it stands in.
struct Plugin {
    object: Resource,
    layer: Arc<Layer>,
}

/// The objects that entries name: each entry is a YAML text in place, or a path.
fn load_plugins(
    cx: &mut Context<'_>,
    target: &Target,
    entries: &[Str],
    field: &str,
    acc: &mut Accumulated,
) -> Result<Vec<Plugin>> {
    let mut own = Accumulated::empty();
    let mut paths = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let step = format!("{field}[{at}]");
        let layer = target.layer(step.clone(), entry.mark);
        let source = embed(cx, entry, &target.loaded.name, &step);
        match embedded_objects(cx, &source, &layer) {
            Ok(mut objects) => {
                if cx.track_origins {
                    let file = target.file.source.name().rsplit('/').next().unwrap_or_default();
                    objects
                        .iter_mut()
                        .for_each(|object| object.origin = Some(origin::append(&target.origin, file)));
                }
                own.set.push_all(objects).map_err(|taken| id_taken(taken, entry.mark))?;
            }
            Err(error) if entry.contains('\n') => return Err(error.within(entry.mark, step)),
            Err(_) => paths.push(entry.clone()),
        }
    }
    let own = target.accumulate_resources(cx, own, &paths, field)?;
    acc.warnings.extend(own.warnings);
    let plugins = own.set.into_vec().into_iter();
    Ok(plugins
        .map(|object| Plugin {
            layer: plugin_layer(target, &object, field),
            object,
        })
        .collect())
}

/// The entry that names a plugin is its layer. What came through a directory was loaded by a kustomization
/// there, but works for this one.
fn plugin_layer(target: &Target, object: &Resource, field: &str) -> Arc<Layer> {
    if object.layer.kustomization == target.loaded.name {
        return object.layer.clone();
    }
    let step = format!("{field} ({} {})", object.kind(), object.id().name);
    target.layer(step, object.node.mark)
}

impl Plugin {
    /// What it says, if it is one of kustomize's own of this role.
    fn config(&self, role: Role, warnings: &mut Vec<Finding>) -> Result<PluginConfig> {
        let object = &self.object;
        let fail = |kind: ErrorKind, message: String| BuildError::new(kind, object.node.mark, message);
        match plugin_kind(&object.node) {
            PluginKind::Builtin(kind) if kind.role() == role => {
                warnings.extend(ignored_in_plugin(kind, &object.node));
                PluginConfig::decode(kind, &object.node)
            }
            PluginKind::Builtin(_) => {
                let role = if role == Role::Generator {
                    "generator"
                } else {
                    "transformer"
                };
                Err(fail(ErrorKind::Config, format!("plugin {} not a {role}", object.id())))
            }
            PluginKind::UnknownBuiltin => Err(fail(
                ErrorKind::Config,
                format!("unable to load builtin {}", object.gvk()),
            )),
            PluginKind::Function | PluginKind::Executable => {
                Err(fail(ErrorKind::Config, format!("\"{}\" is no builtin", object.kind())))
            }
        }
    }

    /// The program that it is, if it is none of those that are built in.
    fn external(&self, cx: &Context<'_>, target: &Target) -> Result<Option<External>> {
        match plugin_kind(&self.object.node) {
            PluginKind::Builtin(_) | PluginKind::UnknownBuiltin => Ok(None),
            PluginKind::Executable if function::is_resource(&self.object) => Err(function::no_plugin(&self.object)),
            kind => External::read(cx, target, &self.object, kind).map(Some),
        }
    }

    fn origin(&self) -> Option<BuildOrigin> {
        origin::configured_by(&self.object)
    }
}

/// The generators under `generators`.
pub(crate) fn run_generators(cx: &mut Context<'_>, target: &Target, acc: &mut Accumulated) -> Result<()> {
    let plugins = load_plugins(cx, target, &target.kustomization().generators, "generators", acc)?;
    let mut made = Vec::new();
    for plugin in &plugins {
        let layer = &plugin.layer;
        if function::is_function(&plugin.object.node) {
            let function = Function::read(cx, target, &plugin.object.node)?;
            let mut generated = function.generate(cx, &plugin.object.node, layer)?;
            origin::note(&mut generated, plugin.origin());
            made.push(generated);
            continue;
        }
        if let Some(external) = plugin.external(cx, target)? {
            let mut generated = external.generate(cx, layer, &mut acc.warnings)?;
            for resource in &mut generated {
                origin::note(resource, plugin.origin());
            }
            made.extend(generated);
            continue;
        }
        let mut generated = match plugin.config(Role::Generator, &mut acc.warnings)? {
            PluginConfig::ConfigMap(args) => vec![generate::generate(cx, target, Generated::ConfigMap, &args, layer)?],
            PluginConfig::Secret(args) => vec![generate::generate(cx, target, Generated::Secret, &args, layer)?],
            PluginConfig::IamPolicy(args) => {
                generate::iam_policy::generate(&args, plugin.object.node.mark, layer, &cx.schema)?
            }
            PluginConfig::Helm(globals, chart) => generate::helm::generate(cx, target, &globals, &chart, layer)?,
            _ => Vec::new(),
        };
        for resource in &mut generated {
            origin::note(resource, plugin.origin());
        }
        made.extend(generated);
    }
    made.into_iter().try_for_each(|resource| absorb(&mut acc.set, resource))
}

fn external_steps(
    cx: &mut Context<'_>,
    target: &Target,
    entries: &[Str],
    field: &str,
    acc: &mut Accumulated,
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for plugin in load_plugins(cx, target, entries, field, acc)? {
        let origin = plugin.origin();
        for change in changes(cx, target, &plugin, &mut acc.warnings)? {
            steps.push(Step {
                change,
                layer: plugin.layer.clone(),
                origin: None,
            });
        }
        if let Some(last) = steps.last_mut() {
            last.origin = origin;
        }
    }
    Ok(steps)
}

/// What a transformer object asks for.
fn changes(cx: &Context<'_>, target: &Target, plugin: &Plugin, warnings: &mut Vec<Finding>) -> Result<Vec<Change>> {
    let layer = &plugin.layer;
    if function::is_function(&plugin.object.node) {
        return Ok(vec![Change::Function(Function::read(cx, target, &plugin.object.node)?)]);
    }
    if let Some(external) = plugin.external(cx, target)? {
        return Ok(vec![Change::External(external)]);
    }
    let affix = |side, config: AffixTransformer| {
        Change::Affix(side, config.affix.unwrap_or_default(), config.field_specs.into())
    };
    Ok(match plugin.config(Role::Transformer, warnings)? {
        PluginConfig::Annotations(config) | PluginConfig::Label(config) => {
            vec![Change::Pairs(config.pairs, config.field_specs.into())]
        }
        PluginConfig::Hash => vec![Change::Hash],
        PluginConfig::ImageTag(config) => vec![Change::Image(config.image, config.field_specs.into())],
        PluginConfig::Namespace(config) => vec![Change::Namespace {
            namespace: config.namespace.unwrap_or_default(),
            specs: config.field_specs.into(),
            unset_only: config.unset_only,
            subjects: config.subjects,
        }],
        PluginConfig::Patch(config) => vec![Change::Patch(patch::load(cx, target, &config, layer)?)],
        PluginConfig::PatchJson6902(config) => vec![Change::Patch(patch::load_json(cx, target, &config, layer)?)],
        PluginConfig::PatchStrategicMerge(config) => {
            let mut patches = Vec::new();
            for entry in &config.paths {
                patches.push(Change::Patch(patch::load_strategic_merge(cx, target, entry, layer)?));
            }
            if let Some(text) = &config.patches {
                let patch = Patch {
                    mark: text.mark,
                    patch: Some(text.clone()),
                    ..Patch::default()
                };
                patches.push(Change::Patch(patch::load(cx, target, &patch, layer)?));
            }
            patches
        }
        PluginConfig::Prefix(config) => vec![affix(Affix::Prefix, config)],
        PluginConfig::Suffix(config) => vec![affix(Affix::Suffix, config)],
        PluginConfig::PrefixSuffix(prefix, suffix) => vec![affix(Affix::Prefix, prefix), affix(Affix::Suffix, suffix)],
        PluginConfig::Replacement(fields) => {
            vec![Change::Replacements(load_replacements(cx, target, &fields, warnings)?)]
        }
        PluginConfig::ReplicaCount(config) => vec![Change::Replica(config.replica, config.field_specs.into())],
        PluginConfig::ValueAdd(mut config) => {
            if let Some(path) = config.target_file_path.take() {
                let file = target.read_yaml(cx, &path)?;
                let node = file.config()?;
                warnings.extend(ignored_in_targets(&node));
                config.decode_targets(&node)?;
            }
            let directory = target
                .root
                .directory
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            vec![Change::ValueAdd(config, directory.unwrap_or_default())]
        }
        PluginConfig::ConfigMap(_) | PluginConfig::Secret(_) | PluginConfig::Helm(..) | PluginConfig::IamPolicy(_) => {
            Vec::new()
        }
    })
}
