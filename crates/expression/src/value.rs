//! Values: what expressions compute with, and what trees become.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use yaml::{Node, Text, Typed};

use crate::function::{Cidr, Format, Quantity, Semver, Url};
use crate::time::{Duration, Timestamp};

/// A value. Cloning costs a reference count at most.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Text),
    Bytes(Arc<[u8]>),
    List(List),
    Map(Arc<Map>),
    Type(Type),
    Timestamp(Timestamp),
    Duration(Duration),
    Optional(Option<Arc<Value>>),
    Quantity(Quantity),
    Url(Arc<Url>),
    Ip(IpAddr),
    Cidr(Cidr),
    Semver(Arc<Semver>),
    Format(Format),
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    List,
    Map,
    Type,
    Timestamp,
    Duration,
    Optional,
    Quantity,
    Url,
    Ip,
    Cidr,
    Semver,
    Format,
}

/// A list, and what Kubernetes' schema says of its elements.
#[derive(Clone, Debug)]
pub struct List {
    pub items: Arc<[Value]>,
    pub kind: ListKind,
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListKind {
    /// Order matters.
    #[default]
    Atomic,
    /// Order does not matter.
    Set,
    /// Order does not matter, and elements are told apart by these keys.
    Map(Arc<[String]>),
}

/// A map in the order it was written.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(Key, Value)>,
    /// Positions, where there are too many entries to search one by one.
    positions: HashMap<Key, usize>,
}

/// The key of a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Bool(bool),
    Int(i64),
    /// Only what is greater than every [`Key::Int`]: numbers of the same value are the same key.
    Uint(u64),
    String(Text),
}

/// From this many entries on a map is indexed.
const INDEXED: usize = 12;

impl Map {
    pub fn new(entries: Vec<(Key, Value)>) -> Map {
        let positions = if entries.len() < INDEXED {
            HashMap::new()
        } else {
            let keys = entries.iter().enumerate();
            keys.map(|(at, (key, _))| (key.clone(), at)).collect()
        };
        Map { entries, positions }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, (Key, Value)> {
        self.entries.iter()
    }

    pub fn get(&self, key: &Key) -> Option<&Value> {
        if self.entries.len() < INDEXED {
            return self
                .entries
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value);
        }
        self.positions.get(key).map(|&at| &self.entries[at].1)
    }

    pub fn field(&self, name: &str) -> Option<&Value> {
        if self.entries.len() < INDEXED {
            let is_it = |key: &Key| matches!(key, Key::String(text) if text.as_str() == name);
            return self.entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value);
        }
        self.get(&Key::String(name.into()))
    }
}

impl Key {
    /// The key that a value is, if it can be one. A double is the key of the integer it equals.
    pub fn of(value: &Value) -> Option<Key> {
        Some(match value {
            Value::Bool(value) => Key::Bool(*value),
            Value::Int(value) => Key::Int(*value),
            Value::Uint(value) => i64::try_from(*value).map_or(Key::Uint(*value), Key::Int),
            Value::String(value) => Key::String(value.clone()),
            Value::Double(value) => Key::Int(whole(*value)?),
            _ => return None,
        })
    }

    /// The value that a key is.
    pub fn value(&self) -> Value {
        match self {
            Key::Bool(value) => Value::Bool(*value),
            Key::Int(value) => Value::Int(*value),
            Key::Uint(value) => Value::Uint(*value),
            Key::String(value) => Value::String(value.clone()),
        }
    }
}

