//! `patches`, `patchesStrategicMerge` and `patchesJson6902`: finds what a patch is and what it is for,
//! and applies it (kustomize's `PatchTransformer`, `PatchStrategicMergeTransformer` and
//! `PatchJson6902Transformer`).

use std::sync::Arc;

use resource::{Finding, ResId, Resource, ResourceSet, Schema, SelectorMatcher, Severity, nearest, strategic_merge};
use yaml::{Layer, Mark, Node};

use crate::accumulate::{Context, Target, embed};
use crate::config::{Patch, Selector, Str};
use crate::error::{BuildError, ErrorKind, Result};
use crate::load;
use crate::session::YamlFile;
use crate::transform::json_patch::{self, JsonPatch};

/// A patch that was read, and what it is for.
pub(crate) struct LoadedPatch {
    content: Content,
    target: Option<Selector>,
    /// Where the kustomization asks for it.
    mark: Mark,
    layer: Arc<Layer>,
    /// What JSON patches of `patches` do and those of `patchesJson6902` don't: keep the id of the target
    /// as one it had.
    remembers: bool,
}

enum Content {
    Merge(Vec<Resource>),
    Json(JsonPatch),
    Nothing,
}

/// Reads one entry of `patches`.
pub(crate) fn load(cx: &Context<'_>, target: &Target, patch: &Patch, layer: &Arc<Layer>) -> Result<LoadedPatch> {
    let trimmed = patch.patch.as_ref().map(trim).filter(|text| !text.is_empty());
    let path = patch.path.as_ref().filter(|path| !path.is_empty());
    let fail = |message: &str, hint: &str| Err(BuildError::new(ErrorKind::Config, patch.mark, message).hint(hint));
    let file = match (trimmed, path) {
        (None, None) => {
            return fail(
                "must specify one of patch and path",
                "give the patch in `patch`, or its file in `path`",
            );
        }
        (Some(_), Some(_)) => return fail("patch and path can't be set at the same time", "keep one of them"),
        (Some(text), None) => Arc::new(YamlFile::new(embed(cx, &text, &layer.kustomization, &layer.step))),
        (None, Some(path)) => target.read_yaml(cx, path)?,
    };
    let mut content = parse(cx, &file, layer).map_err(|error| error.within(patch.mark, layer.step.clone()))?;
    if let Content::Merge(patches) = &mut content {
        for merge in patches {
            merge.allow_name_change |= patch.allow_name_change;
            merge.allow_kind_change |= patch.allow_kind_change;
        }
    }
    Ok(LoadedPatch {
        content,
        target: patch.target.clone(),
        mark: patch.mark,
        layer: layer.clone(),
        remembers: true,
    })
}

/// Reads one entry of `patchesStrategicMerge`: a path, or a patch in place.
pub(crate) fn load_strategic_merge(
    cx: &Context<'_>,
    target: &Target,
    entry: &Str,
    layer: &Arc<Layer>,
) -> Result<LoadedPatch> {
    let file = match target.read_yaml(cx, entry) {
        Ok(file) => file,
        Err(error) => {
            let file = Arc::new(YamlFile::new(embed(cx, entry, &layer.kustomization, &layer.step)));
            let is_inline = entry.contains('\n')
                || file
                    .documents(|| 1)
                    .is_ok_and(|all| all.nodes.iter().any(|node| node.as_map().is_some()));
            if !is_inline {
                return Err(error);
            }
            file
        }
    };
    let patches = merges(cx, &file, layer).map_err(|error| error.within(entry.mark, layer.step.clone()))?;
    Ok(LoadedPatch {
        content: Content::Merge(patches),
        target: None,
        mark: entry.mark,
        layer: layer.clone(),
        remembers: true,
    })
}

