//! `vars`: names for fields of objects, and `$(NAME)` in other objects (kustomize's `types.VarSet`,
//! `ResAccumulator` and `filters/refvar`).
//!
//! [`VarSet::note`] finds the object of each var while names are as the user wrote them, [`VarSet::resolve`]
//! reads the fields and replaces the references when names are final.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use resource::{Finding, ResId, Resource, ResourceSet, Severity, nearest};
use yaml::{Layer, Mark, Node, Style, Tag, Text, Value};

use crate::config::{FieldSpec, Var};
use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path::{lookup, split_bracketed, split_indices, there_instead};
use crate::through_json::float_in_yaml;
use crate::transform::fieldspec::visit;

/// The vars of a kustomization and its bases, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct VarSet {
    vars: BTreeMap<Text, Var>,
}

const DEFAULT_FIELD_PATH: &str = "metadata.name";

impl VarSet {
    /// Adds the vars of another kustomization. A name may be used once.
    pub(crate) fn merge_set(&mut self, other: VarSet) -> Result<()> {
        other.vars.into_values().try_for_each(|var| self.add(var))
    }

    fn add(&mut self, mut var: Var) -> Result<()> {
        if let Some(first) = self.vars.get(&var.name) {
            let message = format!("var '{}' already encountered", var.name);
            return Err(BuildError::new(ErrorKind::Config, var.mark, message)
                .related(first.mark, "first defined here")
                .hint("give one of the vars another name"));
        }
        if var.field_path.is_empty() {
            var.field_path = DEFAULT_FIELD_PATH.into();
        }
        self.vars.insert(var.name.clone(), var);
        Ok(())
    }

    /// Adds the vars of a kustomization file and notes on the objects which vars read from them. A var
    /// whose object is not there may find it in a kustomization above.
    pub(crate) fn note(&mut self, set: &mut ResourceSet, vars: &[Var]) -> Result<()> {
        if vars.is_empty() {
            return Ok(());
        }
        let by_name = positions_by_name(set);
        for var in vars {
            let id = &var.object;
            let is_meant =
                |other: &ResId| other.same_gvk_and_name(id) && (id.namespace.is_empty() || id.same_namespace(other));
            let candidates = by_name.get(&id.name).map_or(&[][..], Vec::as_slice);
            let matches = |position: &&usize| {
                set.get(**position)
                    .is_some_and(|resource| ids(resource).any(|id| is_meant(&id)))
            };
            let mut matched = candidates.iter().filter(matches).copied();
            let Some(first) = matched.next() else { continue };
            let others: Vec<usize> = matched.collect();
            if !others.is_empty() {
                let count = others.len() + 1;
                let message = format!(
                    "found {count} resId matches for var {} (unable to disambiguate)",
                    var.name
                );
                let error = BuildError::new(ErrorKind::Config, var.mark, message).hint("give objref a namespace");
                let marks = std::iter::once(first)
                    .chain(others)
                    .filter_map(|at| set.get(at))
                    .map(|other| other.node.mark);
                return Err(marks.fold(error, |error, mark| error.related(mark, "matches")));
            }
            set.update(first, |resource| resource.var_names.push(var.name.clone()));
        }
        vars.iter().try_for_each(|var| self.add(var.clone()))
    }

    /// Replaces the references to all vars. Returns warnings about vars that nothing refers to.
    pub(crate) fn resolve(
        &self,
        set: &mut ResourceSet,
        specs: &[FieldSpec],
        layer: &Arc<Layer>,
    ) -> Result<Vec<Finding>> {
        if self.vars.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = Values {
            values: self.values(set, layer)?,
            used: HashSet::new(),
        };
        for position in 0..set.len() {
            let gvk = set.get(position).map(Resource::gvk).unwrap_or_default();
            set.update(position, |resource| {
                let specs = specs.iter().filter(|spec| spec.is_for(&gvk));
                specs.into_iter().try_for_each(|spec| {
                    visit(&mut resource.node, spec, None, layer, &mut |node| {
                        values.replace_in(node, layer)
                    })
                })
            })?;
        }
        let unused = self.vars.values().filter(|var| !values.used.contains(&var.name));
        Ok(unused.map(unused_var).collect())
    }

