//! Types: what a value must look like, in an arena, with the versions of Kubernetes that each part holds in.
//!
//! All versions are one arena: a field that came later has a mask without the versions before. An object is
//! so checked against several versions in one pass. An arena is packed as JSON, deflated.

use std::sync::OnceLock;

use ecow::EcoString;
use hashbrown::HashMap;
use resource::Pattern;
use serde::{Deserialize, Serialize};

use crate::versions::Versions;

/// The position of a type in its arena.
pub type TypeId = u32;

/// An arena of types, and the kinds that are made of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Types {
    /// Minor versions of Kubernetes, oldest first, as "1.37": the bits of every mask. Empty where
    /// versions do not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// `null` is the same as nothing, as Go decodes it. In custom resources, a field that is not nullable is taken away
    /// where it is null, and an item of a list may not be null.
    #[serde(default, skip_serializing_if = "is_default")]
    pub null_is_absent: bool,
    /// `null` is a value of its own, as in JSON schemas: of no type but those that name it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub null_is_a_value: bool,
    #[serde(rename = "t")]
    pub types: Vec<Type>,
    #[serde(rename = "k")]
    pub kinds: Vec<Kind>,
    #[serde(skip)]
    index: OnceLock<HashMap<(EcoString, EcoString), Vec<u32>>>,
}

/// A kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    #[serde(rename = "a")]
    pub api_version: EcoString,
    #[serde(rename = "k")]
    pub kind: EcoString,
    #[serde(rename = "t")]
    pub type_id: TypeId,
    #[serde(rename = "v", default, skip_serializing_if = "is_default")]
    pub versions: Versions,
}

/// What a value must look like. The default allows everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Type {
    /// What it can be; anything, where nothing is named.
    #[serde(rename = "j", default, skip_serializing_if = "is_default")]
    pub json: Json,
    #[serde(rename = "n", default, skip_serializing_if = "is_default")]
    pub nullable: bool,
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    pub format: Format,
    /// By name. A name is there twice if its type differs between versions.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<(EcoString, Versions)>,
    /// What fields that have no name here are.
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub others: Others,
    /// The type of the items of a list.
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub items: Option<TypeId>,
    /// The fields that tell the items of a list apart.
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<EcoString>,
    /// Items may not be there twice: by their keys, or whole.
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    pub unique: bool,
    /// The value is an object of Kubernetes itself.
    #[serde(rename = "e", default, skip_serializing_if = "is_default")]
    pub embedded: bool,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<Limits>>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub logic: Option<Box<Logic>>,
    /// What it is where nothing is said.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// Rules in CEL.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<CelRule>,
}

/// A field of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    #[serde(rename = "n")]
    pub name: EcoString,
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub type_id: TypeId,
    #[serde(rename = "v", default, skip_serializing_if = "is_default")]
    pub versions: Versions,
    /// Set by the service alone: nobody may write it.
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    pub output_only: bool,
}

/// Fields that a type does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Others {
    /// Any are welcome.
    #[default]
    #[serde(rename = "o")]
    Open,
    /// None may be there.
    #[serde(rename = "c")]
    Closed,
    /// Each must be of a type.
    #[serde(rename = "t")]
    Type(TypeId),
}

/// A set of JSON's types; the empty one stands for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub u8);

impl Json {
    pub const OBJECT: Json = Json(1);
    pub const ARRAY: Json = Json(2);
    pub const STRING: Json = Json(4);
    pub const INTEGER: Json = Json(8);
    /// Integers are numbers too.
    pub const NUMBER: Json = Json(16);
    pub const BOOLEAN: Json = Json(32);

    #[must_use]
    pub fn with(self, other: Json) -> Json {
        Json(self.0 | other.0)
    }

    /// Whether a value of this type may stand here.
    pub fn allows(self, value: Json) -> bool {
        let numbers = if value == Json::INTEGER { Json::NUMBER.0 } else { 0 };
        self.0 == 0 || self.0 & (value.0 | numbers) != 0
    }

    /// The type of a name in a schema.
    pub fn named(name: &str) -> Option<Json> {
        NAMES
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(json, ..)| *json)
    }

    /// The names of its types in a schema.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let named = NAMES.iter().filter(move |(json, ..)| self.0 & json.0 != 0);
        named.map(|(_, name, _)| *name)
    }

    /// In words: "a text or a whole number".
    pub fn words(self) -> String {
        let named = NAMES.iter().filter(|(json, ..)| self.0 & json.0 != 0);
        named.map(|(.., words)| *words).collect::<Vec<_>>().join(" or ")
    }
}

