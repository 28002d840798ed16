//! The decoder: YAML nodes into structures, by the rules of Go's `encoding/json` as kustomize uses it.
//!
//! A field is found by its exact name, else by its name in any case. `null` leaves what is there. Every
//! mistake of a file is collected, so that one run reports them all: the first is the error, the others
//! are related to it.

use std::borrow::Cow;

use yaml::{Entry, Mark, Node, Source, Text};

use super::scalar::{
    Kind, Precision, boolean, boolean_text, coerced, coerced_from_json, describe, describe_as, integer, kind, written,
};
use super::shape::ShapeOf;
use super::spelling;
use super::types::{Pairs, Str};
use crate::error::{BuildError, ErrorKind, Result};

/// How a file is decoded, named for what is decoded that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Kustomization files: a field that nobody knows is an error, a number is not a string.
    Kustomization,
    /// Transformer configurations: an unknown field and a repeated key are errors, a number or boolean
    /// is welcome where a string is wanted (`UnmarshalStrict` of sigs.k8s.io/yaml).
    Configuration,
    /// Files that plugins read, such as lists of replacements: unknown fields are ignored, a number or
    /// boolean is welcome where a string is wanted (`Unmarshal` of sigs.k8s.io/yaml).
    PluginFile,
    /// Generators and transformers: the same, of an object that went through JSON before.
    Plugin,
    /// Objects of the few plugins that kyaml's own `Unmarshal` decodes: names count in their exact case
    /// only, embedded fields are no exception, and `yes` is a boolean even in quotes.
    PluginKyaml,
}

/// A value that can be decoded.
pub(crate) trait Decode: Default {
    /// Remembers where the value stands, if it wants to.
    fn place(&mut self, _mark: Mark) {}

    /// Takes the content of a node that is not null.
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>);
}

/// A structure: a mapping with known fields.
pub(crate) trait Structure: Decode + 'static {
    const FIELDS: &'static [Field<Self>];
}

/// One field of a structure.
pub(crate) struct Field<T> {
    pub name: &'static str,
    /// The field is promoted from an embedded structure of Go. There sigs.k8s.io/yaml forgets that
    /// numbers are welcome where strings are wanted.
    pub promoted: bool,
    pub shape: ShapeOf<T>,
    pub set: fn(&mut T, &Node, &mut Decoder<'_>),
}

/// A field of a structure, by its path in the Rust type.
macro_rules! field {
    ($name:literal, $($part:tt).+) => {
        $crate::config::decode::Field {
            name: $name,
            promoted: false,
            shape: $crate::config::shape::shape_of(|value| &value.$($part).+),
            set: |value, node, decoder| decoder.value(&mut value.$($part).+, node),
        }
    };
}

/// A [`field!`] that Go promotes from an embedded structure.
macro_rules! promoted {
    ($name:literal, $($part:tt).+) => {
        $crate::config::decode::Field { promoted: true, ..field!($name, $($part).+) }
    };
}

/// A [`field!`] of which the empty text is no value.
macro_rules! text {
    ($name:literal, $($part:tt).+) => {
        $crate::config::decode::Field {
            name: $name,
            promoted: false,
            shape: $crate::config::shape::shape_as::<_, yaml::Text>(),
            set: |value, node, decoder| value.$($part).+ = decoder.text_or_none(node),
        }
    };
}

/// A [`field!`] that is a mapping of texts.
macro_rules! pairs {
    ($name:literal, $($part:tt).+) => {
        $crate::config::decode::Field {
            name: $name,
            promoted: false,
            shape: $crate::config::shape::shape_as::<_, $crate::config::decode::TextMap>(),
            set: |value, node, decoder| {
                let mut map = $crate::config::decode::TextMap::default();
                decoder.value(&mut map, node);
                value.$($part).+ = map.0;
            },
        }
    };
}

/// A field that takes more than an assignment, and the type that it is decoded by way of.
macro_rules! custom {
    ($name:literal, $type:ty, $set:expr) => {
        $crate::config::decode::Field {
            name: $name,
            promoted: false,
            shape: $crate::config::shape::shape_as::<_, $type>(),
            set: $set,
        }
    };
}

/// Makes types structures. `marked` types have a field `mark`.
macro_rules! structure {
    ($type:ty, marked, $fields:expr) => {
        structure!(@ $type, |value: &mut $type, mark| value.mark = mark, $fields);
    };
    ($type:ty, $fields:expr) => {
        structure!(@ $type, |_: &mut $type, _| {}, $fields);
    };
    (@ $type:ty, $place:expr, $fields:expr) => {
        impl $crate::config::decode::Structure for $type {
            const FIELDS: &'static [$crate::config::decode::Field<$type>] = &$fields;
        }
        impl $crate::config::shape::Shaped for $type {
            fn shape() -> $crate::config::shape::Shape {
                let fields = <$type as $crate::config::decode::Structure>::FIELDS.iter();
                $crate::config::shape::Shape::Fields(fields.map(|field| (field.name, (field.shape.shape)())).collect())
            }
        }
        impl $crate::config::decode::Decode for $type {
            fn place(&mut self, mark: yaml::Mark) {
                let place: fn(&mut $type, yaml::Mark) = $place;
                place(self, mark);
            }
            fn decode(&mut self, node: &yaml::Node, decoder: &mut $crate::config::decode::Decoder<'_>) {
                decoder.structure(self, node, <$type as $crate::config::decode::Structure>::FIELDS);
            }
        }
    };
}

pub(crate) use {custom, field, pairs, promoted, structure, text};

/// The names of the fields of a structure.
pub(crate) fn field_names<T: Structure>() -> Vec<&'static str> {
    T::FIELDS.iter().map(|field| field.name).collect()
}