    /// The values of all vars.
    fn values(&self, set: &ResourceSet, layer: &Arc<Layer>) -> Result<HashMap<Text, Found>> {
        let mut owners: HashMap<&Text, &Resource> = HashMap::new();
        for resource in set.iter() {
            for name in &resource.var_names {
                owners.entry(name).or_insert(resource);
            }
        }
        let mut values = HashMap::new();
        for var in self.vars.values() {
            let Some(owner) = owners.get(&var.name) else {
                return Err(without_object(var, set));
            };
            let path = split_indices(split_bracketed(&var.field_path, '.'));
            let missing = |hint: Option<String>| {
                let message = format!(
                    "field specified in var '{}' not found in corresponding resource: \"{}\" of {}",
                    var.name,
                    var.field_path,
                    owner.id()
                );
                let error = BuildError::new(ErrorKind::Config, var.mark, message);
                BuildError {
                    hint,
                    ..error.related(owner.node.mark, "the object")
                }
            };
            let node = lookup(&owner.node, &path).map_err(|error| missing(error.hint.or(Some(error.message))))?;
            let node = node.ok_or_else(|| missing(there_instead(&owner.node, &path)))?;
            let value =
                typed(node).ok_or_else(|| missing(Some("its value is not a number that Go reads".to_owned())))?;
            let step = format!("{}.{}", layer.step, var.name);
            let layer = Arc::new(Layer::new(layer.kustomization.clone(), step, var.mark));
            values.insert(
                var.name.clone(),
                Found {
                    value,
                    mark: node.mark,
                    layer,
                },
            );
        }
        Ok(values)
    }
}

