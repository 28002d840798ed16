//! Types as JSON schemas (draft 7), for editors and other programs.

use serde_json::{Map, Value, json};

use crate::types::{Format, Json, Kind, Limits, Others, Type, TypeId, Types};
use crate::versions::Versions;

/// The JSON schema of a kind of object in some versions of its arena.
pub fn kind_schema(types: &Types, kind: &Kind, live: Versions) -> Value {
    let mut export = Export::new(types, live.and(kind.versions));
    let mut schema = export.value(kind.type_id);
    let fields = schema["properties"].as_object_mut();
    if let Some(fields) = fields {
        fields.insert("apiVersion".to_owned(), json!({"const": kind.api_version}));
        fields.insert("kind".to_owned(), json!({"const": kind.kind}));
        fields
            .entry("metadata")
            .or_insert_with(|| json!({"type": "object", "properties": {"name": {"type": "string"}}}));
    }
    let mut required = vec![json!("apiVersion"), json!("kind")];
    required.extend(schema["required"].as_array().into_iter().flatten().cloned());
    schema["required"] = Value::Array(required);
    schema["type"] = json!("object");
    let title = format!("{} of {}", kind.kind, kind.api_version);
    export.finish(schema, &title)
}

/// The JSON schema of a type.
pub fn type_schema(types: &Types, id: TypeId, title: &str) -> Value {
    let mut export = Export::new(types, Versions::ALL);
    let schema = export.value(id);
    export.finish(schema, title)
}

struct Export<'t> {
    types: &'t Types,
    live: Versions,
    /// Types that are referred to by name: those with fields.
    named: Map<String, Value>,
}

impl<'t> Export<'t> {
    fn new(types: &'t Types, live: Versions) -> Export<'t> {
        Export {
            types,
            live,
            named: Map::new(),
        }
    }

    fn finish(self, mut schema: Value, title: &str) -> Value {
        schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        schema["title"] = json!(title);
        if !self.named.is_empty() {
            schema["definitions"] = Value::Object(self.named);
        }
        schema
    }

    fn schema(&mut self, id: TypeId) -> Value {
        let types = self.types;
        if types.get(id).fields.is_empty() {
            return self.value(id);
        }
        let name = format!("t{id}");
        if !self.named.contains_key(&name) {
            // It may hold itself.
            self.named.insert(name.clone(), Value::Null);
            let schema = self.value(id);
            self.named.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/definitions/{name}")})
    }

    fn value(&mut self, id: TypeId) -> Value {
        let types = self.types;
        let kind = types.get(id);
        let mut out = Map::new();
        if kind.json != Json::default() {
            let mut names: Vec<&str> = kind.json.names().collect();
            if kind.nullable || types.null_is_absent {
                names.push("null");
            }
            out.insert(
                "type".to_owned(),
                match names.as_slice() {
                    [one] => json!(one),
                    many => json!(many),
                },
            );
        }
        self.fields(kind, &mut out);
        if let Some(items) = kind.items {
            out.insert("items".to_owned(), self.schema(items));
        }
        if kind.unique && kind.keys.is_empty() {
            out.insert("uniqueItems".to_owned(), json!(true));
        }
        if let Some(limits) = &kind.limits {
            let null = kind.nullable || types.null_is_absent;
            write_limits(limits, kind.json, null, &mut out);
        }
        write_format(kind.format, &mut out);
        if let Some(logic) = &kind.logic {
            for (name, ids) in [
                ("allOf", &logic.all_of),
                ("anyOf", &logic.any_of),
                ("oneOf", &logic.one_of),
            ] {
                if !ids.is_empty() {
                    let schemas: Vec<Value> = ids.iter().map(|id| self.schema(*id)).collect();
                    out.insert(name.to_owned(), Value::Array(schemas));
                }
            }
            if let Some(id) = logic.not {
                out.insert("not".to_owned(), self.schema(id));
            }
        }
        if let Some(default) = &kind.default {
            out.insert("default".to_owned(), default.clone());
        }
        Value::Object(out)
    }

    fn fields(&mut self, kind: &Type, out: &mut Map<String, Value>) {
        let mut fields = Map::new();
        if kind.embedded {
            for name in ["apiVersion", "kind"] {
                fields.insert(name.to_owned(), json!({"type": "string"}));
            }
            fields.insert("metadata".to_owned(), json!({"type": "object"}));
            out.insert("required".to_owned(), json!(["apiVersion", "kind"]));
        }
        for field in &kind.fields {
            if self.live.and(field.versions).is_empty() {
                continue;
            }
            let schema = match field.output_only {
                true => json!({"description": "Set by the service alone.", "not": {}}),
                false => self.schema(field.type_id),
            };
            fields.insert(field.name.to_string(), schema);
        }
        if !fields.is_empty() {
            out.insert("properties".to_owned(), Value::Object(fields));
        }
        let required = kind
            .required
            .iter()
            .filter(|(_, versions)| !self.live.and(*versions).is_empty());
        let required: Vec<&str> = required.map(|(name, _)| name.as_str()).collect();
        if !required.is_empty() {
            out.insert("required".to_owned(), json!(required));
        }
        match kind.others {
            Others::Open => {}
            Others::Closed => {
                out.insert("additionalProperties".to_owned(), json!(false));
            }
            Others::Type(id) => {
                let schema = self.schema(id);
                out.insert("additionalProperties".to_owned(), schema);
            }
        }
    }
}

fn write_limits(limits: &Limits, kind: Json, null: bool, out: &mut Map<String, Value>) {
    if !limits.values.is_empty() {
        let mut values = limits.values.clone();
        if null {
            values.push(Value::Null);
        }
        out.insert("enum".to_owned(), Value::Array(values));
    }
    if let Some(pattern) = &limits.pattern {
        out.insert("pattern".to_owned(), json!(pattern));
    }
    for (bound, is_exclusive, name, exclusive) in [
        (limits.minimum, limits.exclusive_minimum, "minimum", "exclusiveMinimum"),
        (limits.maximum, limits.exclusive_maximum, "maximum", "exclusiveMaximum"),
    ] {
        if let Some(bound) = bound {
            let name = if is_exclusive { exclusive } else { name };
            out.insert(name.to_owned(), json!(bound));
        }
    }
    if let Some(step) = limits.multiple_of {
        out.insert("multipleOf".to_owned(), json!(step));
    }
    let what = match kind {
        Json::ARRAY => "Items",
        Json::OBJECT => "Properties",
        _ => "Length",
    };
    for (prefix, size) in [("min", limits.min_size), ("max", limits.max_size)] {
        if let Some(size) = size {
            out.insert(format!("{prefix}{what}"), json!(size));
        }
    }
}

fn write_format(format: Format, out: &mut Map<String, Value>) {
    let name = match format {
        Format::DateTime => "date-time",
        Format::Date => "date",
        Format::Uri => "uri",
        Format::Email => "email",
        Format::Hostname => "hostname",
        Format::Ipv4 => "ipv4",
        Format::Ipv6 => "ipv6",
        Format::Int32 => "int32",
        Format::Int64 => "int64",
        Format::GoogleDuration => {
            out.insert("pattern".to_owned(), json!("^-?[0-9]+(\\.[0-9]+)?s$"));
            return;
        }
        Format::Int64Text => {
            out.insert("pattern".to_owned(), json!("^[+-]?[0-9]+$"));
            return;
        }
        _ => return,
    };
    out.insert("format".to_owned(), json!(name));
}
