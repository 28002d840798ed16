//! Rules in CEL of a definition (`x-kubernetes-validations`), evaluated as the API server does.
//!
//! A rule about a change (`oldSelf`) has nothing to compare with here, and is skipped by name. So is one that
//! uses what is not known: it may be good on a cluster.

use expression::{Environment, Meter, POLICY_LIMIT, Program, Shape, ShapeKind, Value};
use yaml::Node;

use crate::types::{CelRule, Format, Json, Others, TypeId, Types};

/// What a rule says of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    /// Broken: the message of its author, and the field below the value that it names.
    Broken(String, String),
    /// Not evaluated, and why.
    Skipped(String),
}

/// The type of a value as CEL sees it. A schema of a definition is a tree, so this is one too.
pub(crate) struct Shaped {
    kind: ShapeKind,
    fields: Vec<(String, Shaped)>,
    others: Option<Box<Shaped>>,
    items: Option<Box<Shaped>>,
}

/// Types below one: more is a schema that refers to itself, which only files may.
const MAX_DEPTH: u32 = 64;

impl Shaped {
    pub(crate) fn new(types: &Types, id: TypeId, depth: u32) -> Shaped {
        let of = types.get(id);
        let below = |id: TypeId| Shaped::new(types, id, depth + 1);
        let is_too_deep = depth >= MAX_DEPTH;
        Shaped {
            kind: match (of.json, of.format) {
                (Json::NUMBER, _) => ShapeKind::Number,
                (Json::STRING, Format::DateTime) => ShapeKind::DateTime,
                (Json::STRING, Format::Date) => ShapeKind::Date,
                (Json::STRING, Format::Duration) => ShapeKind::Duration,
                (Json::STRING, Format::Byte) => ShapeKind::Bytes,
                (Json::OBJECT, _) => ShapeKind::Object,
                (Json::ARRAY, _) if of.unique && !of.keys.is_empty() => ShapeKind::List(expression::ListKind::Map(
                    of.keys.iter().map(|key| key.as_str().into()).collect(),
                )),
                (Json::ARRAY, _) if of.unique => ShapeKind::List(expression::ListKind::Set),
                (Json::ARRAY, _) => ShapeKind::List(expression::ListKind::Atomic),
                _ => ShapeKind::Plain,
            },
            fields: match is_too_deep {
                true => Vec::new(),
                false => of
                    .fields
                    .iter()
                    .map(|field| (field.name.to_string(), below(field.type_id)))
                    .collect(),
            },
            others: match of.others {
                Others::Type(id) if !is_too_deep => Some(Box::new(below(id))),
                _ => None,
            },
            items: of.items.filter(|_| !is_too_deep).map(|id| Box::new(below(id))),
        }
    }

    fn declared(&self, name: &str) -> Option<&Shaped> {
        let at = self
            .fields
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
            .ok()?;
        Some(&self.fields[at].1)
    }
}

impl Shape for Shaped {
    fn kind(&self) -> ShapeKind {
        self.kind.clone()
    }

    fn field(&self, name: &str) -> Option<&dyn Shape> {
        let found = self.declared(name).or(self.others.as_deref());
        found.map(|shaped| shaped as &dyn Shape)
    }

    fn declares(&self, name: &str) -> bool {
        self.declared(name).is_some()
    }

    fn items(&self) -> Option<&dyn Shape> {
        self.items.as_deref().map(|shaped| shaped as &dyn Shape)
    }
}

/// What each rule of a type says of a value.
pub(crate) fn evaluate<'t>(types: &'t Types, id: TypeId, node: &Node) -> Vec<(&'t CelRule, Verdict)> {
    let shaped = Shaped::new(types, id, 0);
    let value = Value::from_shaped(node, &shaped);
    let meter = Meter::new(POLICY_LIMIT);
    let rules = types.get(id).rules.iter();
    rules.map(|rule| (rule, verdict(rule, &value, &meter))).collect()
}

fn verdict(rule: &CelRule, value: &Value, meter: &Meter) -> Verdict {
    let names: &[&str] = if rule.optional_old_self {
        &["self", "oldSelf"]
    } else {
        &["self"]
    };
    let environment = Environment::new(names.iter().copied());
    let program = match Program::compile(&rule.rule, &environment) {
        Ok(program) => program,
        Err(error) => {
            let is_about_a_change = Program::compile(&rule.rule, &Environment::new(["self", "oldSelf"])).is_ok();
            return Verdict::Skipped(match is_about_a_change {
                true => "it is about a change, and there is no object before this one".to_owned(),
                false => error.to_string(),
            });
        }
    };
    let bindings = [("self", value.clone()), ("oldSelf", Value::optional(None))];
    let below = rule.field_path.clone().unwrap_or_default();
    match program.eval(&bindings, meter) {
        Ok(result) if result.as_bool() == Some(true) => Verdict::Holds,
        Ok(result) if result.as_bool() == Some(false) => {
            let made = rule.message_expression.as_ref().and_then(|text| {
                let message = Program::compile(text, &environment).ok()?.eval(&bindings, meter).ok()?;
                message
                    .as_str()
                    .map(str::trim)
                    .filter(|text| !text.is_empty() && !text.contains('\n'))
                    .map(str::to_owned)
            });
            let message = made.or_else(|| rule.message.clone());
            Verdict::Broken(
                message.unwrap_or_else(|| format!("`{}` does not hold", rule.rule)),
                below,
            )
        }
        Ok(result) => Verdict::Skipped(format!("it is {} and not true or false", result.type_of().name())),
        Err(error) => Verdict::Broken(format!("`{}` has no value here: {error}", rule.rule), below),
    }
}