fn positions_by_name(set: &ResourceSet) -> HashMap<Text, Vec<usize>> {
    let mut by_name: HashMap<Text, Vec<usize>> = HashMap::new();
    for (position, resource) in set.iter().enumerate() {
        for id in ids(resource) {
            let positions = by_name.entry(id.name).or_default();
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
    }
    by_name
}

/// All ids an object has or had.
fn ids(resource: &Resource) -> impl Iterator<Item = ResId> {
    resource.previous_ids().chain(std::iter::once(resource.id()))
}

fn unused_var(var: &Var) -> Finding {
    let message = format!("the var \"{}\" is never used", var.name);
    let hint = format!("write $({}) where its value belongs, or remove it", var.name);
    Finding::new("unused_var", Severity::Warning, var.mark, message).hint(hint)
}

fn without_object(var: &Var, set: &ResourceSet) -> BuildError {
    let message = format!(
        "var '{}' cannot be mapped to a field in the set of known resources",
        var.name
    );
    let error = BuildError::new(ErrorKind::Config, var.mark, message);
    let of_kind = |resource: &&Resource| resource.kind() == &*var.object.gvk.kind;
    let named = set
        .iter()
        .find(|resource| of_kind(resource) && ids(resource).any(|id| id.name == var.object.name));
    if let Some(resource) = named {
        let hint = format!(
            "there is {}: objref must give its apiVersion, {}",
            resource.id(),
            resource.api_version()
        );
        return error.hint(hint);
    }
    let names: Vec<Text> = set
        .iter()
        .filter(of_kind)
        .map(|resource| resource.original_id().name)
        .collect();
    let near = nearest(&var.object.name, names.iter().map(Text::as_str));
    let kind = &var.object.gvk.kind;
    error.hint(match near.as_slice() {
        [] => format!("there is no {kind}"),
        near => format!("the objects of kind {kind} are {}", near.join(", ")),
    })
}

/// The value of a var.
struct Found {
    value: VarValue,
    mark: Mark,
    layer: Arc<Layer>,
}

/// What Go makes of a field's value.
enum VarValue {
    Text(Text),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A mapping or a list, which cannot be put into a string: the reference stays.
    Collection,
}

/// The value of a field as kyaml's `GetFieldValue` reads it.
fn typed(node: &Node) -> Option<VarValue> {
    let Value::Scalar(text) = &node.value else {
        return Some(VarValue::Collection);
    };
    match node.tag {
        Tag::Int => text.parse().ok().map(VarValue::Int),
        Tag::Float => text
            .replace('_', "")
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .map(VarValue::Float),
        Tag::Bool => Some(VarValue::Bool(text.eq_ignore_ascii_case("true"))),
        _ => Some(VarValue::Text(text.clone())),
    }
}

impl VarValue {
    /// The value inside a longer string.
    fn print(&self) -> Option<String> {
        match self {
            VarValue::Text(text) => Some(text.to_string()),
            VarValue::Int(value) => Some(value.to_string()),
            VarValue::Float(value) => Some(float_in_yaml(*value)),
            VarValue::Bool(value) => Some(value.to_string()),
            VarValue::Collection => None,
        }
    }

    /// The value as a whole node.
    fn node(&self) -> Option<Node> {
        match self {
            VarValue::Text(text) => Some(Node::string(text.clone())),
            VarValue::Int(value) => Some(Node::scalar(value.to_string(), Tag::Int)),
            VarValue::Float(value) => Some(Node::scalar(value.to_string(), Tag::Float)),
            VarValue::Bool(value) => Some(Node::scalar(value.to_string(), Tag::Bool)),
            VarValue::Collection => None,
        }
    }
}

struct Values {
    values: HashMap<Text, Found>,
    used: HashSet<Text>,
}

fn is_string(node: &Node) -> bool {
    node.is_scalar() && matches!(node.tag, Tag::Str | Tag::Unset)
}

impl Values {
    /// Replaces the references in a string, in the values of a mapping, or in the elements of a list.
    fn replace_in(&mut self, node: &mut Node, layer: &Arc<Layer>) -> Result<()> {
        let wrong = |mark: Mark, message: String| BuildError::new(ErrorKind::Transform, mark, message);
        match &node.value {
            _ if node.is_null() => Ok(()),
            Value::Scalar(_) => {
                if is_string(node)
                    && let Some(new) = self.replaced(node, layer)
                {
                    *node = new;
                }
                Ok(())
            }
            Value::Map(map) => {
                let mut changes = Vec::new();
                for (at, entry) in map.iter().enumerate() {
                    if !is_string(&entry.key) {
                        let key = entry.key.as_str().unwrap_or_default();
                        let message = format!("the key \"{key}\" of a mapping with vars must be a string");
                        return Err(wrong(entry.key.mark, message).hint("put it in quotes"));
                    }
                    if is_string(&entry.value)
                        && let Some(new) = self.replaced(&entry.value, layer)
                    {
                        changes.push((at, new));
                    }
                }
                if let (false, Some(map)) = (changes.is_empty(), node.as_map_mut()) {
                    let entries = map.iter_mut().into_slice();
                    changes.into_iter().for_each(|(at, new)| entries[at].value = new);
                }
                Ok(())
            }
            Value::Seq(items) => {
                let mut changes = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    if !is_string(item) {
                        let found = item.as_str().unwrap_or("a collection");
                        let message = format!("an element of a list with vars must be a string, found {found}");
                        return Err(wrong(item.mark, message).hint("put it in quotes"));
                    }
                    if let Some(new) = self.replaced(item, layer) {
                        changes.push((at, new));
                    }
                }
                if let (false, Some(items)) = (changes.is_empty(), node.as_seq_mut()) {
                    let items = items.make_mut();
                    changes.into_iter().for_each(|(at, new)| items[at] = new);
                }
                Ok(())
            }
        }
    }

    /// The string with its references replaced, unless nothing changes.
    fn replaced(&mut self, node: &Node, layer: &Arc<Layer>) -> Option<Node> {
        let text = node.as_str()?;
        if !text.contains('$') {
            return (node.tag != Tag::Str).then(|| Node {
                tag: Tag::Str,
                ..node.clone()
            });
        }
        let whole = text
            .strip_prefix("$(")
            .and_then(|rest| rest.strip_suffix(')'))
            .filter(|name| !name.contains(')'));
        let found = whole.and_then(|name| Some((name, self.values.get(name)?.value.node()?)));
        if let Some((name, value)) = found {
            let Found { mark, layer, .. } = &self.values[name];
            let mut new = node.clone();
            new.replace(value.at(*mark), layer);
            self.used.insert(name.into());
            return Some(new);
        }
        let (expanded, first) = self.expand(text);
        if expanded == text {
            return (node.tag != Tag::Str).then(|| Node {
                tag: Tag::Str,
                ..node.clone()
            });
        }
        let mut new = node.clone();
        let layer = first
            .and_then(|name| self.values.get(&name))
            .map_or(layer, |found| &found.layer);
        let style = if expanded.contains('\n') {
            Style::Literal
        } else {
            Style::Plain
        };
        let made = Node {
            style,
            ..Node::string(expanded).at(node.mark)
        };
        new.replace(made, layer);
        Some(new)
    }

    /// Expands `$(NAME)`; `$$` is a dollar sign. Unknown names stay. Returns the first var used, too.
    fn expand(&mut self, text: &str) -> (String, Option<Text>) {
        let mut out = String::with_capacity(text.len());
        let mut first = None;
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, reference) = rest.split_at(at);
            out.push_str(before);
            if reference.len() == 1 {
                rest = reference;
                break;
            }
            let inside = reference.strip_prefix("$(").and_then(|inside| inside.split_once(')'));
            if let Some((name, after)) = inside {
                match self.values.get(name).and_then(|found| found.value.print()) {
                    Some(value) => {
                        out.push_str(&value);
                        let name = Text::from(name);
                        first.get_or_insert_with(|| name.clone());
                        self.used.insert(name);
                    }
                    None => out.push_str(&reference[..name.len() + 3]),
                }
                rest = after;
            } else if let Some(after) = reference.strip_prefix("$$") {
                out.push('$');
                rest = after;
            } else {
                out.push('$');
                rest = &reference[1..];
                // The character after a dollar sign that begins nothing is copied unread.
                if let Some(c) = rest.chars().next() {
                    out.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        out.push_str(rest);
        (out, first)
    }
}

#[cfg(test)]
mod tests {
    use resource::{Gvk, Schema};

    use super::*;

    const OBJECTS: &str = "\
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  ports: [{port: 5432, name: pg}]
  ratio: 1.50
  many: 1e6
  on: True
  map: {a: b}
  hex: 0x10
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  args: [VALUE]
";

    fn layer() -> Arc<Layer> {
        Arc::new(Layer::new("kustomization.yaml".into(), "vars".into(), Mark::NONE))
    }

    fn set(objects: &str) -> ResourceSet {
        let source = yaml::Sources::new().add("objects.yaml", objects.to_owned());
        let nodes = yaml::read_documents(&source).unwrap().nodes;
        ResourceSet::from_vec(
            nodes
                .into_iter()
                .map(|node| Resource::new(node, layer(), &Schema::default()))
                .collect(),
        )
    }

    fn var(name: &str, object: (&str, &str, &str), field_path: &str) -> Var {
        let (api_version, kind, object) = object;
        let object = ResId {
            gvk: Gvk::from_fields(api_version, kind),
            name: object.into(),
            ..ResId::default()
        };
        Var {
            mark: Mark::NONE,
            name: name.into(),
            object,
            field_path: field_path.into(),
        }
    }

    const DB: (&str, &str, &str) = ("v1", "Service", "db");

    /// The arguments of the pod afterwards, in JSON, and the unused vars; or the error with its hint.
    fn resolved(args: &str, vars: &[Var]) -> Result<(String, Vec<String>), String> {
        let mut set = set(&OBJECTS.replace("VALUE", args));
        let spec = FieldSpec {
            gvk: Gvk::of_kind("Pod"),
            path: "spec/args".into(),
            create: false,
        };
        let mut all = VarSet::default();
        let outcome = all
            .note(&mut set, vars)
            .and_then(|()| all.resolve(&mut set, &[spec], &layer()));
        let findings = outcome.map_err(|error| format!("{error} ({})", error.hint.as_deref().unwrap_or_default()))?;
        let pod = set.iter().last().unwrap();
        let args = crate::json::compact(pod.node.get_path(["spec", "args"]).unwrap()).unwrap();
        Ok((args, findings.into_iter().map(|finding| finding.message).collect()))
    }

    #[test]
    fn references_become_values() {
        let vars = [
            var("NAME", DB, ""),
            var("PORT", DB, "spec.ports[0].port"),
            var("RATIO", DB, "spec.ratio"),
            var("MANY", DB, "spec.many"),
            var("ON", DB, "spec.on"),
            var("MAP", DB, "spec.map"),
        ];
        let table = [
            ("$(NAME)", r#"["db"]"#),
            ("$(PORT)", "[5432]"),
            ("'$(NAME):$(PORT)'", r#"["db:5432"]"#),
            ("$(RATIO), 'r$(RATIO)'", r#"[1.5,"r1.5"]"#),
            ("$(MANY), 'm$(MANY)'", r#"[1000000,"m1e+06"]"#),
            ("$(ON), 'is $(ON)'", r#"[true,"is true"]"#),
            ("$(MAP), 'x$(MAP)'", r#"["$(MAP)","x$(MAP)"]"#),
            (
                "$$(NAME), $$$(NAME), $, $$, a$b, $(NAME, $(NOPE)",
                r#"["$(NAME)","$db","$","$","a$b","$(NAME","$(NOPE)"]"#,
            ),
            ("'1'", r#"["1"]"#),
        ];
        for (args, expected) in table {
            assert_eq!(
                resolved(args, &vars).map(|(args, _)| args),
                Ok(expected.to_owned()),
                "{args}"
            );
        }
        let unused = resolved("$(NAME)", &vars[..2]).unwrap().1;
        assert_eq!(unused, ["the var \"PORT\" is never used"]);
    }

    #[test]
    fn errors_say_what_there_is() {
        let table = [
            (
                "a",
                var("X", ("v1", "Service", "bd"), ""),
                "var 'X' cannot be mapped to a field in the set of known resources (the objects of kind Service are db)",
            ),
            (
                "a",
                var("X", ("", "Service", "db"), ""),
                "var 'X' cannot be mapped to a field in the set of known resources (there is Service.v1.[noGrp]/db.[noNs]: objref must give its apiVersion, v1)",
            ),
            (
                "a",
                var("X", DB, "spec.prots"),
                "field specified in var 'X' not found in corresponding resource: \"spec.prots\" of Service.v1.[noGrp]/db.[noNs] (\"spec\" has the fields ports, ratio, many, on, map)",
            ),
            (
                "a",
                var("X", DB, "spec.hex"),
                "field specified in var 'X' not found in corresponding resource: \"spec.hex\" of Service.v1.[noGrp]/db.[noNs] (its value is not a number that Go reads)",
            ),
            (
                "5",
                var("X", DB, ""),
                "an element of a list with vars must be a string, found 5 (put it in quotes)",
            ),
        ];
        for (args, var, expected) in table {
            assert_eq!(resolved(args, &[var]).err().as_deref(), Some(expected));
        }
        let twice = [var("X", DB, ""), var("X", DB, "")];
        assert_eq!(
            resolved("a", &twice).unwrap_err(),
            "var 'X' already encountered (give one of the vars another name)"
        );
    }

    #[test]
    fn the_object_of_a_var_must_be_one() {
        let second = "---\napiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: other}\n";
        let mut set = set(&format!("{OBJECTS}{second}"));
        let error = VarSet::default().note(&mut set, &[var("X", DB, "")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "found 2 resId matches for var X (unable to disambiguate)"
        );
        let mut in_namespace = var("X", DB, "");
        in_namespace.object.namespace = "other".into();
        VarSet::default().note(&mut set, &[in_namespace]).unwrap();
        let noted: Vec<usize> = set.iter().map(|resource| resource.var_names.len()).collect();
        assert_eq!(noted, [0, 0, 1]);
    }

    #[test]
    fn sets_of_vars_may_not_overlap() {
        let mut set = set(OBJECTS);
        let (mut one, mut two) = (VarSet::default(), VarSet::default());
        one.note(&mut set, &[var("X", DB, "")]).unwrap();
        two.note(&mut set, &[var("X", DB, "")]).unwrap();
        assert_eq!(
            one.merge_set(two).unwrap_err().to_string(),
            "var 'X' already encountered"
        );
    }
}
