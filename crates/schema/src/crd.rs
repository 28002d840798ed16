//! Schemas that users bring: of custom resource definitions, and JSON schemas in files.
//!
//! A definition's schema is structural: what it does not name may not be there. A JSON schema in a file is
//! closed only where it says `additionalProperties: false`.

use std::sync::Arc;

use ecow::EcoString;
use hashbrown::HashMap;
use serde_json::{Map, Value};
use yaml::{Mark, Node};

use crate::catalog::Custom;
use crate::format;
use crate::json;
use crate::types::{CelRule, Field, Format, Json, Limits, Logic, Others, Type, TypeId, Types};
use crate::versions::Versions;

/// Types in one schema: more is a schema made to fill the memory.
const MAX_TYPES: usize = 2_000_000;
const MAX_DEPTH: usize = 200;

/// How a schema is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Of a custom resource definition.
    Structural,
    /// Of a file: JSON schema.
    Json,
}

/// One version of a custom resource definition.
#[derive(Debug)]
pub struct Definition {
    pub api_version: String,
    pub kind: String,
    /// Where the schema is, or should be.
    pub mark: Mark,
    pub field: String,
    /// The schema, or what is wrong with it.
    pub schema: Result<Custom, String>,
}

/// The versions of a custom resource definition that are served; none, if the tree is something else.
pub fn definitions(definition: &Node) -> Vec<Definition> {
    versions(definition, |version| {
        version.get("served").and_then(Node::as_str) != Some("false")
    })
}

/// The versions of a custom resource definition, those as well that this one does not serve and older ones did.
pub fn every_definition(definition: &Node) -> Vec<Definition> {
    versions(definition, |_| true)
}

fn versions(definition: &Node, is_wanted: impl Fn(&Node) -> bool) -> Vec<Definition> {
    if definition.get("kind").and_then(Node::as_str) != Some("CustomResourceDefinition") {
        return Vec::new();
    }
    let text = |path: &[&str]| {
        let node = definition.get_path(path.iter().copied());
        node.and_then(Node::as_str).unwrap_or_default().to_owned()
    };
    let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
    let versions = definition.get_path(["spec", "versions"]).and_then(Node::as_seq);
    let versions = versions.into_iter().flatten().filter(|version| is_wanted(version));
    versions
        .map(|version| {
            let name = version.get("name").and_then(Node::as_str).unwrap_or_default();
            let schema = version.get_path(["schema", "openAPIV3Schema"]);
            let mark = [schema, Some(version), version.get("name")]
                .into_iter()
                .flatten()
                .map(|node| node.mark);
            Definition {
                api_version: format!("{group}/{name}"),
                kind: kind.clone(),
                mark: mark.into_iter().find(|mark| mark.is_some()).unwrap_or(definition.mark),
                field: format!("spec.versions[name={name}].schema.openAPIV3Schema"),
                schema: match schema {
                    None => Err(format!("version {name} of {kind} has no schema")),
                    Some(schema) => schema_to_types(&json::value(schema), Dialect::Structural),
                },
            }
        })
        .collect()
}

/// The types of a schema.
///
/// # Errors
/// What is wrong with the schema, in words.
pub fn schema_to_types(schema: &Value, dialect: Dialect) -> Result<Custom, String> {
    let mut import = Import {
        root: schema,
        dialect,
        types: Types::default(),
        references: HashMap::new(),
        depth: 0,
    };
    import.types.null_is_a_value = dialect == Dialect::Json;
    let type_id = import.schema(schema, false)?;
    Ok(Custom {
        types: Arc::new(import.types),
        type_id,
    })
}

struct Import<'s> {
    root: &'s Value,
    dialect: Dialect,
    types: Types,
    /// Types by the pointer that leads to them.
    references: HashMap<String, TypeId>,
    depth: usize,
}

impl<'s> Import<'s> {
    /// `in_logic`: below `allOf` and its like, where a structural schema names no fields of its own.
    fn schema(&mut self, schema: &'s Value, in_logic: bool) -> Result<TypeId, String> {
        let id = self.types.push(Type::default());
        self.fill(id, schema, in_logic)?;
        Ok(id)
    }