/// The integer that a double is, if it is one.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(crate) fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number);
    is_whole.then_some(number as i64)
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl Value {
    /// A list whose order matters.
    pub fn list(items: impl Into<Arc<[Value]>>) -> Value {
        Value::List(List {
            items: items.into(),
            kind: ListKind::Atomic,
        })
    }

    /// A map with names as keys.
    pub fn map<N: Into<Text>>(entries: impl IntoIterator<Item = (N, Value)>) -> Value {
        let entries = entries.into_iter();
        let entries = entries.map(|(name, value)| (Key::String(name.into()), value));
        Value::Map(Arc::new(Map::new(entries.collect())))
    }

    /// `optional.of(value)`, or `optional.none()`.
    pub fn optional(value: Option<Value>) -> Value {
        Value::Optional(value.map(Arc::new))
    }

    /// What a tree means where no schema says more, as the API server decodes it: a number without a
    /// fraction is an integer.
    pub fn from_node(node: &Node) -> Value {
        match &node.value {
            yaml::Value::Map(map) => {
                let entry = |entry: &yaml::Entry| {
                    let key = entry.key.text().cloned().unwrap_or_default();
                    (Key::String(key), Value::from_node(&entry.value))
                };
                Value::Map(Arc::new(Map::new(map.iter().map(entry).collect())))
            }
            yaml::Value::Seq(items) => Value::list(items.iter().map(Value::from_node).collect::<Vec<_>>()),
            yaml::Value::Scalar(text) => Value::from_scalar(node, text),
        }
    }

    fn from_scalar(node: &Node, text: &Text) -> Value {
        match yaml::typed(node) {
            Ok(Typed::Null) => Value::Null,
            Ok(Typed::Bool(value)) => Value::Bool(value),
            Ok(Typed::Int(value)) => Value::Int(value),
            #[expect(clippy::cast_precision_loss, reason = "what JSON decoders of Go do with it")]
            Ok(Typed::Uint(value)) => Value::Double(value as f64),
            Ok(Typed::Float(value)) => whole(value).map_or(Value::Double(value), Value::Int),
            Ok(Typed::Str(std::borrow::Cow::Owned(value))) => Value::from(value),
            Ok(Typed::Str(_) | Typed::Timestamp(_)) | Err(_) => Value::String(text.clone()),
        }
    }

    pub fn type_of(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Uint(_) => Type::Uint,
            Value::Double(_) => Type::Double,
            Value::String(_) => Type::String,
            Value::Bytes(_) => Type::Bytes,
            Value::List(_) => Type::List,
            Value::Map(_) => Type::Map,
            Value::Type(_) => Type::Type,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Duration(_) => Type::Duration,
            Value::Optional(_) => Type::Optional,
            Value::Quantity(_) => Type::Quantity,
            Value::Url(_) => Type::Url,
            Value::Ip(_) => Type::Ip,
            Value::Cidr(_) => Type::Cidr,
            Value::Semver(_) => Type::Semver,
            Value::Format(_) => Type::Format,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether two values are equal, as `==` has it: numbers by value, other types apart.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::String(a), Value::String(b)) => a.as_str() == b.as_str(),
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => a.equals(b),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, value)| b.get(key).is_some_and(|other| value.equals(other)))
            }
            (Value::Type(a), Value::Type(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Optional(a), Value::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (None, None) => true,
                _ => false,
            },
            (Value::Quantity(a), Value::Quantity(b)) => a == b,
            (Value::Url(a), Value::Url(b)) => a == b,
            (Value::Ip(a), Value::Ip(b)) => a == b,
            (Value::Cidr(a), Value::Cidr(b)) => a == b,
            (Value::Semver(a), Value::Semver(b)) => a.order(b).is_eq(),
            (Value::Format(a), Value::Format(b)) => a == b,
            _ => self.order(other).is_some_and(std::cmp::Ordering::is_eq),
        }
    }

    /// The order of two numbers, whatever their types; of two values of the same ordered type.
    pub fn order(&self, other: &Value) -> Option<std::cmp::Ordering> {
        use Value::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
        Some(match (self, other) {
            (Int(a), Int(b)) => a.cmp(b),
            (Uint(a), Uint(b)) => a.cmp(b),
            (Double(a), Double(b)) => a.partial_cmp(b)?,
            (Int(a), Uint(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Uint(a), Int(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Int(a), Double(b)) => order_mixed(i128::from(*a), *b)?,
            (Uint(a), Double(b)) => order_mixed(i128::from(*a), *b)?,
            (Double(a), Int(b)) => order_mixed(i128::from(*b), *a)?.reverse(),
            (Double(a), Uint(b)) => order_mixed(i128::from(*b), *a)?.reverse(),
            (Bool(a), Bool(b)) => a.cmp(b),
            (String(a), String(b)) => a.as_str().cmp(b.as_str()),
            (Bytes(a), Bytes(b)) => a.cmp(b),
            (Timestamp(a), Timestamp(b)) => a.cmp(b),
            (Duration(a), Duration(b)) => a.cmp(b),
            _ => return None,
        })
    }
}

/// An integer of at most 64 bits against a double: as doubles, as `cel-go` compares them.
#[expect(clippy::cast_precision_loss, reason = "what cel-go does")]
fn order_mixed(whole: i128, number: f64) -> Option<std::cmp::Ordering> {
    (whole as f64).partial_cmp(&number)
}

impl List {
    fn equals(&self, other: &List) -> bool {
        if self.items.len() != other.items.len() {
            return false;
        }
        match &self.kind {
            ListKind::Atomic => self.items.iter().zip(&*other.items).all(|(a, b)| a.equals(b)),
            ListKind::Set => self.items.iter().all(|a| other.items.iter().any(|b| a.equals(b))),
            ListKind::Map(keys) => self.items.iter().all(|a| {
                let same = other.items.iter().find(|b| same_element(keys, a, b));
                same.is_some_and(|b| a.equals(b))
            }),
        }
    }

    /// `+` of Kubernetes: lists that are sets or maps are merged, others joined.
    pub(crate) fn join(&self, other: &List) -> List {
        let mut items = self.items.to_vec();
        match &self.kind {
            ListKind::Atomic => items.extend_from_slice(&other.items),
            ListKind::Set => {
                for item in &*other.items {
                    if !items.iter().any(|known| known.equals(item)) {
                        items.push(item.clone());
                    }
                }
            }
            ListKind::Map(keys) => {
                for item in &*other.items {
                    match items.iter_mut().find(|known| same_element(keys, known, item)) {
                        Some(known) => *known = item.clone(),
                        None => items.push(item.clone()),
                    }
                }
            }
        }
        List {
            items: items.into(),
            kind: self.kind.clone(),
        }
    }
}

fn same_element(keys: &[String], a: &Value, b: &Value) -> bool {
    let (Value::Map(a), Value::Map(b)) = (a, b) else {
        return false;
    };
    keys.iter().all(|key| match (a.field(key), b.field(key)) {
        (Some(a), Some(b)) => a.equals(b),
        (None, None) => true,
        _ => false,
    })
}

const TYPE_NAMES: [(&str, Type); 23] = [
    ("null_type", Type::Null),
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("uint", Type::Uint),
    ("double", Type::Double),
    ("string", Type::String),
    ("bytes", Type::Bytes),
    ("list", Type::List),
    ("map", Type::Map),
    ("type", Type::Type),
    ("google.protobuf.Timestamp", Type::Timestamp),
    ("google.protobuf.Duration", Type::Duration),
    ("optional_type", Type::Optional),
    ("kubernetes.Quantity", Type::Quantity),
    ("kubernetes.URL", Type::Url),
    ("net.IP", Type::Ip),
    ("net.CIDR", Type::Cidr),
    ("kubernetes.Semver", Type::Semver),
    ("kubernetes.NamedFormat", Type::Format),
    ("google.protobuf.NullValue", Type::Null),
    ("google.protobuf.BoolValue", Type::Bool),
    ("google.protobuf.Int64Value", Type::Int),
    ("google.protobuf.StringValue", Type::String),
];

impl Type {
    pub(crate) fn named(name: &str) -> Option<Type> {
        TYPE_NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, found)| *found)
    }

    /// The name of the type, as `cel-go` prints it.
    pub fn name(self) -> &'static str {
        TYPE_NAMES
            .iter()
            .find(|(_, found)| *found == self)
            .map_or("dyn", |(name, _)| name)
    }
}