/// Reads one entry of `patchesJson6902`.
pub(crate) fn load_json(cx: &Context<'_>, target: &Target, patch: &Patch, layer: &Arc<Layer>) -> Result<LoadedPatch> {
    let fail = |message: &str| Err(BuildError::new(ErrorKind::Config, patch.mark, message));
    if patch.target.as_ref().is_none_or(|target| target.id.name.is_empty()) {
        return fail("must specify the target name");
    }
    let text = patch.patch.as_ref().filter(|text| !text.is_empty());
    let path = patch.path.as_ref().filter(|path| !path.is_empty());
    let file = match (text, path) {
        (None, None) => return fail("empty file path and empty jsonOp"),
        (Some(_), Some(_)) => return fail("must specify a file path or jsonOp, not both"),
        (Some(text), None) => Arc::new(YamlFile::new(embed(cx, text, &layer.kustomization, &layer.step))),
        (None, Some(path)) => target.read_yaml(cx, path)?,
    };
    let patch_ops = operations(&file).map_err(|error| error.within(patch.mark, layer.step.clone()))?;
    if patch_ops.operations.is_empty() {
        return fail("patch appears to be empty");
    }
    Ok(LoadedPatch {
        content: Content::Json(patch_ops),
        target: patch.target.clone(),
        mark: patch.mark,
        layer: layer.clone(),
        remembers: false,
    })
}

/// Without the white space around it.
fn trim(text: &Str) -> Str {
    Str {
        text: text.text.trim().into(),
        ..text.clone()
    }
}

/// A text is a strategic merge patch if it holds objects, a JSON patch if it is a list of operations.
fn parse(cx: &Context<'_>, file: &Arc<YamlFile>, layer: &Arc<Layer>) -> Result<Content> {
    match merges(cx, file, layer) {
        Ok(patches) if patches.is_empty() => Ok(Content::Nothing),
        Ok(patches) => Ok(Content::Merge(patches)),
        Err(no_merge) => match operations(file) {
            Ok(patch) => Ok(Content::Json(patch)),
            Err(no_json) => {
                let is_list = file.config().is_ok_and(|node| node.as_seq().is_some());
                Err(if is_list { no_json } else { no_merge })
            }
        },
    }
}

fn merges(cx: &Context<'_>, file: &YamlFile, layer: &Arc<Layer>) -> Result<Vec<Resource>> {
    let mut nodes = load::objects(&file.documents(|| 1)?)?;
    nodes.iter_mut().for_each(|node| node.stamp(layer));
    Ok(load::resources(nodes, layer, &cx.schema))
}

fn operations(file: &YamlFile) -> Result<JsonPatch> {
    json_patch::parse(&file.source)
}

