//! One kustomization after the other: its resources, its generators, its components, its transformers,
//! its validators, and the bases below it (kustomize's `KustTarget` and `ResAccumulator`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resource::{BuildOrigin, Finding, IdTaken, Resource, ResourceSet, Schema};
use yaml::{Host, Layer, Mark, Node, Source, Text};

use crate::built::Component;
use crate::config::{Kustomization, LoadedKustomization, Str, TransformerConfig};
use crate::error::{BuildError, ErrorKind, Result};
use crate::fetch::without_password;
use crate::function::ListKeys;
use crate::load::{self, Entry, LoadRestrictor, Root};
use crate::origin;
use crate::parallel;
use crate::plugin;
use crate::repo_spec::is_http;
use crate::session::{BaseKey, Session, YamlFile};
use crate::transform::vars::VarSet;
use crate::transform::{self};

/// Objects, and the rules and variables that came with them.
#[derive(Clone, Debug)]
pub(crate) struct Accumulated {
    pub(crate) set: ResourceSet,
    pub(crate) config: Arc<TransformerConfig>,
    pub(crate) vars: VarSet,
    /// Merge keys that `SetMergeKeys` declared.
    pub(crate) merge_keys: Vec<ListKeys>,
    /// See [`Context::schema_in_use`].
    schema_in_use: bool,
    pub(crate) warnings: Vec<Finding>,
    pub(crate) components: Vec<Component>,
}

impl Accumulated {
    pub(crate) fn empty() -> Accumulated {
        Accumulated {
            set: ResourceSet::new(),
            config: Arc::default(),
            vars: VarSet::default(),
            merge_keys: Vec::new(),
            schema_in_use: false,
            warnings: Vec::new(),
            components: Vec::new(),
        }
    }

    /// A copy that takes no more memory than it must.
    pub(crate) fn without_index(&self) -> Accumulated {
        let mut copy = self.clone();
        copy.set.forget_index();
        copy
    }

    fn merge(&mut self, other: Accumulated, mark: Mark) -> Result<()> {
        self.warnings.extend(other.warnings);
        self.components.extend(other.components);
        self.merge_keys.extend(other.merge_keys);
        self.set
            .push_all(other.set.into_vec())
            .map_err(|taken| id_taken(taken, mark))?;
        self.config = TransformerConfig::merge(&self.config, &other.config)?;
        self.vars.merge_set(other.vars)
    }
}

/// The error for an object whose id another one has.
pub(crate) fn id_taken(taken: IdTaken, mark: Mark) -> BuildError {
    let place = taken.refused.node.mark;
    let message = format!("may not add resource with an already registered id: {}", taken.id);
    BuildError::new(ErrorKind::Object, place, message)
        .related(mark, "added by this line")
        .hint("two objects of one kind need different names or namespaces")
}

/// What is the same for all kustomizations of one build.
pub(crate) struct Context<'s> {
    pub(crate) session: &'s Session<'s>,
    pub(crate) restrictor: LoadRestrictor,
    /// The types this build knows; the first kustomization with an `openapi` field decides.
    pub(crate) schema: Schema,
    pub(crate) schema_is_set: bool,
    /// Whether a type was looked up in the built-in schema: then kustomize keeps its types beside those
    /// of a document that comes later.
    pub(crate) schema_in_use: bool,
    /// Whether `buildMetadata` of the root wants origins.
    pub(crate) track_origins: bool,
    /// Threads that bases may be built on, and many objects read and changed.
    pub(crate) threads: fn() -> usize,
}

/// As many directories in one list are built on several threads.
const WORTH_THREADS: usize = 8;

/// A kustomization that is being built.
pub(crate) struct Target {
    pub(crate) root: Arc<Root>,
    pub(crate) file: Arc<YamlFile>,
    pub(crate) loaded: Arc<LoadedKustomization>,
    /// The directory as `buildMetadata` names it.
    pub(crate) origin: BuildOrigin,
    /// The namespace of the nearest kustomization above that has one: charts get it.
    outer_namespace: Option<Text>,
}

impl Target {
    /// Reads the kustomization file of a directory.
    pub(crate) fn load(
        cx: &Context<'_>,
        root: Arc<Root>,
        origin: BuildOrigin,
        mark: Mark,
        outer_namespace: Option<&Text>,
    ) -> Result<Target> {
        let file = load::find_kustomization(cx.session, &root, cx.restrictor, mark)?;
        let loaded = file.kustomization()?;
        Ok(Target {
            root,
            file,
            loaded,
            origin,
            outer_namespace: outer_namespace.cloned(),
        })
    }

