//! JSON schemas for editors and other programs: of kustomization files, of `terrace.yaml`, and of every kind of
//! object that is known.

use build::config::Shape;
use resource::nearest;
use schema::{Field, Json, Kind, Others, Type, TypeId, Types, Versions};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::rule::RULES;

/// A JSON schema, and the file it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Its path below a directory of schemas, as [`crate::Locations`] finds it.
    pub path: String,
    pub schema: Value,
}

/// What is exported where nothing is asked for: files that Terrace reads, and its own kinds.
pub fn own_schemas() -> Vec<Export> {
    let workloads = schema::workloads();
    let kinds = workloads
        .kinds
        .iter()
        .map(|kind| of_kind(workloads, kind, Versions::ALL));
    let own = [kustomization(), platform(), intent()];
    own.into_iter().chain(kinds).collect()
}

/// The schemas of a name: `kustomization`, `platform`, a kind, or a kind with its API version
/// (`apps/v1/Deployment`). A kind may be there in several API versions.
///
/// # Errors
/// Names that are like it, where nothing has the name.
pub fn schemas_named(name: &str, versions: Versions) -> Result<Vec<Export>, Vec<String>> {
    match name {
        "kustomization" | "kustomization.yaml" => return Ok(vec![kustomization()]),
        "platform" | "terrace.yaml" => return Ok(vec![platform()]),
        _ if name.eq_ignore_ascii_case(secret::KIND) => return Ok(vec![intent()]),
        _ if name == format!("{}/{}", secret::API_VERSION, secret::KIND) => return Ok(vec![intent()]),
        _ => {}
    }
    let (api_version, kind) = name
        .rsplit_once('/')
        .map_or((None, name), |(api, kind)| (Some(api), kind));
    let arenas: [(&Types, Versions); 3] = [
        (schema::kubernetes(), versions),
        (schema::workloads(), Versions::ALL),
        (schema::bundled(), Versions::ALL),
    ];
    let known = || {
        let kinds = arenas.into_iter().flat_map(|(types, versions)| {
            let live = types
                .kinds
                .iter()
                .filter(move |kind| !kind.versions.and(versions).is_empty());
            live.map(move |kind| (types, kind, versions))
        });
        kinds.filter(|(_, kind, _)| !kind.kind.ends_with("List"))
    };
    let found: Vec<Export> = known()
        .filter(|(_, known, _)| {
            known.kind.eq_ignore_ascii_case(kind) && api_version.is_none_or(|api| known.api_version == api)
        })
        .map(|(types, kind, versions)| of_kind(types, kind, versions))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = match known().any(|(_, known, _)| known.kind.eq_ignore_ascii_case(kind)) {
        true => known()
            .filter(|(_, known, _)| known.kind.eq_ignore_ascii_case(kind))
            .map(|(_, known, _)| format!("{}/{}", known.api_version, known.kind))
            .collect(),
        false => {
            let mut kinds: Vec<&str> = known().map(|(_, known, _)| known.kind.as_str()).collect();
            kinds.extend(["kustomization", "platform", secret::KIND]);
            kinds.sort_unstable();
            kinds.dedup();
            nearest(kind, kinds.into_iter())
                .into_iter()
                .map(str::to_owned)
                .collect()
        }
    };
    Err(names)
}

fn of_kind(types: &Types, kind: &Kind, versions: Versions) -> Export {
    let (group, version) = kind.api_version.split_once('/').unwrap_or(("core", &kind.api_version));
    Export {
        path: format!("{group}/{}_{version}.json", kind.kind.to_lowercase()),
        schema: schema::kind_schema(types, kind, versions),
    }
}

fn platform() -> Export {
    let mut schema = platform::json_schema();
    texts_may_be_plain(&mut schema);
    let rules = settings_schema();
    for part in ["Spec", "Environment"] {
        if let Some(part) = schema.pointer_mut(&format!("/$defs/{part}/properties/rules")) {
            part["additionalProperties"] = json!(false);
            part["properties"] = rules.clone();
        }
    }
    Export {
        path: "terrace.json".to_owned(),
        schema,
    }
}

/// The schema of intents.
pub(crate) fn secret_intent() -> Value {
    let mut schema = secret::json_schema();
    texts_may_be_plain(&mut schema);
    schema
}

fn intent() -> Export {
    let version = secret::API_VERSION.rsplit('/').next().unwrap_or_default();
    Export {
        path: format!("{}/{}_{version}.json", secret::GROUP, secret::KIND.to_lowercase()),
        schema: secret_intent(),
    }
}

/// Where a text is wanted, a number or boolean is welcome as it was written: `version: 1.35`.
fn texts_may_be_plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_closed = fields.contains_key("enum") || fields.contains_key("const");
            if let Some(kind) = fields.get_mut("type").filter(|_| !is_closed) {
                let mut names: Vec<Value> = kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]);
                if names.contains(&json!("string")) {
                    names.extend([json!("number"), json!("boolean")]);
                    *kind = Value::Array(names);
                }
            }
            fields.values_mut().for_each(texts_may_be_plain);
        }
        Value::Array(items) => items.iter_mut().for_each(texts_may_be_plain),
        _ => {}
    }
}