impl LoadedPatch {
    /// Whether it is a strategic merge patch.
    pub(crate) fn is_merge(&self) -> bool {
        matches!(self.content, Content::Merge(_))
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Merge(patches) => patches.is_empty(),
            Content::Json(patch) => patch.operations.is_empty(),
            Content::Nothing => true,
        }
    }

    pub(crate) fn apply(&self, set: &mut ResourceSet, schema: &Schema, warnings: &mut Vec<Finding>) -> Result<()> {
        match (&self.content, &self.target) {
            (Content::Nothing, _) => {
                warnings.push(self.warning("empty_patch", "this patch is empty and changes nothing".into()));
                Ok(())
            }
            (Content::Merge(patches), Some(selector)) => match patches.as_slice() {
                [patch] => self.merge_selected(set, selector, patch, schema, warnings),
                _ => {
                    let message = "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field";
                    Err(BuildError::new(ErrorKind::Config, self.mark, message)
                        .hint("give each patch an entry of its own"))
                }
            },
            (Content::Merge(patches), None) => patches
                .iter()
                .try_for_each(|patch| self.merge_named(set, patch, schema, warnings)),
            (Content::Json(_), None) => {
                Err(
                    BuildError::new(ErrorKind::Config, self.mark, "must specify a target for JSON patch")
                        .hint("a JSON patch does not say which object it is for: add `target`"),
                )
            }
            (Content::Json(patch), Some(selector)) => {
                let selected = self.select(set, selector, warnings)?;
                for position in selected {
                    set.update(position, |resource| -> Result<()> {
                        if self.remembers {
                            resource.remember_id();
                        }
                        json_patch::apply_to(patch, resource, &self.layer).map_err(|error| {
                            error.related(resource.node.mark, format!("applied to {}", resource.id()))
                        })?;
                        resource.refresh_scope(schema);
                        Ok(())
                    })?;
                }
                Ok(())
            }
        }
    }

    fn warning(&self, rule: &'static str, message: String) -> Finding {
        Finding::new(rule, Severity::Warning, self.mark, message)
    }

    /// Positions of the objects a selector means, in order.
    fn select(&self, set: &ResourceSet, selector: &Selector, warnings: &mut Vec<Finding>) -> Result<Vec<usize>> {
        let selected = select(set, selector)?;
        if selected.is_empty() {
            let mut warning = self.warning(
                "patch_without_target",
                "this patch has no target: no object is selected".into(),
            );
            warning.hint = Some(near_objects(set, &selector.id));
            warnings.push(warning);
        }
        Ok(selected)
    }

    fn merge_selected(
        &self,
        set: &mut ResourceSet,
        selector: &Selector,
        patch: &Resource,
        schema: &Schema,
        warnings: &mut Vec<Finding>,
    ) -> Result<()> {
        let selected = self.select(set, selector, warnings)?;
        let mut changed = selected.is_empty();
        for &position in &selected {
            let mut patch_node = patch.node.clone();
            let api_version = set
                .get(position)
                .map(Resource::api_version)
                .unwrap_or_default()
                .to_owned();
            if patch.api_version() != api_version
                && let Some(map) = patch_node.as_map_mut()
            {
                map.insert("apiVersion", Node::string(api_version));
            }
            changed |= set.update(position, |resource| self.merge(resource, patch, patch_node, schema))?;
            let is_deleted = set.get(position).is_none_or(Resource::is_empty);
            if !is_deleted && set.with_id_of(position).len() > 1 {
                let id = set.get(position).map(Resource::id).unwrap_or_default();
                let message = format!("may not add resource with an already registered id: {id}");
                return Err(
                    BuildError::new(ErrorKind::Object, self.mark, message).hint("the patch gives two objects one id")
                );
            }
        }
        set.retain(|resource| !resource.is_empty());
        self.warn_unless(changed, patch, warnings);
        Ok(())
    }

    fn merge_named(
        &self,
        set: &mut ResourceSet,
        patch: &Resource,
        schema: &Schema,
        warnings: &mut Vec<Finding>,
    ) -> Result<()> {
        let id = patch.id();
        let position = match *set.with_any_id(&id) {
            [position] => position as usize,
            [] => {
                let message = format!("no resource matches strategic merge patch \"{id}\": no matches for Id {id}");
                let name = patch.node.get_path(["metadata", "name"]).unwrap_or(&patch.node);
                return Err(BuildError::new(ErrorKind::Transform, name.mark, message)
                    .related(self.mark, "asked for by this line")
                    .hint(near_objects(set, &id)));
            }
            ref several => {
                let marks: Vec<Mark> = several
                    .iter()
                    .filter_map(|&at| Some(set.get(at as usize)?.node.mark))
                    .collect();
                let message = format!("multiple matches for Id {id}; failed to find unique target for patch");
                let error = BuildError::new(ErrorKind::Transform, patch.node.mark, message)
                    .related(self.mark, "asked for by this line");
                return Err(marks
                    .into_iter()
                    .fold(error, |error, mark| error.related(mark, "matches")));
            }
        };
        let changed = set.update(position, |resource| {
            self.merge(resource, patch, patch.node.clone(), schema)
        })?;
        self.warn_unless(changed, patch, warnings);
        Ok(())
    }

    fn warn_unless(&self, changed: bool, patch: &Resource, warnings: &mut Vec<Finding>) {
        if !changed {
            let message = format!("this patch of {} {} changes nothing", patch.kind(), patch.name());
            let mut warning = self.warning("patch_without_effect", message);
            warning.mark = if patch.node.mark.is_some() {
                patch.node.mark
            } else {
                self.mark
            };
            warning.hint = Some("every value it sets is there already: remove it, or correct its fields".into());
            warnings.push(warning);
        }
    }

    /// Merges into one object. Its name and kind stay unless the patch may change them; its namespace
    /// stays always.
    fn merge(&self, resource: &mut Resource, patch: &Resource, node: Node, schema: &Schema) -> Result<bool> {
        let identity = Identity::of(resource);
        if patch.allow_name_change || patch.allow_kind_change {
            resource.remember_id();
        }
        let merged = strategic_merge(&mut resource.node, &node, schema, &self.layer).map_err(|error| {
            let place = if error.mark.is_some() { error.mark } else { self.mark };
            let built = BuildError::new(ErrorKind::Transform, place, error.to_string())
                .related(self.mark, "asked for by this line");
            match &error.hint {
                Some(hint) => built.hint(hint.clone()),
                None => built,
            }
        })?;
        if merged.deleted || resource.is_empty() {
            resource.node = Node::null();
            resource.previous.clear();
            return Ok(true);
        }
        identity.restore(resource, patch);
        resource.refresh_scope(schema);
        Ok(merged.changed)
    }
}

