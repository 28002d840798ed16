//! The methods of Google's APIs: which one a call is for, the scopes that a token needs for it, and what its body is, as
//! Google's discovery documents had it at a date.

use std::sync::OnceLock;

use crate::call::Call;

/// Made by `cargo run -p xtask -- calls DIR DATE`: a date, then lines of enumerations, messages and methods.
static PACKED: &[u8] = include_bytes!("../data/calls.deflate");
/// How names of scopes begin.
const SCOPE: &str = "https://www.googleapis.com/auth/";

/// All methods, and the types of their bodies.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    methods: Vec<Method>,
    messages: Vec<Message>,
    enumerations: Vec<Enumeration>,
}

/// A method of an API.
#[derive(Debug)]
pub(crate) struct Method {
    verb: &'static str,
    /// A star stands for any one part.
    path: Vec<&'static str>,
    /// What follows the colon of the last part.
    word: Option<&'static str>,
    /// `aiplatform.googleapis.com`.
    pub(crate) service: &'static str,
    /// As in gRPC: `google.cloud.aiplatform.v1.JobService.CreateCustomJob`.
    pub(crate) name: &'static str,
    /// One of these is needed; without any, no token is.
    pub(crate) scopes: Vec<&'static str>,
    /// The field of the request that the body is; empty where it is all of it.
    pub(crate) field: &'static str,
    /// The number of the message that the body is.
    pub(crate) message: Option<usize>,
}

/// A message of protobuf.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: &'static str,
    /// By their names in JSON, in order.
    fields: Vec<(&'static str, Kind)>,
}

#[derive(Debug)]
pub(crate) struct Enumeration {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<(&'static str, i64)>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Bool,
    Bytes,
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Text,
    Mask,
    Timestamp,
    Duration,
    Enumeration(usize),
    Message(usize),
    List(Box<Kind>),
    Map(Box<Kind>),
}

impl Methods {
    /// The table that comes with the program, unpacked when it is first asked for.
    pub(crate) fn embedded() -> &'static Methods {
        static TABLE: OnceLock<Methods> = OnceLock::new();
        TABLE.get_or_init(|| {
            // The table is part of the program, and a test reads it; its text lives as long as that.
            let bytes = miniz_oxide::inflate::decompress_to_vec(PACKED).unwrap_or_default();
            let text: &'static str = String::leak(String::from_utf8(bytes).unwrap_or_default());
            let mut methods = Methods::default();
            text.lines().for_each(|line| {
                methods.add(line);
            });
            methods
        })
    }

    fn add(&mut self, line: &'static str) -> Option<()> {
        let (sort, rest) = line.split_once(' ')?;
        let mut words = rest.split(' ');
        match sort {
            "enum" => {
                let name = words.next()?;
                let values = words.filter_map(|word| {
                    let (value, number) = word.split_once('=')?;
                    Some((value, number.parse().ok()?))
                });
                let values = values.collect();
                self.enumerations.push(Enumeration { name, values });
            }
            "message" => {
                let name = words.next()?;
                let fields = words.filter_map(|word| {
                    let (field, kind) = word.split_once(':')?;
                    Some((field, Kind::parse(kind)?))
                });
                let mut fields: Vec<_> = fields.collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                self.messages.push(Message { name, fields });
            }
            "method" => {
                let words: Vec<&str> = words.collect();
                let &[verb, path, service, name, scopes, field, message] = words.as_slice() else {
                    return None;
                };
                let (path, word) = match path.rsplit_once(':') {
                    Some((path, word)) => (path, Some(word)),
                    None => (path, None),
                };
                self.methods.push(Method {
                    verb,
                    path: path.split('/').collect(),
                    word,
                    service,
                    name,
                    scopes: scopes.split(',').filter(|scope| *scope != "-").collect(),
                    field: if matches!(field, "*" | "-") { "" } else { field },
                    message: message.parse().ok(),
                });
            }
            _ => {}
        }
        Some(())
    }