/// What each rule can be told.
fn settings_schema() -> Value {
    let inline = |settings: &mut SchemaSettings| settings.inline_subschemas = true;
    let mut generator = SchemaSettings::draft2020_12().with(inline).into_generator();
    let severity = json!({"enum": ["off", "note", "warning", "error"]});
    let rules = RULES.iter().map(|rule| {
        let mut told = (rule.settings.schema)(&mut generator).to_value();
        told["type"] = json!("object");
        told["additionalProperties"] = json!(false);
        if told.get("properties").is_none() {
            told["properties"] = json!({});
        }
        told["properties"]["severity"] = severity.clone();
        (
            rule.name.to_owned(),
            json!({"description": rule.summary(), "anyOf": [severity, told]}),
        )
    });
    Value::Object(rules.collect())
}

fn kustomization() -> Export {
    let mut types = Types::where_null_is_absent();
    let id = of_shape(&build::config::kustomization_shape(), &mut types);
    let mut schema = schema::type_schema(&types, id, "Kustomization");
    use build::config::{COMPONENT_KIND, COMPONENT_VERSION, KUSTOMIZATION_KIND, KUSTOMIZATION_VERSION};
    schema["properties"]["kind"] = json!({"enum": [KUSTOMIZATION_KIND, COMPONENT_KIND, "", null]});
    let version = |version: &str| json!({"properties": {"apiVersion": {"enum": [version, "", null]}}});
    schema["if"] = json!({"properties": {"kind": {"const": COMPONENT_KIND}}, "required": ["kind"]});
    schema["then"] = version(COMPONENT_VERSION);
    schema["else"] = version(KUSTOMIZATION_VERSION);
    schema["type"] = json!("object");
    Export {
        path: "kustomization.json".to_owned(),
        schema,
    }
}

fn of_shape(shape: &Shape, types: &mut Types) -> TypeId {
    let kind = match shape {
        Shape::Text => Type::of(Json::STRING),
        Shape::Boolean => Type::of(Json::BOOLEAN),
        Shape::Integer => Type::of(Json::INTEGER),
        Shape::Mapping => Type::of(Json::OBJECT),
        Shape::Texts => Type {
            others: Others::Type(of_shape(&Shape::Text, types)),
            ..Type::of(Json::OBJECT)
        },
        Shape::List(items) => Type {
            items: Some(of_shape(items, types)),
            ..Type::of(Json::ARRAY)
        },
        Shape::Fields(fields) => {
            let field = |(name, shape): &(&str, Shape)| Field {
                name: (*name).into(),
                type_id: of_shape(shape, types),
                ..Field::default()
            };
            Type {
                fields: fields.iter().map(field).collect(),
                others: Others::Closed,
                ..Type::of(Json::OBJECT)
            }
        }
    };
    types.push(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(name: &str) -> Result<Vec<String>, Vec<String>> {
        let versions = schema::versions([]).unwrap();
        let found = schemas_named(name, versions)?;
        Ok(found.into_iter().map(|export| export.path).collect())
    }

    #[test]
    fn schemas_are_found_by_name() {
        let table: &[(&str, &[&str])] = &[
            ("kustomization", &["kustomization.json"]),
            ("terrace.yaml", &["terrace.json"]),
            ("ingress", &["networking.k8s.io/ingress_v1.json"]),
            ("v1/Event", &["core/event_v1.json"]),
            ("CustomJob", &["vertex.terrace.dev/customjob_v1alpha1.json"]),
            ("Application", &["argoproj.io/application_v1alpha1.json"]),
        ];
        for (name, expected) in table {
            assert_eq!(paths(name).unwrap(), *expected, "{name}");
        }
        assert_eq!(paths("event").unwrap().len(), 2);
        assert_eq!(paths("apps/v2/Deployment").unwrap_err(), ["apps/v1/Deployment"]);
        assert_eq!(paths("kustomisation").unwrap_err()[0], "kustomization");
    }

    #[test]
    fn a_version_of_kubernetes_has_its_own_fields() {
        let fields = |version: &str| {
            let versions = schema::versions([version]).unwrap();
            let found = schemas_named("v1/Pod", versions).unwrap();
            let spec = found[0].schema["properties"]["spec"]["$ref"]
                .as_str()
                .unwrap()
                .to_owned();
            let spec = found[0].schema.pointer(spec.trim_start_matches('#')).unwrap();
            spec["properties"].as_object().unwrap().contains_key("resources")
        };
        assert!(!fields("1.25"));
        assert!(fields("1.37"));
    }

    #[test]
    fn the_platform_file_knows_every_rule_and_what_it_can_be_told() {
        let schema = platform().schema;
        for part in ["Spec", "Environment"] {
            let rules = &schema["$defs"][part]["properties"]["rules"];
            assert_eq!(rules["properties"].as_object().unwrap().len(), RULES.len(), "{part}");
            assert_eq!(rules["additionalProperties"], json!(false), "{part}");
        }
        let rule = &schema["$defs"]["Spec"]["properties"]["rules"]["properties"]["image_from_other_registry"];
        assert!(rule["anyOf"][1]["properties"]["registries"].is_object(), "{rule}");
    }

    #[test]
    fn what_is_exported_is_read_as_a_schema_location() {
        for export in own_schemas()
            .iter()
            .chain(&schemas_named("v1/Pod", Versions::ALL).unwrap())
        {
            let read = schema::schema_to_types(&export.schema, schema::Dialect::Json);
            // The references of the platform file are those of a later draft.
            assert!(read.is_ok(), "{}: {}", export.path, read.unwrap_err());
        }
    }
}