/// A step of the way from the root of a file to a value.
enum Step {
    Field(&'static str),
    Key(String),
    Index(usize),
}

/// What is wrong at one place.
struct Mistake {
    mark: Mark,
    message: String,
    hint: Option<String>,
}

/// Decodes one file, and collects what is wrong with it.
pub(crate) struct Decoder<'s> {
    rules: Rules,
    /// Whether numbers and booleans are welcome here where a string is wanted.
    lax: bool,
    /// What the root is called in messages.
    root: &'static str,
    /// The text, to quote from.
    source: Option<&'s Source>,
    path: Vec<Step>,
    mistakes: Vec<Mistake>,
}

/// Decodes the root of a file. `what` names the root in messages, such as `a kustomization`.
pub(crate) fn decode_root<T: Decode>(node: &Node, rules: Rules, what: &'static str) -> Result<T> {
    decode_source(node, rules, what, None)
}

/// Decodes the root of a file whose text is at hand.
pub(crate) fn decode_source<T: Decode>(
    node: &Node,
    rules: Rules,
    what: &'static str,
    source: Option<&Source>,
) -> Result<T> {
    let mut decoder = Decoder {
        source,
        ..Decoder::new(rules, what)
    };
    let mut value = T::default();
    value.place(node.mark);
    decoder.value(&mut value, node);
    decoder.finish(value)
}

