//! Packs the schemas of Terrace's workloads into `crates/schema/data/vertex.bin`.
//!
//! In: the discovery document of the Vertex AI API, `aiplatform.v1.json`, as the Python package
//! google-api-python-client has it. Out: one arena (`schema::Types`) of the workloads. `spec.template` is the
//! resource of the API, the other fields of `spec` are Terrace's own.
//!
//! A description that begins with "Required." is the only word of what must be there; `readOnly` marks what
//! only the service sets.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use schema::{Field, Format, Json, Kind, Limits, Others, Type, TypeId, Types, Versions};
use serde_json::Value;

use crate::arena::Arena;

const API_VERSION: &str = "vertex.terrace.dev/v1alpha1";
const PREFIX: &str = "GoogleCloudAiplatformV1";

/// What can be a workload: the kind, and the resource of the API.
const WORKLOADS: [&str; 7] = [
    "BatchPredictionJob",
    "CustomJob",
    "Endpoint",
    "HyperparameterTuningJob",
    "Model",
    "PipelineJob",
    "Schedule",
];

/// Reads the document and writes the packed arena.
pub(crate) fn generate(document: &Path) -> Result<(), Box<dyn Error>> {
    let document: Value = serde_json::from_slice(&std::fs::read(document)?)?;
    let revision = document["revision"].as_str().ok_or("a document without a revision")?;
    let mut import = Import {
        schemas: &document["schemas"],
        arena: Arena::new(Types::where_null_is_absent()),
        named: BTreeMap::new(),
    };
    import.arena.types.versions = vec![format!("Vertex AI v1, {revision}")];
    for kind in WORKLOADS {
        let type_id = import.workload(kind)?;
        import.arena.types.kinds.push(Kind {
            api_version: API_VERSION.into(),
            kind: kind.into(),
            type_id,
            versions: Versions::ALL,
        });
    }
    import.arena.write("vertex.bin")
}

struct Import<'d> {
    schemas: &'d Value,
    arena: Arena,
    /// Schemas of the document by name.
    named: BTreeMap<String, TypeId>,
}

impl Import<'_> {
    fn workload(&mut self, kind: &str) -> Result<TypeId, Box<dyn Error>> {
        let template = self.named(&format!("{PREFIX}{kind}"))?;
        let text = self.arena.intern(Type::of(Json::STRING))?;
        let field = |name: &str, type_id| Field {
            name: name.into(),
            type_id,
            ..Field::default()
        };
        let spec = self.arena.intern(Type {
            fields: vec![
                field("location", text),
                field("project", text),
                field("template", template),
            ],
            required: vec![("template".into(), Versions::ALL)],
            others: Others::Closed,
            ..Type::of(Json::OBJECT)
        })?;
        self.arena.intern(Type {
            fields: vec![field("spec", spec)],
            required: vec![("spec".into(), Versions::ALL)],
            others: Others::Closed,
            ..Type::of(Json::OBJECT)
        })
    }

    /// The type of a schema of the document. It has its place before its fields are read: schemas may hold
    /// each other.
    fn named(&mut self, name: &str) -> Result<TypeId, Box<dyn Error>> {
        if let Some(id) = self.named.get(name) {
            return Ok(*id);
        }
        let schema = &self.schemas[name];
        let id = self.arena.types.push(Type::default());
        self.named.insert(name.to_owned(), id);
        let kind = self.read(schema).map_err(|error| format!("{name}: {error}"))?;
        self.arena.types.types[id as usize] = kind;
        Ok(id)
    }

    fn import(&mut self, schema: &Value) -> Result<TypeId, Box<dyn Error>> {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.named(name);
        }
        let kind = self.read(schema)?;
        self.arena.intern(kind)
    }

    fn read(&mut self, schema: &Value) -> Result<Type, Box<dyn Error>> {
        let text = |field: &str| schema.get(field).and_then(Value::as_str);
        let mut kind = match (text("type"), text("format")) {
            (Some("any"), None) => return Ok(Type::default()),
            // 64 bits are texts in Google's JSON; it takes numbers too.
            (Some("string"), Some("int64" | "uint64")) => Type {
                format: Format::Int64Text,
                ..Type::of(Json::STRING.with(Json::INTEGER))
            },
            (Some(name), format) => Type {
                format: match format {
                    None | Some("double" | "float" | "google-fieldmask") => Format::None,
                    Some("int32") => Format::Int32,
                    Some("byte") => Format::Byte,
                    Some("google-datetime") => Format::DateTime,
                    Some("google-duration") => Format::GoogleDuration,
                    Some(other) => return Err(format!("the format {other} is new").into()),
                },
                ..Type::of(Json::named(name).ok_or_else(|| format!("the type {name} is new"))?)
            },
            (None, _) => return Err(format!("no type: {schema}").into()),
        };
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            kind.limits = Some(Box::new(Limits::one_of(values.iter().cloned())));
        }
        if let Some(items) = schema.get("items") {
            kind.items = Some(self.import(items)?);
        }
        if let Some(others) = schema.get("additionalProperties") {
            kind.others = Others::Type(self.import(others)?);
        } else if schema.get("properties").is_some() || text("type") == Some("object") {
            kind.others = Others::Closed;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let output_only = property.get("readOnly") == Some(&Value::Bool(true));
            let description = property.get("description").and_then(Value::as_str);
            if !output_only && description.is_some_and(|text| text.starts_with("Required.")) {
                kind.required.push((name.as_str().into(), Versions::ALL));
            }
            kind.fields.push(Field {
                name: name.as_str().into(),
                // What nobody may write needs no type.
                type_id: if output_only { 0 } else { self.import(property)? },
                output_only,
                ..Field::default()
            });
        }
        kind.fields.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(kind)
    }
}