    fn fill(&mut self, id: TypeId, schema: &'s Value, in_logic: bool) -> Result<(), String> {
        if self.types.types.len() > MAX_TYPES || self.depth > MAX_DEPTH {
            return Err("the schema is too large".to_owned());
        }
        self.depth += 1;
        let kind = match schema {
            Value::Object(schema) => self.object(schema, in_logic)?,
            Value::Bool(true) => Type::default(),
            Value::Bool(false) => {
                let anything = self.types.push(Type::default());
                Type {
                    logic: Some(Box::new(Logic {
                        not: Some(anything),
                        ..Logic::default()
                    })),
                    ..Type::default()
                }
            }
            other => return Err(format!("a schema is expected, not {other}")),
        };
        self.types.types[id as usize] = kind;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, schema: &'s Map<String, Value>, in_logic: bool) -> Result<Type, String> {
        let is = |field: &str| schema.get(field) == Some(&Value::Bool(true));
        if let Some(reference) = schema.get("$ref") {
            let reference = reference.as_str().unwrap_or_default();
            let target = self.reference(reference, in_logic)?;
            return Ok(Type {
                logic: Some(Box::new(Logic {
                    all_of: vec![target],
                    ..Logic::default()
                })),
                ..Type::default()
            });
        }
        let (json, null) = types(schema)?;
        let mut kind = Type {
            json,
            nullable: null || is("nullable"),
            format: schema
                .get("format")
                .and_then(Value::as_str)
                .map_or(Format::None, format::named),
            embedded: is("x-kubernetes-embedded-resource"),
            default: schema
                .get("default")
                .filter(|_| self.dialect == Dialect::Structural)
                .cloned(),
            ..Type::default()
        };
        let is_structural = self.dialect == Dialect::Structural && !in_logic;
        if is("x-kubernetes-int-or-string") {
            kind.json = Json::STRING.with(Json::INTEGER);
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let type_id = self.schema(property, in_logic)?;
            // Kubernetes knows the metadata of an object; a definition may only narrow it.
            if name == "metadata" && (self.depth == 1 || kind.embedded) {
                self.types.types[type_id as usize].others = Others::Open;
            }
            kind.fields.push(Field {
                name: name.as_str().into(),
                type_id,
                versions: Versions::ALL,
                output_only: false,
            });
        }
        kind.fields.sort_by(|a, b| a.name.cmp(&b.name));
        kind.required = texts(schema, "required")
            .map(|name| (EcoString::from(name), Versions::ALL))
            .collect();
        kind.others = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => Others::Closed,
            Some(Value::Bool(true)) => Others::Open,
            Some(others) => Others::Type(self.schema(others, in_logic)?),
            None if is("x-kubernetes-preserve-unknown-fields") => Others::Open,
            None if is_structural && (kind.json.0 & Json::OBJECT.0 != 0 || properties.is_some()) => Others::Closed,
            None => Others::Open,
        };
        kind.items = match schema.get("items") {
            Some(Value::Array(_)) | None => None,
            Some(items) => Some(self.schema(items, in_logic)?),
        };
        kind.keys = texts(schema, "x-kubernetes-list-map-keys")
            .map(EcoString::from)
            .collect();
        let list = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
        kind.unique = matches!(list, Some("map" | "set")) || is("uniqueItems");
        kind.limits = limits(schema)?.map(Box::new);
        kind.logic = self.logic(schema, is("x-kubernetes-int-or-string"))?.map(Box::new);
        if let Some(rules) = schema.get("x-kubernetes-validations") {
            let rules: Result<Vec<CelRule>, _> = serde_json::from_value(rules.clone());
            kind.rules = rules.map_err(|error| format!("x-kubernetes-validations is not understood: {error}"))?;
        }
        Ok(kind)
    }

    fn logic(&mut self, schema: &'s Map<String, Value>, is_int_or_string: bool) -> Result<Option<Logic>, String> {
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        for (name, ids) in ["allOf", "anyOf", "oneOf"].into_iter().zip(&mut lists) {
            // Said once more, for those who do not know the field.
            if is_int_or_string && name == "anyOf" {
                continue;
            }
            for branch in schema.get(name).and_then(Value::as_array).into_iter().flatten() {
                ids.push(self.schema(branch, true)?);
            }
        }
        let not = schema.get("not").map(|branch| self.schema(branch, true)).transpose()?;
        let [all_of, any_of, one_of] = lists;
        let logic = Logic {
            all_of,
            any_of,
            one_of,
            not,
        };
        let is_empty = logic.all_of.is_empty() && logic.any_of.is_empty() && logic.one_of.is_empty() && not.is_none();
        Ok((!is_empty).then_some(logic))
    }

    /// The type that a `$ref` leads to. A schema may refer to what holds it: its type is there already.
    fn reference(&mut self, reference: &str, in_logic: bool) -> Result<TypeId, String> {
        if self.dialect == Dialect::Structural {
            return Err(format!("\"$ref\" ({reference}) is not allowed in a definition"));
        }
        if let Some(id) = self.references.get(reference) {
            return Ok(*id);
        }
        let mut seen = Vec::new();
        let mut next = reference;
        // References to references: the last one is meant.
        let target = loop {
            let Some(pointer) = next.strip_prefix('#') else {
                return Err(format!("the schema refers to \"{next}\", which is outside of its file"));
            };
            if seen.contains(&next) {
                return Err(format!("the schema loops: \"{reference}\" leads back to itself"));
            }
            seen.push(next);
            let target = self
                .root
                .pointer(pointer)
                .ok_or_else(|| format!("the schema refers to \"{next}\", which is not there"))?;
            match target.get("$ref").and_then(Value::as_str) {
                Some(further) => next = further,
                None => break target,
            }
        };
        let id = self.types.push(Type::default());
        self.references.insert(reference.to_owned(), id);
        self.fill(id, target, in_logic)?;
        Ok(id)
    }
}