impl Decoder<'_> {
    pub(crate) fn new(rules: Rules, root: &'static str) -> Self {
        let lax = rules != Rules::Kustomization;
        Decoder {
            rules,
            lax,
            root,
            source: None,
            path: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// Runs `decode` where numbers are not welcome for strings, whatever the rules say.
    pub(crate) fn without_coercion(&mut self, decode: impl FnOnce(&mut Self)) {
        let lax = std::mem::replace(&mut self.lax, false);
        decode(self);
        self.lax = lax;
    }

    /// The value, unless there were mistakes.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T> {
        self.mistakes.sort_by_key(|mistake| mistake.mark);
        let mut mistakes = self.mistakes.into_iter();
        let Some(first) = mistakes.next() else {
            return Ok(value);
        };
        let mut error = BuildError::new(ErrorKind::Config, first.mark, first.message);
        error.hint = first.hint;
        error.related.extend(mistakes.map(|mistake| match mistake.hint {
            Some(hint) => (mistake.mark, format!("{} ({hint})", mistake.message)),
            None => (mistake.mark, mistake.message),
        }));
        Err(error)
    }

    /// Decodes a node into a value. Null leaves the value as it is.
    pub(crate) fn value<T: Decode>(&mut self, value: &mut T, node: &Node) {
        if kind(node) != Kind::Null {
            value.decode(node, self);
        }
    }

    /// A text; `None` when it is empty.
    pub(crate) fn text_or_none(&mut self, node: &Node) -> Option<Str> {
        let mut text = Str::default();
        self.value(&mut text, node);
        (!text.is_empty()).then_some(text)
    }

    /// Decodes a mapping with known fields.
    pub(crate) fn structure<T>(&mut self, value: &mut T, node: &Node, fields: &'static [Field<T>]) {
        if node.as_map().is_none() {
            let word = node
                .as_str()
                .filter(|word| kind(node) == Kind::String && !word.contains('\n'));
            let main = ["path", "name"]
                .into_iter()
                .find(|main| fields.iter().any(|field| field.name == *main));
            let hint = word
                .zip(main)
                .map(|(word, main)| format!("did you mean `{main}: {word}`?"));
            return self.wrong(node, "a mapping", hint);
        }
        for (key, entry) in self.entries(node) {
            let kyaml = self.rules == Rules::PluginKyaml;
            let by_case = || {
                fields
                    .iter()
                    .find(|field| !kyaml && field.name.eq_ignore_ascii_case(&key))
            };
            match fields.iter().find(|field| field.name == key).or_else(by_case) {
                Some(field) => {
                    let lax = self.lax;
                    self.lax &= kyaml || !field.promoted;
                    self.path.push(Step::Field(field.name));
                    (field.set)(value, &entry.value, self);
                    self.path.pop();
                    self.lax = lax;
                }
                None if !matches!(self.rules, Rules::Kustomization | Rules::Configuration) => {}
                None => self.unknown_field(&key, entry.key.mark, fields.iter().map(|field| field.name)),
            }
        }
    }

    fn unknown_field(&mut self, key: &str, mark: Mark, known: impl Iterator<Item = &'static str>) {
        let hint = spelling::hint_for_field(key, known);
        let message = match self.path_text() {
            Some(path) => format!("unknown field `{key}` in `{path}`"),
            None => format!("unknown field `{key}`"),
        };
        self.mistakes.push(Mistake { mark, message, hint });
    }

    /// The entries of a mapping in the order of their keys, each key once: the last wins.
    fn entries<'n>(&mut self, node: &'n Node) -> Vec<(String, &'n Entry)> {
        let Some(map) = node.as_map() else {
            self.wrong_kind(node, "a mapping");
            return Vec::new();
        };
        let mut entries: Vec<(String, &Entry)> = Vec::with_capacity(map.len());
        for entry in map {
            match coerced(&entry.key) {
                Some(key) => entries.push((key.into_owned(), entry)),
                None => {
                    let found = describe(&entry.key);
                    self.mistake(entry.key.mark, format!("{found} cannot be a key"), None);
                }
            }
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        if self.rules == Rules::Configuration {
            for pair in entries.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                self.mistake(
                    pair[1].1.key.mark,
                    format!("the key `{}` is there twice", pair[1].0),
                    None,
                );
            }
        }
        entries.reverse();
        entries.dedup_by(|right, left| right.0 == left.0);
        entries.reverse();
        entries
    }

    /// The place of the current value in the file, unless it is the root.
    fn path_text(&self) -> Option<String> {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Field(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) => text.push_str(&format!(".{name}")),
                Step::Key(key) => text.push_str(&format!(".{key}")),
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// Notes what is wrong at a place.
    pub(crate) fn mistake(&mut self, mark: Mark, message: String, hint: Option<String>) {
        self.mistakes.push(Mistake { mark, message, hint });
    }

    /// Notes that a node is not what it must be.
    pub(crate) fn wrong_kind(&mut self, node: &Node, wanted: &str) {
        let word = written(node, self.source);
        let hint = match (kind(node), wanted) {
            (Kind::Bool | Kind::Number, "a text") => Some(format!("put it in quotes: \"{word}\"")),
            (Kind::String, "a boolean") if matches!(word, "true" | "false") => Some(format!("without quotes: {word}")),
            (Kind::String, "a boolean") => Some("write true or false".to_owned()),
            (Kind::String, "a whole number") if word.parse::<i64>().is_ok() => Some(format!("without quotes: {word}")),
            (Kind::Bool | Kind::Number | Kind::String | Kind::Mapping, "a list") => {
                Some("begin each entry of the list with `- `".to_owned())
            }
            _ => None,
        };
        self.wrong(node, wanted, hint);
    }

    fn wrong(&mut self, node: &Node, wanted: &str, hint: Option<String>) {
        let path = match self.path_text() {
            Some(path) => format!("`{path}`"),
            None => self.root.to_owned(),
        };
        let found = describe_as(node, written(node, self.source));
        self.mistake(node.mark, format!("{path} is {found}, but must be {wanted}"), hint);
    }

    /// A scalar as a text.
    fn scalar(&mut self, node: &Node) -> Option<Text> {
        match kind(node) {
            Kind::String => node.text().cloned(),
            Kind::Bool | Kind::Number if self.lax => {
                let text = match self.rules {
                    Rules::Plugin => coerced_from_json(node, Precision::Single),
                    Rules::PluginKyaml => coerced_from_json(node, Precision::Double),
                    _ => coerced(node),
                };
                text.map(|text| Text::from(text.into_owned()))
            }
            _ => {
                self.wrong_kind(node, "a text");
                None
            }
        }
    }
}