/// What a patch may not change: put back after it, with its own origin.
struct Identity {
    kind: Option<Node>,
    name: Option<Node>,
    namespace: Option<Node>,
}

impl Identity {
    fn of(resource: &Resource) -> Identity {
        let metadata = |field: &str| {
            resource
                .node
                .get("metadata")
                .and_then(|metadata| metadata.get(field))
                .cloned()
        };
        Identity {
            kind: resource.node.get("kind").cloned(),
            name: metadata("name"),
            namespace: metadata("namespace"),
        }
    }

    fn restore(self, resource: &mut Resource, patch: &Resource) {
        let is_same = |node: Option<&Node>, kept: &Option<Node>| match (node, kept) {
            (Some(node), Some(kept)) => node.text() == kept.text() && node.tag == kept.tag,
            (None, None) => true,
            _ => false,
        };
        if !patch.allow_kind_change
            && !is_same(resource.node.get("kind"), &self.kind)
            && let Some(map) = resource.node.as_map_mut()
        {
            put(map, "kind", self.kind);
        }
        let metadata = resource.node.get("metadata").and_then(Node::as_map);
        let metadata = |field: &str| metadata.and_then(|metadata| metadata.get(field));
        let keep_name = !patch.allow_name_change && !is_same(metadata("name"), &self.name);
        let keep_namespace = !is_same(metadata("namespace"), &self.namespace);
        if (keep_name || keep_namespace)
            && let Some(metadata) = resource.metadata_mut()
        {
            if keep_name {
                put(metadata, "name", self.name);
            }
            if keep_namespace {
                put(
                    metadata,
                    "namespace",
                    self.namespace.filter(|namespace| !namespace.is_null()),
                );
            }
        }
    }
}

fn put(map: &mut yaml::Map, field: &str, node: Option<Node>) {
    match node {
        Some(node) => drop(map.insert(field, node)),
        None => drop(map.remove(field)),
    }
}

/// Positions of the objects a selector means, in order.
pub(crate) fn select(set: &ResourceSet, selector: &Selector) -> Result<Vec<usize>> {
    let wrong = |error: resource::SelectorError| BuildError::new(ErrorKind::Config, selector.mark, error.to_string());
    let matcher =
        SelectorMatcher::new(&selector.id, &selector.label_selector, &selector.annotation_selector).map_err(wrong)?;
    let mut selected = Vec::new();
    for (position, resource) in set.iter().enumerate() {
        if matcher.matches(resource).map_err(wrong)? {
            selected.push(position);
        }
    }
    Ok(selected)
}

/// A sentence about the objects that are most like an id.
pub(crate) fn near_objects(set: &ResourceSet, id: &ResId) -> String {
    let same_kind: Vec<String> = set
        .iter()
        .filter(|resource| id.gvk.kind.is_empty() || resource.kind() == &*id.gvk.kind)
        .map(|resource| format!("{}/{}", resource.kind(), resource.name()))
        .collect();
    let wanted = format!("{}/{}", id.gvk.kind, id.name);
    let mut near: Vec<String> = nearest(&wanted, same_kind.iter().map(String::as_str))
        .into_iter()
        .map(str::to_owned)
        .collect();
    if near.is_empty() {
        near = same_kind;
        near.sort_unstable();
        near.dedup();
        near.truncate(5);
    }
    if !near.is_empty() {
        return format!(
            "there is {}; kind, apiVersion, name and namespace must match",
            near.join(", ")
        );
    }
    let mut kinds: Vec<&str> = set.iter().map(Resource::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.is_empty() {
        true => "there are no objects at this point".into(),
        false => format!(
            "there is no {}; there are objects of kind {}",
            id.gvk.kind,
            kinds.join(", ")
        ),
    }
}
