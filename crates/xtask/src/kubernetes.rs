//! Packs the schemas of Kubernetes' built-in kinds into `crates/schema/data/kubernetes.bin`.
//!
//! In: the directories of the Python package kubernetes-validate (Apache-2.0, as Kubernetes itself), one a
//! version, each with `_definitions.json`. Out: one arena of all versions (`schema::Types`). The package
//! says of every optional value that it may be null; here that is one fact of the arena.
//!
//! What Kubernetes' documents leave out is added: formats of names, labels and amounts, the values of
//! enumerations, and which lists may not hold an item twice.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use schema::{Field, Format, Json, Kind, Limits, Others, Type, TypeId, Types, Versions};
use serde_json::Value;

use crate::arena::Arena;
use crate::enumerations::ENUMERATIONS;

type Definitions = serde_json::Map<String, Value>;

/// Reads every version below `package` and writes the packed arena.
pub(crate) fn generate(package: &Path) -> Result<(), Box<dyn Error>> {
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(package.join("kubernetes-json-schema"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(version) = name.strip_prefix('v').and_then(|name| name.strip_suffix(".0-local")) {
            let minor: u32 = version.strip_prefix("1.").ok_or("a version that is not 1.x")?.parse()?;
            versions.push((minor, name));
        }
    }
    versions.sort();
    let mut documents = Vec::new();
    for (_, name) in &versions {
        let path = package
            .join("kubernetes-json-schema")
            .join(name)
            .join("_definitions.json");
        let mut document: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        match document["$defs"].take() {
            Value::Object(definitions) => documents.push(definitions),
            _ => return Err(format!("{name} has no definitions").into()),
        }
    }
    let mut import = Import::new(&documents);
    import.arena.types.versions = versions.iter().map(|(minor, _)| format!("1.{minor}")).collect();
    import.run(&documents)?;
    import.arena.write("kubernetes.bin")
}

struct Import {
    arena: Arena,
    /// Definitions by name.
    named: BTreeMap<String, TypeId>,
}

impl Import {
    /// Every definition that is a type of its own has its place from the start: they refer to each other.
    fn new(documents: &[Definitions]) -> Import {
        let mut import = Import {
            arena: Arena::new(Types::where_null_is_absent()),
            named: BTreeMap::new(),
        };
        for name in documents.iter().flat_map(Definitions::keys) {
            if special(name).is_none() && !import.named.contains_key(name) {
                let id = import.arena.types.push(Type::default());
                import.named.insert(name.clone(), id);
            }
        }
        import
    }

    fn run(&mut self, documents: &[Definitions]) -> Result<(), Box<dyn Error>> {
        for (name, id) in self.named.clone() {
            let mut fields: BTreeMap<(String, TypeId), Versions> = BTreeMap::new();
            let mut required: BTreeMap<String, Versions> = BTreeMap::new();
            for (at, definitions) in documents.iter().enumerate() {
                let Some(definition) = definitions.get(&name) else {
                    continue;
                };
                let properties = definition.get("properties").and_then(Value::as_object);
                for (field, property) in properties.into_iter().flatten() {
                    let type_id = self.property(&name, field, property)?;
                    let seen = fields.entry((field.clone(), type_id)).or_insert(Versions::NONE);
                    *seen = seen.or(Versions::one(at));
                }
                for field in definition
                    .get("required")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    let field = field.as_str().ok_or("a required field without a name")?;
                    let seen = required.entry(field.to_owned()).or_insert(Versions::NONE);
                    *seen = seen.or(Versions::one(at));
                }
            }
            let present: Vec<bool> = documents.iter().map(|known| known.contains_key(&name)).collect();
            let everywhere = |seen: Versions| {
                let is_everywhere = (0..present.len()).all(|at| !present[at] || seen.positions().any(|bit| bit == at));
                if is_everywhere { Versions::ALL } else { seen }
            };
            self.arena.types.types[id as usize] = Type {
                others: if fields.is_empty() {
                    Others::Open
                } else {
                    Others::Closed
                },
                fields: fields
                    .into_iter()
                    .map(|((name, type_id), versions)| Field {
                        name: name.into(),
                        type_id,
                        versions: everywhere(versions),
                        output_only: false,
                    })
                    .collect(),
                required: required
                    .into_iter()
                    .map(|(name, versions)| (name.into(), everywhere(versions)))
                    .collect(),
                ..Type::of(Json::OBJECT)
            };
        }
        self.kinds(documents);
        Ok(())
    }

    fn kinds(&mut self, documents: &[Definitions]) {
        let mut kinds: BTreeMap<(String, String, TypeId), Versions> = BTreeMap::new();
        for (at, definitions) in documents.iter().enumerate() {
            for (name, definition) in definitions {
                let listed = definition
                    .get("x-kubernetes-group-version-kind")
                    .and_then(Value::as_array);
                for gvk in listed.into_iter().flatten() {
                    let text = |field: &str| gvk[field].as_str().unwrap_or_default();
                    // These two are answers and options of every group, never objects.
                    if matches!(text("kind"), "WatchEvent" | "DeleteOptions") {
                        continue;
                    }
                    let api_version = match text("group") {
                        "" => text("version").to_owned(),
                        group => format!("{group}/{}", text("version")),
                    };
                    let key = (api_version, text("kind").to_owned(), self.named[name]);
                    let seen = kinds.entry(key).or_insert(Versions::NONE);
                    *seen = seen.or(Versions::one(at));
                }
            }
        }
        let kinds = kinds.into_iter().map(|((api_version, kind, type_id), versions)| Kind {
            api_version: api_version.into(),
            kind: kind.into(),
            type_id,
            versions,
        });
        self.arena.types.kinds = kinds.collect();
    }

    fn property(&mut self, definition: &str, field: &str, schema: &Value) -> Result<TypeId, Box<dyn Error>> {
        let short = definition.rsplit('.').next().unwrap_or_default();
        let id = self.import(schema)?;
        let mut kind = self.arena.types.get(id).clone();
        let mut changed = true;
        match (short, field) {
            ("ObjectMeta", "annotations") => kind.format = Format::Annotations,
            ("ObjectMeta", "labels")
            | ("LabelSelector", "matchLabels")
            | ("PodSpec", "nodeSelector")
            | ("ServiceSpec" | "ReplicationControllerSpec", "selector") => kind.format = Format::Labels,
            ("Container" | "EphemeralContainer" | "Volume" | "ServicePort", "name") | ("ObjectMeta", "namespace") => {
                kind.format = Format::DnsLabel;
            }
            ("ContainerPort", "name") => kind.format = Format::PortName,
            ("PodSpec", "containers" | "initContainers" | "volumes") => kind.unique = true,
            _ => changed = false,
        }
        let known = ENUMERATIONS.iter().find(|(of, name, _)| *of == short && *name == field);
        if let Some((.., values)) = known {
            changed = true;
            kind.limits = Some(Box::new(Limits::one_of(values.iter().map(|value| Value::from(*value)))));
        }
        Ok(if changed { self.arena.intern(kind)? } else { id })
    }

    fn import(&mut self, schema: &Value) -> Result<TypeId, Box<dyn Error>> {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let name = target.rsplit('/').next().unwrap_or_default();
            return match special(name) {
                Some(kind) => self.arena.intern(kind),
                None => Ok(*self.named.get(name).ok_or_else(|| format!("no definition of {name}"))?),
            };
        }
        let mut kind = Type {
            json: json(schema)?,
            format: match schema.get("format").and_then(Value::as_str) {
                None | Some("double") => Format::None,
                Some("int32") => Format::Int32,
                Some("int64") => Format::Int64,
                Some("byte") => Format::Byte,
                Some("date-time") => Format::DateTime,
                Some(other) => return Err(format!("the format {other} is new").into()),
            },
            ..Type::default()
        };
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            kind.limits = Some(Box::new(Limits::one_of(values.iter().cloned())));
        }
        if let Some(items) = schema.get("items") {
            kind.items = Some(self.import(items)?);
        }
        if let Some(others) = schema.get("additionalProperties") {
            kind.others = Others::Type(self.import(others)?);
        }
        let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        kind.keys = keys
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(Into::into)
            .collect();
        self.arena.intern(kind)
    }
}