impl Decode for Text {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        if let Some(text) = decoder.scalar(node) {
            *self = text;
        }
    }
}

impl Decode for Str {
    fn place(&mut self, mark: Mark) {
        self.mark = mark;
    }

    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        if let Some(text) = decoder.scalar(node) {
            *self = Str {
                text,
                mark: node.mark,
                style: node.style,
            };
        }
    }
}

impl Decode for bool {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        let kyaml = decoder.rules == Rules::PluginKyaml;
        match boolean(node).or_else(|| kyaml.then(|| boolean_text(node)).flatten()) {
            Some(value) => *self = value,
            None => decoder.wrong_kind(node, "a boolean"),
        }
    }
}

impl Decode for i64 {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        match integer(node) {
            Some(value) => *self = value,
            None => decoder.wrong_kind(node, "a whole number"),
        }
    }
}

/// A pointer of Go: there as soon as it is not null.
impl<T: Decode> Decode for Option<T> {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        let mut value = T::default();
        value.place(node.mark);
        value.decode(node, decoder);
        *self = Some(value);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        self.clear();
        let Some(items) = node.as_seq() else {
            decoder.wrong_kind(node, "a list");
            return;
        };
        self.reserve_exact(items.len());
        for (index, item) in items.iter().enumerate() {
            let mut value = T::default();
            value.place(item.mark);
            decoder.path.push(Step::Index(index));
            decoder.value(&mut value, item);
            decoder.path.pop();
            self.push(value);
        }
    }
}

impl<T: Decode + Clone> Decode for Cow<'static, [T]> {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        self.to_mut().decode(node, decoder);
    }
}

/// A mapping of texts.
#[derive(Default)]
pub(crate) struct TextMap(pub(crate) Pairs);

impl Decode for TextMap {
    fn decode(&mut self, node: &Node, decoder: &mut Decoder<'_>) {
        self.0.clear();
        for (key, entry) in decoder.entries(node) {
            let key = Str {
                text: Text::from(key),
                mark: entry.key.mark,
                style: entry.key.style,
            };
            let mut value = Str::default();
            value.place(entry.value.mark);
            decoder.path.push(Step::Key(key.to_string()));
            decoder.value(&mut value, &entry.value);
            decoder.path.pop();
            self.0.push((key, value));
        }
    }
}