fn texts<'s>(schema: &'s Map<String, Value>, field: &str) -> impl Iterator<Item = &'s str> {
    schema
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// JSON's types, and whether null is one of them.
fn types(schema: &Map<String, Value>) -> Result<(Json, bool), String> {
    let names: Vec<&str> = match schema.get("type") {
        None => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(other) => return Err(format!("{other} is no type")),
    };
    let mut json = Json::default();
    for name in names.iter().filter(|name| !matches!(**name, "null" | "")) {
        json = json.with(Json::named(name).ok_or_else(|| format!("there is no type \"{name}\""))?);
    }
    Ok((json, names.contains(&"null")))
}

fn limits(schema: &Map<String, Value>) -> Result<Option<Limits>, String> {
    let number = |field: &str| schema.get(field).and_then(Value::as_f64);
    let sizes = |prefix: &str| {
        let names = ["Length", "Items", "Properties"].map(|what| format!("{prefix}{what}"));
        names.iter().find_map(|name| schema.get(name).and_then(Value::as_u64))
    };
    let mut limits = Limits::one_of(
        schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .cloned(),
    );
    limits.values.extend(schema.get("const").cloned());
    limits.pattern = schema.get("pattern").and_then(Value::as_str).map(str::to_owned);
    if let Some(pattern) = &limits.pattern {
        resource::Pattern::anywhere(pattern).map_err(|error| error.to_string())?;
    }
    (limits.minimum, limits.maximum) = (number("minimum"), number("maximum"));
    // A boolean in Kubernetes, a number in JSON schema.
    for (field, bound, is_exclusive) in [
        ("exclusiveMinimum", &mut limits.minimum, &mut limits.exclusive_minimum),
        ("exclusiveMaximum", &mut limits.maximum, &mut limits.exclusive_maximum),
    ] {
        match schema.get(field) {
            Some(Value::Bool(value)) => *is_exclusive = *value,
            Some(value) if value.is_number() => {
                *bound = value.as_f64();
                *is_exclusive = true;
            }
            _ => {}
        }
    }
    limits.multiple_of = number("multipleOf");
    (limits.min_size, limits.max_size) = (sizes("min"), sizes("max"));
    Ok((!limits.is_none()).then_some(limits))
}