/// The types of a schema without `null`.
fn json(schema: &Value) -> Result<Json, Box<dyn Error>> {
    let names: Vec<&str> = match schema.get("type") {
        None => return Ok(Json::default()),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(other) => return Err(format!("{other} is no type").into()),
    };
    let mut json = Json::default();
    for name in names.iter().filter(|name| **name != "null") {
        json = json.with(Json::named(name).ok_or_else(|| format!("the type {name} is new"))?);
    }
    Ok(json)
}

/// Definitions that read JSON in their own way.
fn special(definition: &str) -> Option<Type> {
    let text = |format| Type {
        format,
        ..Type::of(Json::STRING)
    };
    Some(match definition.rsplit_once("apimachinery.pkg.") {
        Some((_, "util.intstr.IntOrString")) => Type {
            format: Format::Int32,
            ..Type::of(Json::STRING.with(Json::INTEGER))
        },
        Some((_, "api.resource.Quantity")) => Type {
            format: Format::Quantity,
            ..Type::of(Json::STRING.with(Json::NUMBER))
        },
        Some((_, "apis.meta.v1.Time" | "apis.meta.v1.MicroTime")) => text(Format::DateTime),
        Some((_, "apis.meta.v1.FieldsV1" | "runtime.RawExtension")) => Type::of(Json::OBJECT),
        _ => match definition.rsplit_once("apiextensions.v1.") {
            Some((_, "JSON")) => Type::default(),
            Some((_, "JSONSchemaPropsOrBool")) => Type::of(Json::OBJECT.with(Json::BOOLEAN)),
            Some((_, "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrStringArray")) => {
                Type::of(Json::OBJECT.with(Json::ARRAY))
            }
            _ => return None,
        },
    })
}