const NAMES: [(Json, &str, &str); 6] = [
    (Json::STRING, "string", "a text"),
    (Json::INTEGER, "integer", "a whole number"),
    (Json::NUMBER, "number", "a number"),
    (Json::BOOLEAN, "boolean", "true or false"),
    (Json::OBJECT, "object", "a mapping"),
    (Json::ARRAY, "array", "a list"),
];

/// What a text or a number must be beside its type, or what the keys of a mapping must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    #[default]
    None,
    Int32,
    Int64,
    Byte,
    DateTime,
    Date,
    Duration,
    Uri,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Cidr,
    Mac,
    Uuid,
    /// Kubernetes' amounts: `500m`, `2Gi`.
    Quantity,
    /// A mapping of labels.
    Labels,
    /// A mapping of annotations.
    Annotations,
    /// A DNS label: `web-1`.
    DnsLabel,
    /// A name of a port: `https-alt`.
    PortName,
    /// Google's durations: `3600s`.
    GoogleDuration,
    /// 64 bits in a text, or a number.
    Int64Text,
    /// Any JSON schema (of a custom resource definition).
    JsonSchema,
}

/// Bounds of a value.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    #[serde(skip_serializing_if = "is_default")]
    pub exclusive_minimum: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub exclusive_maximum: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiple_of: Option<f64>,
    /// Characters of a text, items of a list, fields of a mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    #[serde(skip)]
    compiled: OnceLock<Option<Pattern>>,
}

/// Types that a value must have too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Logic {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all_of: Vec<TypeId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<TypeId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<TypeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<TypeId>,
}

/// A rule of `x-kubernetes-validations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CelRule {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub optional_old_self: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Types {
    /// An empty arena in which `null` is the same as nothing.
    pub fn where_null_is_absent() -> Types {
        Types {
            null_is_absent: true,
            ..Types::default()
        }
    }

    /// What was packed. Only what [`Types::pack`] made is read: it is part of the program.
    pub(crate) fn unpack(bytes: &[u8]) -> Types {
        let text = miniz_oxide::inflate::decompress_to_vec(bytes).expect("the packed types are whole");
        serde_json::from_slice(&text).expect("the packed types are whole")
    }

    /// The bytes of a packed arena.
    pub fn pack(&self) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("types have no keys that are no texts");
        miniz_oxide::deflate::compress_to_vec(&text, 10)
    }

    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[id as usize]
    }

    /// Adds a type.
    pub fn push(&mut self, kind: Type) -> TypeId {
        self.types.push(kind);
        TypeId::try_from(self.types.len() - 1).expect("fewer than 2^32 types")
    }

    /// The kinds of an API version and name, one for each set of versions.
    pub fn kinds_named(&self, api_version: &str, kind: &str) -> impl Iterator<Item = &Kind> {
        let index = self.index.get_or_init(|| {
            let mut index: HashMap<_, Vec<u32>> = HashMap::new();
            for (at, kind) in self.kinds.iter().enumerate() {
                let key = (kind.api_version.clone(), kind.kind.clone());
                index.entry(key).or_default().push(at as u32);
            }
            index
        });
        let found = index.get(&(EcoString::from(api_version), EcoString::from(kind)));
        found.into_iter().flatten().map(|&at| &self.kinds[at as usize])
    }
}

impl Type {
    /// The type of one of JSON's types.
    pub fn of(json: Json) -> Type {
        Type {
            json,
            ..Type::default()
        }
    }

    /// The fields of a name: one for each set of versions.
    pub(crate) fn named(&self, name: &str) -> &[Field] {
        let start = self.fields.partition_point(|field| field.name.as_str() < name);
        let rest = &self.fields[start..];
        let count = rest.iter().take_while(|field| field.name == name).count();
        &rest[..count]
    }
}

impl Limits {
    /// Nothing but these values.
    pub fn one_of(values: impl IntoIterator<Item = serde_json::Value>) -> Limits {
        Limits {
            values: values.into_iter().collect(),
            ..Limits::default()
        }
    }

    /// The pattern, compiled once; `None` where there is none, or where it is none.
    pub(crate) fn compiled(&self) -> Option<&Pattern> {
        let compile = || Pattern::anywhere(self.pattern.as_deref()?).ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    pub(crate) fn is_none(&self) -> bool {
        let numbers = [self.minimum, self.maximum, self.multiple_of];
        self.values.is_empty()
            && self.pattern.is_none()
            && numbers.iter().all(Option::is_none)
            && self.min_size.is_none()
            && self.max_size.is_none()
    }
}