    pub(crate) fn kustomization(&self) -> &Kustomization {
        &self.loaded.kustomization
    }

    /// The namespace of charts that have none of their own.
    pub(crate) fn helm_namespace(&self) -> Option<&Text> {
        let own = self.kustomization().namespace.as_ref().map(|namespace| &namespace.text);
        own.filter(|namespace| !namespace.is_empty())
            .or(self.outer_namespace.as_ref())
    }

    /// The layer of a step of this kustomization.
    pub(crate) fn layer(&self, step: impl Into<String>, mark: Mark) -> Arc<Layer> {
        Arc::new(Layer::new(self.loaded.name.clone(), step.into(), mark))
    }

    /// Where generators and transformers of the kustomization file itself are configured.
    pub(crate) fn configured_here(&self, kind: &str) -> BuildOrigin {
        let file = self.file.source.name().rsplit('/').next().unwrap_or_default();
        origin::configured_in(&self.origin, file, "builtin", kind)
    }

    /// Uses the `openapi` field, unless another kustomization did before.
    pub(crate) fn set_schema(&self, cx: &mut Context<'_>) -> Result<()> {
        let field = |name: &str| {
            self.kustomization()
                .openapi
                .iter()
                .find(|(key, _)| &**key == name)
                .map(|(_, value)| value)
        };
        let path = field("path").map(|path| self.read_yaml(cx, path)).transpose()?;
        if cx.schema_is_set {
            return Ok(());
        }
        match (field("version"), path) {
            (Some(version), Some(_)) => {
                let message = "builtin version and custom schema provided, cannot use both";
                Err(BuildError::new(ErrorKind::Config, version.mark, message)
                    .hint("keep openapi.path or openapi.version"))
            }
            (_, Some(file)) => {
                let document = file.config()?;
                let schema = if cx.schema_in_use {
                    cx.schema.and_openapi(&document)
                } else {
                    Schema::from_openapi(&document)
                };
                cx.schema =
                    schema.map_err(|error| BuildError::new(ErrorKind::Config, error.mark, error.to_string()))?;
                cx.schema_is_set = true;
                Ok(())
            }
            (Some(version), None) if !version.is_empty() => {
                if &**version != "v1.21.2" && &**version != "v1212" {
                    let message = format!("the specified OpenAPI version is not built in: {}", version.text);
                    return Err(BuildError::new(ErrorKind::Config, version.mark, message)
                        .hint("the version that is built in is v1.21.2"));
                }
                cx.schema_is_set = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A file this kustomization may read.
    pub(crate) fn find_file(&self, cx: &Context<'_>, path: &Str) -> Result<PathBuf> {
        load::find_file(cx.session, &self.root, cx.restrictor, path)
    }

    /// The bytes of a file this kustomization may read, and the name to show for it.
    pub(crate) fn read(&self, cx: &Context<'_>, path: &Str) -> Result<(Vec<u8>, String)> {
        if is_http(path) {
            let bytes = cx.session.remote(path, false, path.mark)?;
            return Ok((bytes, without_password(path).into_owned()));
        }
        let file = self.find_file(cx, path)?;
        Ok((cx.session.read(&file, path.mark, path)?, cx.session.display(&file)))
    }

    /// A YAML file this kustomization may read.
    pub(crate) fn read_yaml(&self, cx: &Context<'_>, path: &Str) -> Result<Arc<YamlFile>> {
        if is_http(path) {
            return cx.session.remote_yaml(path, false, path.mark);
        }
        let file = self.find_file(cx, path)?;
        cx.session.yaml_file(&file, path.mark, path)
    }

    /// All of it: resources, generators, components, transformers, validators. `into` is empty for a
    /// kustomization, and what its parent has so far for a component.
    pub(crate) fn accumulate(&self, cx: &mut Context<'_>, into: Accumulated) -> Result<Accumulated> {
        let kustomization = self.kustomization();
        let mut acc = into;
        acc.warnings.extend(self.loaded.warnings.iter().cloned());
        let paths = kustomization.resources.iter().chain(&kustomization.components);
        cx.session.expect(paths.map(|path| &*path.text));
        acc = self.accumulate_resources(cx, acc, &kustomization.resources, "resources")?;
        self.merge_configurations(cx, &mut acc)?;
        self.run_generators(cx, &mut acc)?;
        for (at, path) in kustomization.components.iter().enumerate() {
            acc = self.accumulate_component(cx, acc, path, at)?;
        }
        plugin::run_transformers(cx, self, &mut acc)?;
        plugin::run_validators(cx, self, &mut acc)?;
        acc.vars.note(&mut acc.set, &kustomization.vars)?;
        Ok(acc)
    }

    fn merge_configurations(&self, cx: &Context<'_>, acc: &mut Accumulated) -> Result<()> {
        let kustomization = self.kustomization();
        let mut own = TransformerConfig::defaults().clone();
        if !kustomization.configurations.is_empty() {
            let mut all = Arc::default();
            for path in &kustomization.configurations {
                let file = self.read_yaml(cx, path)?;
                let config = Arc::new(TransformerConfig::read(&file.source)?);
                all = TransformerConfig::merge(&all, &config)?;
            }
            own = TransformerConfig::merge(&own, &all)?;
        }
        acc.config = TransformerConfig::merge(&acc.config, &own)?;
        if !kustomization.crds.is_empty() {
            let mut all = Arc::default();
            for path in &kustomization.crds {
                let file = self.read_yaml(cx, path)?;
                let config = Arc::new(TransformerConfig::from_crds(&file.config()?)?);
                all = TransformerConfig::merge(&all, &config)?;
            }
            acc.config = TransformerConfig::merge(&acc.config, &all)?;
        }
        Ok(())
    }

    fn run_generators(&self, cx: &mut Context<'_>, acc: &mut Accumulated) -> Result<()> {
        for generated in crate::generate::from_kustomization(cx, self)? {
            crate::generate::absorb(&mut acc.set, generated)?;
        }
        plugin::run_generators(cx, self, acc)
    }

    /// The objects of files and of the kustomizations in directories.
    pub(crate) fn accumulate_resources(
        &self,
        cx: &mut Context<'_>,
        mut acc: Accumulated,
        paths: &[Str],
        field: &str,
    ) -> Result<Accumulated> {
        self.build_bases(cx, paths);
        for (at, path) in paths.iter().enumerate() {
            match load::find(cx.session, &self.root, path)? {
                Entry::File(file) => {
                    load::allow(cx.session, &self.root, cx.restrictor, &file, path)?;
                    let file = cx.session.yaml_file(&file, path.mark, path)?;
                    let nodes = load::objects(&file.documents(cx.threads)?)
                        .map_err(|error| error.within(path.mark, format!("{field}[{at}]")))?;
                    self.push_objects(cx, &mut acc, nodes, path, format!("{field}[{at}]"))?;
                }
                Entry::Remote(spec) => {
                    let nodes = cx
                        .session
                        .remote_yaml(path, true, path.mark)
                        .and_then(|file| load::objects(&file.documents(cx.threads)?))
                        .map_err(|error| error.within(path.mark, format!("{field}[{at}]")));
                    match (nodes, spec) {
                        (Ok(nodes), _) => self.push_objects(cx, &mut acc, nodes, path, format!("{field}[{at}]"))?,
                        (Err(error), None) => return Err(error),
                        (Err(error), Some(spec)) => {
                            // What is no file may be a repository; then nobody wants to hear of the file.
                            load::clone_root(cx.session, Some(&self.root), &spec, path.mark)
                                .map_err(|other| neither(error, other))?;
                            acc = self
                                .accumulate_directory(cx, acc, Entry::Repository(spec), path, false)
                                .map_err(|error| error.within(path.mark, format!("{field}[{at}]")))?;
                        }
                    }
                }
                entry @ (Entry::Directory(_) | Entry::Repository(_)) => {
                    acc = self
                        .accumulate_directory(cx, acc, entry, path, false)
                        .map_err(|error| error.within(path.mark, format!("{field}[{at}]")))?;
                }
            }
        }
        Ok(acc)
    }

    /// Adds the objects of a file.
    fn push_objects(
        &self,
        cx: &mut Context<'_>,
        acc: &mut Accumulated,
        nodes: Vec<Node>,
        path: &Str,
        step: String,
    ) -> Result<()> {
        let layer = self.layer(step, path.mark);
        let mut resources = load::resources(nodes, &layer, &cx.schema);
        let is_known = |resource: &Resource| Schema::has_builtin_scope(resource.api_version(), resource.kind());
        cx.schema_in_use = cx.schema_in_use || !resources.iter().all(is_known);
        if cx.track_origins {
            for resource in &mut resources {
                origin::note(resource, Some(origin::append(&self.origin, path)));
            }
        }
        acc.set.push_all(resources).map_err(|taken| id_taken(taken, path.mark))
    }

    /// Builds the bases in a long list ahead, on several threads. What fails is built again in its turn,
    /// so that errors come as if nothing had happened here.
    fn build_bases(&self, cx: &Context<'_>, paths: &[Str]) {
        if cx.schema_is_set || cx.track_origins || paths.len() < WORTH_THREADS {
            return;
        }
        let threads = (cx.threads)();
        if threads < 2 {
            return;
        }
        parallel::map(paths.len(), threads, |at| {
            let path = &paths[at];
            let Ok(entry) = load::find(cx.session, &self.root, path) else {
                return;
            };
            let Ok(root) = self.base_root(cx, entry, path) else {
                return;
            };
            let key = self.base_key(cx, &root);
            if cx.session.has_base(&key) {
                return;
            }
            let mut cx = Context {
                schema: Schema::builtin(),
                schema_in_use: false,
                threads: || 1,
                ..*cx
            };
            if let Ok(target) = Target::load(&cx, root, BuildOrigin::default(), path.mark, self.helm_namespace())
                && target.expect_kind(false, path).is_ok()
                && target.set_schema(&mut cx).is_ok()
            {
                // Its error comes again.
                if let Ok(base) = target.accumulate_base(&mut cx)
                    && !cx.schema_is_set
                {
                    cx.session.made_base_ahead(key, base);
                }
            }
        });
    }

    /// The root that a directory or a repository is, seen from this one.
    fn base_root(&self, cx: &Context<'_>, entry: Entry, path: &Str) -> Result<Arc<Root>> {
        match entry {
            Entry::Repository(spec) => load::clone_root(cx.session, Some(&self.root), &spec, path.mark).map(Arc::new),
            Entry::Remote(_) => {
                let message = format!("\"{}\" is a file, a directory is needed here", path.text);
                Err(BuildError::new(ErrorKind::File, path.mark, message))
            }
            Entry::Directory(directory) | Entry::File(directory) => {
                self.root.refuse_cycle(cx.session, &directory, path.mark)?;
                self.root.below(directory, path.mark).map(Arc::new)
            }
        }
    }

    fn accumulate_component(
        &self,
        cx: &mut Context<'_>,
        acc: Accumulated,
        path: &Str,
        at: usize,
    ) -> Result<Accumulated> {
        let step = format!("components[{at}]");
        match load::find(cx.session, &self.root, path)? {
            entry @ (Entry::Directory(_) | Entry::Repository(_)) => self
                .accumulate_directory(cx, acc, entry, path, true)
                .map_err(|error| error.within(path.mark, step)),
            Entry::Remote(Some(spec)) => self
                .accumulate_directory(cx, acc, Entry::Repository(spec), path, true)
                .map_err(|error| error.within(path.mark, step)),
            Entry::File(_) | Entry::Remote(None) => {
                let message = format!("the component \"{}\" is a file, a directory is needed here", path.text);
                Err(BuildError::new(ErrorKind::File, path.mark, message)
                    .hint("name the directory that holds its kustomization file"))
            }
        }
    }

    fn accumulate_directory(
        &self,
        cx: &mut Context<'_>,
        mut acc: Accumulated,
        entry: Entry,
        path: &Str,
        is_component: bool,
    ) -> Result<Accumulated> {
        if Path::new(&**path).is_absolute() {
            let message = format!("new root '{}' cannot be absolute", path.text);
            return Err(BuildError::new(ErrorKind::Config, path.mark, message)
                .hint("name the directory relative to the kustomization"));
        }
        let root = self.base_root(cx, entry, path)?;
        let key = self.base_key(cx, &root);
        if !is_component
            && !cx.schema_is_set
            && !cx.track_origins
            && let Some(base) = cx.session.base(&key)
        {
            cx.schema_in_use |= base.schema_in_use;
            acc.merge(base, path.mark)?;
            return Ok(acc);
        }
        let target = Target::load(
            cx,
            root,
            origin::append(&self.origin, path),
            path.mark,
            self.helm_namespace(),
        )?;
        target.set_schema(cx)?;
        target.expect_kind(is_component, path)?;
        if is_component {
            acc.components.push(Component {
                kustomization: target.loaded.name.clone(),
                mark: path.mark,
            });
            let inner = target.accumulate(cx, acc)?;
            let mut outer = Accumulated::empty();
            outer.merge(inner, path.mark)?;
            return Ok(outer);
        }
        let base = target.accumulate_base(cx)?;
        if !cx.schema_is_set && !cx.track_origins {
            cx.session.made_base(key, &base);
        }
        acc.merge(base, path.mark)?;
        Ok(acc)
    }

    /// A base is a function of its directory alone unless the build has a schema of its own or tracks
    /// origins; so builds that share it share the result.
    fn accumulate_base(&self, cx: &mut Context<'_>) -> Result<Accumulated> {
        let mut base = self.accumulate(cx, Accumulated::empty())?;
        base.schema_in_use = cx.schema_in_use;
        Ok(base)
    }

    /// What makes a base below this kustomization another one than others.
    fn base_key(&self, cx: &Context<'_>, root: &Root) -> BaseKey {
        let namespace = self.helm_namespace().cloned();
        (
            root.directory.clone(),
            namespace.filter(|_| cx.session.runner().has_helm()),
        )
    }

    fn expect_kind(&self, is_component: bool, path: &Str) -> Result<()> {
        let kind = &self.kustomization().kind;
        let found_component = *kind == "Component";
        if found_component == is_component {
            return Ok(());
        }
        let message = if is_component {
            format!("expected kind 'Component' for path '{}' but got '{kind}'", path.text)
        } else {
            format!("expected kind != 'Component' for path '{}'", path.text)
        };
        let hint = if is_component {
            "list it under resources, or give its kustomization file `kind: Component`"
        } else {
            "list it under components"
        };
        Err(BuildError::new(ErrorKind::Config, path.mark, message).hint(hint))
    }
}

/// The error for a URL that is neither a file nor a repository. A web page says nothing; why a file of
/// objects cannot be read says more than that it is no repository.
fn neither(as_file: BuildError, as_repository: BuildError) -> BuildError {
    if matches!(as_file.kind, ErrorKind::Syntax | ErrorKind::Object) {
        return as_file;
    }
    let message = format!("{}; and as a file: {}", as_repository.message, as_file.message);
    BuildError {
        message,
        hint: as_repository.hint.or(as_file.hint),
        ..as_repository
    }
}

/// A text inside a file, as a source of its own whose places are those of the file.
pub(crate) fn embed(cx: &Context<'_>, text: &Str, name: &str, step: &str) -> Arc<Source> {
    let sources = cx.session.sources();
    let content = text.text.to_string();
    let Some(host) = sources.get(text.mark.source) else {
        return sources.add(format!("{name} ({step})"), content);
    };
    let (line, column) = host.line_column(text.mark.offset);
    let written = &host.text()[text.mark.offset as usize..];
    let (first_line, indent) = match written.as_bytes().first() {
        Some(b'|' | b'>') => {
            let below = written.lines().skip(1);
            let is_blank = |line: &&str| line.trim().is_empty();
            let blank = below.clone().take_while(is_blank).count();
            let kept = content.lines().take_while(is_blank).count();
            let leading = |line: &str| line.len() - line.trim_start_matches(' ').len();
            let there = below.skip(blank).map(leading).next().unwrap_or(0);
            let here = content.lines().find(|line| !line.trim().is_empty()).map_or(0, leading);
            (
                line + 1 + blank.saturating_sub(kept) as u32,
                there.saturating_sub(here) as u32,
            )
        }
        Some(b'"' | b'\'') => (line, column + 1),
        _ => (line, column),
    };
    sources.add_embedded(
        format!("{name} ({step})"),
        content,
        Host {
            source: host,
            first_line,
            indent,
        },
    )
}

/// The objects of a text inside a file.
pub(crate) fn embedded_objects(cx: &Context<'_>, source: &Arc<Source>, layer: &Arc<Layer>) -> Result<Vec<Resource>> {
    let documents = yaml::read_documents(source)?;
    Ok(load::resources(load::objects(&documents)?, layer, &cx.schema))
}

/// Runs what must come last, once, on the root: hashes, references, variables.
/// The objects that are for tools alone, and in no result, come back.
pub(crate) fn finish(target: &Target, acc: &mut Accumulated, threads: fn() -> usize) -> Result<Vec<Resource>> {
    transform::hash::apply(&mut acc.set)?;
    let layer = target.layer("name references", Mark::NONE);
    transform::name_reference::apply(&mut acc.set, &acc.config.name_reference, &layer, threads)?;
    let layer = target.layer("vars", Mark::NONE);
    let warnings = acc.vars.resolve(&mut acc.set, &acc.config.var_reference, &layer)?;
    acc.warnings.extend(warnings);
    let is_local = |resource: &Resource| {
        resource
            .annotation("config.kubernetes.io/local-config")
            .is_some_and(|value| value != "false")
    };
    acc.set.retain(|resource| !resource.is_empty());
    acc.set.iter().try_for_each(|resource| load::validate(&resource.node))?;
    let local = acc.set.iter().filter(|resource| is_local(resource)).cloned().collect();
    acc.set.retain(|resource| !is_local(resource));
    Ok(local)
}
