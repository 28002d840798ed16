//! Trees into structures through serde, with the place of what is wrong.
//!
//! Strict: unknown fields (with `deny_unknown_fields`), keys that are there twice and values of another
//! type are errors. A number or boolean is welcome where a text is wanted, as it was written: `1.30` stays
//! `1.30`.

use std::fmt;

use resource::nearest;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use yaml::{Entry, Mark, Node, Tag, Value};

/// A tree is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// A lower-case fragment.
    pub message: String,
    /// The value or key that is wrong.
    pub mark: Mark,
    /// What to do next.
    pub hint: Option<String>,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    fn at(mut self, mark: Mark) -> DecodeError {
        if !self.mark.is_some() {
            self.mark = mark;
        }
        self
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> DecodeError {
        DecodeError {
            message: message.to_string(),
            mark: Mark::NONE,
            hint: None,
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> DecodeError {
        DecodeError {
            hint: Some(near_hint(field, expected)),
            ..DecodeError::custom(format!("unknown field `{field}`"))
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> DecodeError {
        DecodeError {
            hint: Some(format!("it can be {}", expected.join(", "))),
            ..DecodeError::custom(format!("\"{variant}\" is not known here"))
        }
    }

    fn missing_field(field: &'static str) -> DecodeError {
        DecodeError::custom(format!("the field `{field}` is missing"))
    }
}

fn near_hint(word: &str, known: &[&str]) -> String {
    let near = nearest(word, known.iter().copied());
    match near.as_slice() {
        [] => "there are no fields here".to_owned(),
        near => format!("the fields here are {}", near.join(", ")),
    }
}

/// Decodes a tree.
///
/// # Errors
/// [`DecodeError`] at the first thing that is wrong.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, DecodeError> {
    T::deserialize(NodeDeserializer(node)).map_err(|error| error.at(node.mark))
}

/// A value and its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked<T> {
    pub value: T,
    pub mark: Mark,
}

impl<T> std::ops::Deref for Marked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The name by which [`Marked`] asks for the place.
const MARKED: &str = "$terrace::Marked";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Marked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Marked<T>, D::Error> {
        struct Both<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Both<T> {
            type Value = Marked<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Marked<T>, A::Error> {
                let missing = || A::Error::custom("a value with its place");
                let source: u32 = parts.next_element()?.ok_or_else(missing)?;
                let offset: u32 = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                let mark = Mark {
                    source: yaml::SourceId::from_u32(source),
                    offset,
                };
                Ok(Marked { value, mark })
            }
        }
        deserializer.deserialize_newtype_struct(MARKED, Both(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Marked<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

struct NodeDeserializer<'n>(&'n Node);

impl<'n> NodeDeserializer<'n> {
    fn describe(&self) -> String {
        let text = self.0.as_str().unwrap_or_default();
        match self.0.value {
            Value::Map(_) => "a mapping".to_owned(),
            Value::Seq(_) => "a list".to_owned(),
            Value::Scalar(_) if self.0.is_null() => "nothing".to_owned(),
            Value::Scalar(_) if self.0.tag == Tag::Str => format!("the text \"{text}\""),
            Value::Scalar(_) => format!("`{text}`"),
        }
    }

    fn wrong(&self, expected: &str) -> DecodeError {
        DecodeError::custom(format!("{expected} is expected here, not {}", self.describe())).at(self.0.mark)
    }

    fn text(&self) -> Option<&'n str> {
        self.0.as_str().filter(|_| !self.0.is_null())
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let mark = self.0.mark;
        let result = match &self.0.value {
            Value::Map(_) => return self.deserialize_map(visitor),
            Value::Seq(_) => return self.deserialize_seq(visitor),
            Value::Scalar(_) if self.0.is_null() => visitor.visit_unit(),
            Value::Scalar(text) => match self.0.tag {
                Tag::Bool => visitor.visit_bool(text.eq_ignore_ascii_case("true")),
                Tag::Int | Tag::Float => match (text.parse::<i64>(), text.parse::<f64>()) {
                    (Ok(number), _) => visitor.visit_i64(number),
                    (_, Ok(number)) => visitor.visit_f64(number),
                    _ => visitor.visit_str(text),
                },
                _ => visitor.visit_str(text),
            },
        };
        result.map_err(|error: DecodeError| error.at(mark))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.tag {
            Tag::Bool => self.deserialize_any(visitor),
            _ => Err(self.wrong("true or false")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let number = self.text().filter(|_| self.0.tag == Tag::Int);
        match number.and_then(|text| text.parse::<u64>().ok()) {
            Some(number) => visitor
                .visit_u64(number)
                .map_err(|error: DecodeError| error.at(self.0.mark)),
            None => Err(self.wrong("a whole number, not negative,")),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.text() {
            Some(text) => visitor
                .visit_str(text)
                .map_err(|error: DecodeError| error.at(self.0.mark)),
            None => Err(self.wrong("a text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name != MARKED {
            return visitor.visit_newtype_struct(self);
        }
        visitor.visit_seq(MarkedParts { node: self.0, at: 0 })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.as_seq() {
            Some(items) => visitor
                .visit_seq(Items(items.iter()))
                .map_err(|error| error.at(self.0.mark)),
            None => Err(self.wrong("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Some(map) = self.0.as_map() else {
            return Err(self.wrong("a mapping"));
        };
        for (at, entry) in map.iter().enumerate() {
            let key = entry.key.as_str().unwrap_or_default();
            if map.as_slice()[..at]
                .iter()
                .any(|before| before.key.as_str() == Some(key))
            {
                return Err(DecodeError::custom(format!("the key `{key}` is there twice")).at(entry.key.mark));
            }
        }
        let entries = Entries {
            entries: map.iter(),
            value: None,
        };
        visitor.visit_map(entries).map_err(|error| error.at(self.0.mark))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.text() {
            Some(text) => visitor
                .visit_enum(StrDeserializer::<DecodeError>::new(text))
                .map_err(|error| error.at(self.0.mark)),
            None => Err(self.wrong("a word")),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

struct Items<'n>(std::slice::Iter<'n, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(item) = self.0.next() else { return Ok(None) };
        let value = seed.deserialize(NodeDeserializer(item));
        value.map(Some).map_err(|error| error.at(item.mark))
    }
}

struct Entries<'n> {
    entries: std::slice::Iter<'n, Entry>,
    value: Option<&'n Node>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        let key = entry.key.as_str().unwrap_or_default();
        let key = seed.deserialize(StrDeserializer::<DecodeError>::new(key));
        key.map(Some).map_err(|error| error.at(entry.key.mark))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let value = self.value.take().expect("a key comes before its value");
        seed.deserialize(NodeDeserializer(value))
            .map_err(|error| error.at(value.mark))
    }
}

/// The three parts that a [`Marked`] is made of.
struct MarkedParts<'n> {
    node: &'n Node,
    at: u8,
}

impl<'de> SeqAccess<'de> for MarkedParts<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        use serde::de::IntoDeserializer;
        self.at += 1;
        let mark = self.node.mark;
        match self.at {
            1 => seed.deserialize(mark.source.to_u32().into_deserializer()).map(Some),
            2 => seed.deserialize(mark.offset.into_deserializer()).map(Some),
            3 => seed.deserialize(NodeDeserializer(self.node)).map(Some),
            _ => Ok(None),
        }
    }
}