    /// The method that a call is for, if the table has it.
    pub(crate) fn of(&self, call: &Call) -> Option<&Method> {
        let mut path = call.path();
        // Vertex AI's other versions and the console's paths have the methods of v1; gsutil has uploads of its own.
        match path.as_mut_slice() {
            [version @ ("v1beta1" | "ui"), "projects", ..] => *version = "v1",
            ["resumable", "upload", ..] => {
                path.remove(0);
            }
            ["download", "storage", ..] => {
                path.remove(0);
            }
            _ => {}
        }
        let is_storage = path.iter().take(2).any(|part| *part == "storage");
        let word = call.verb.as_deref().filter(|_| !is_storage);
        self.methods.iter().find(|method| {
            method.verb == call.method.as_str()
                && method.word == word
                && method.path.len() == path.len()
                && method
                    .path
                    .iter()
                    .zip(&path)
                    .all(|(known, part)| *known == "*" || known == part)
        })
    }

    pub(crate) fn message(&self, number: usize) -> Option<&Message> {
        self.messages.get(number)
    }

    pub(crate) fn enumeration(&self, number: usize) -> Option<&Enumeration> {
        self.enumerations.get(number)
    }
}

impl Method {
    /// Whether one of some scopes opens the method.
    pub(crate) fn is_open_to(&self, scopes: &[String]) -> bool {
        let is_needed = |scope: &String| {
            scope
                .strip_prefix(SCOPE)
                .is_some_and(|name| self.scopes.contains(&name))
        };
        self.scopes.is_empty() || scopes.iter().any(is_needed)
    }

    /// The scopes in full, as a challenge names them.
    pub(crate) fn all_scopes(&self) -> String {
        let scopes: Vec<String> = self.scopes.iter().map(|name| format!("{SCOPE}{name}")).collect();
        scopes.join(" ")
    }
}

impl Message {
    /// A field by its name in JSON.
    pub(crate) fn field(&self, name: &str) -> Option<(&'static str, &Kind)> {
        let at = self.fields.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
        self.fields.get(at).map(|(name, kind)| (*name, kind))
    }
}

impl Kind {
    fn parse(text: &str) -> Option<Kind> {
        let (first, rest) = text.split_at_checked(1)?;
        Some(match first {
            "*" => Kind::Any,
            "B" => Kind::Bool,
            "b" => Kind::Bytes,
            "d" => Kind::Double,
            "f" => Kind::Float,
            "i" => Kind::Int32,
            "I" => Kind::Int64,
            "u" => Kind::Uint32,
            "U" => Kind::Uint64,
            "s" => Kind::Text,
            "M" => Kind::Mask,
            "t" => Kind::Timestamp,
            "D" => Kind::Duration,
            "e" => Kind::Enumeration(rest.parse().ok()?),
            "m" => Kind::Message(rest.parse().ok()?),
            "[" => Kind::List(Box::new(Kind::parse(rest)?)),
            "{" => Kind::Map(Box::new(Kind::parse(rest)?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let text = miniz_oxide::inflate::decompress_to_vec(PACKED).unwrap();
        let text = String::from_utf8(text).unwrap();
        let methods = Methods::embedded();
        let lines = methods.methods.len() + methods.messages.len() + methods.enumerations.len();
        assert_eq!(lines + 1, text.lines().count());
        let fields: usize = methods.messages.iter().map(|message| message.fields.len()).sum();
        let in_text = text.lines().filter(|line| line.starts_with("message "));
        assert_eq!(fields, in_text.map(|line| line.split(' ').count() - 2).sum::<usize>());
        assert!(methods.methods.len() > 170, "{}", methods.methods.len());
        let is_there = |kind: &Kind| {
            let mut kind = kind;
            while let Kind::List(inner) | Kind::Map(inner) = kind {
                kind = inner;
            }
            match kind {
                Kind::Message(number) => methods.message(*number).is_some(),
                Kind::Enumeration(number) => methods.enumeration(*number).is_some(),
                _ => true,
            }
        };
        for message in &methods.messages {
            assert!(message.fields.iter().all(|(_, kind)| is_there(kind)), "{message:?}");
        }
    }
}
