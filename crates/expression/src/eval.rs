//! A tree to a value, step by step on a meter.

use std::cell::Cell;
use std::sync::Arc;

use crate::ast::{Access, Expr, Kind, Loop, LoopKind, Operator};
use crate::program::Bindings;
use crate::time::{Duration, Timestamp};
use crate::value::{Key, List, Map, Value};

/// An expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What went wrong, in the words of `cel-go`.
    #[error("{0}")]
    Failed(String),
    /// It cost more than it may.
    #[error("it costs more than it may: the evaluation was stopped")]
    Exhausted,
}

pub(crate) type Result<T = Value> = std::result::Result<T, Error>;

/// Characters of a message that quotes a value; values may be of any length.
const MESSAGE: usize = 300;

pub(crate) fn fail<T>(message: impl Into<String>) -> Result<T> {
    let mut message = message.into();
    if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    Err(Error::Failed(message))
}

/// What is left to spend. Costs are those of `cel-go`: one for a name, a field or a call, a tenth for a
/// character that is read.
#[derive(Debug)]
pub struct Meter {
    left: Cell<u64>,
}

impl Meter {
    pub fn new(limit: u64) -> Meter {
        Meter { left: Cell::new(limit) }
    }

    /// What is left.
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// Takes a cost.
    ///
    /// # Errors
    /// [`Error::Exhausted`] where it is more than what is left.
    pub fn spend(&self, cost: u64) -> std::result::Result<(), Error> {
        match self.left.get().checked_sub(cost) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(Error::Exhausted)
            }
        }
    }

    /// Takes the cost of reading a text or a list of this length.
    pub(crate) fn read(&self, length: usize) -> Result<()> {
        self.spend(1 + length as u64 / 10)
    }
}

pub(crate) struct Evaluator<'b> {
    bindings: &'b dyn Bindings,
    meter: &'b Meter,
    locals: Vec<(&'b str, Value)>,
}

impl<'b> Evaluator<'b> {
    pub(crate) fn new(bindings: &'b dyn Bindings, meter: &'b Meter) -> Evaluator<'b> {
        Evaluator {
            bindings,
            meter,
            locals: Vec::new(),
        }
    }

    pub(crate) fn eval(&mut self, expr: &'b Expr) -> Result {
        match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Ident(name) => self.name(name),
            Kind::Select { operand, field, access } => self.select(operand, field, *access),
            Kind::Index {
                operand,
                index,
                is_optional,
            } => {
                let operand = self.eval(operand)?;
                let index = self.eval(index)?;
                self.meter.spend(1)?;
                match operand {
                    Value::Optional(None) => Ok(Value::Optional(None)),
                    Value::Optional(Some(inner)) => Ok(Value::optional(lookup(&inner, &index)?)),
                    operand if *is_optional => Ok(Value::optional(lookup(&operand, &index)?)),
                    operand => lookup(&operand, &index)?.map_or_else(|| fail(missing(&operand, &index)), Ok),
                }
            }
            Kind::Apply { function, arguments } => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.eval(argument)?);
                }
                self.meter.spend(1)?;
                (function.run)(self.meter, &values)
            }
            Kind::List(items) => {
                self.meter.spend(10)?;
                let mut values = Vec::with_capacity(items.len());
                for (item, is_optional) in items {
                    match self.eval(item)? {
                        Value::Optional(inner) if *is_optional => {
                            values.extend(inner.as_deref().cloned());
                        }
                        _ if *is_optional => {
                            return fail("cannot initialize optional list element from non-optional value");
                        }
                        value => values.push(value),
                    }
                }
                Ok(Value::list(values))
            }
            Kind::Map(entries) => self.map(entries),
            Kind::And(terms) => self.junction(terms, false),
            Kind::Or(terms) => self.junction(terms, true),
            Kind::Not(operand) => match self.eval(operand)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                _ => fail("no such overload: !"),
            },
            Kind::Negate(operand) => match self.eval(operand)? {
                Value::Int(value) => value
                    .checked_neg()
                    .map_or_else(|| fail("integer overflow"), |value| Ok(Value::Int(value))),
                Value::Double(value) => Ok(Value::Double(-value)),
                Value::Duration(value) => duration(-i128::from(value.0)),
                _ => fail("no such overload: -"),
            },
            Kind::Binary(operator, sides) => {
                let left = self.eval(&sides.0)?;
                let right = self.eval(&sides.1)?;
                self.binary(*operator, &left, &right)
            }
            Kind::Condition(parts) => match self.eval(&parts.0)? {
                Value::Bool(true) => self.eval(&parts.1),
                Value::Bool(false) => self.eval(&parts.2),
                _ => fail("no such overload: the condition is no bool"),
            },
            Kind::Loop(parts) => self.each(parts),
            Kind::OptMap {
                operand,
                variable,
                body,
                is_flat,
            } => match self.eval(operand)? {
                Value::Optional(None) => Ok(Value::Optional(None)),
                Value::Optional(Some(inner)) => {
                    self.locals.push((variable, (*inner).clone()));
                    let value = self.eval(body);
                    self.locals.pop();
                    Ok(if *is_flat {
                        value?
                    } else {
                        Value::optional(Some(value?))
                    })
                }
                _ => fail("no such overload: optMap"),
            },
            Kind::Call { name, .. } => fail(format!("'{name}' was not resolved")),
            Kind::Struct(name, _) => fail(format!("there is no type '{name}' to make")),
        }
    }

    fn name(&self, name: &str) -> Result {
        self.meter.spend(1)?;
        let local = self.locals.iter().rev().find(|(local, _)| *local == name);
        match local {
            Some((_, value)) => Ok(value.clone()),
            None => match self.bindings.get(name) {
                Some(value) => Ok(value),
                None => fail(format!("no such attribute: {name}")),
            },
        }
    }

    fn select(&mut self, operand: &'b Expr, field: &str, access: Access) -> Result {
        if let Kind::Ident(name) = &operand.kind
            && !self.locals.iter().any(|(local, _)| local == name)
            && let Some(value) = self.bindings.field(name, field, self.meter)
        {
            self.meter.spend(1)?;
            return match access {
                Access::Plain => value,
                Access::Test => Ok(Value::Bool(true)),
                Access::Optional => Ok(Value::optional(Some(value?))),
            };
        }
        let operand = self.eval(operand)?;
        let (inner, was_optional) = match &operand {
            Value::Optional(None) => {
                return Ok(match access {
                    Access::Test => Value::Bool(false),
                    _ => Value::Optional(None),
                });
            }
            Value::Optional(Some(inner)) => (&**inner, true),
            operand => (operand, false),
        };
        if access != Access::Test {
            self.meter.spend(1)?;
        }
        let Value::Map(map) = inner else {
            return fail(format!(
                "no such overload: field '{field}' of {}",
                inner.type_of().name()
            ));
        };
        let found = map.field(field);
        match access {
            Access::Test => Ok(Value::Bool(found.is_some())),
            Access::Optional => Ok(Value::optional(found.cloned())),
            Access::Plain if was_optional => Ok(Value::optional(found.cloned())),
            Access::Plain => found.cloned().map_or_else(|| fail(format!("no such key: {field}")), Ok),
        }
    }

    fn map(&mut self, entries: &'b [(Expr, Expr, bool)]) -> Result {
        self.meter.spend(30)?;
        let mut found: Vec<(Key, Value)> = Vec::with_capacity(entries.len());
        for (key, value, is_optional) in entries {
            let key = self.eval(key)?;
            let key = match key {
                Value::Double(_) => None,
                ref key => Key::of(key),
            };
            let Some(key) = key else {
                return fail("unsupported key type");
            };
            let value = match self.eval(value)? {
                Value::Optional(inner) if *is_optional => match inner {
                    Some(inner) => (*inner).clone(),
                    None => continue,
                },
                _ if *is_optional => return fail("cannot initialize optional entry from non-optional value"),
                value => value,
            };
            found.push((key, value));
        }
        distinct(found)
    }

    /// `&&` and `||`: what decides wins over errors, wherever it stands.
    fn junction(&mut self, terms: &'b [Expr], deciding: bool) -> Result {
        let mut error = None;
        for term in terms {
            match self.eval(term) {
                Ok(Value::Bool(value)) if value == deciding => return Ok(Value::Bool(deciding)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or(Some(Error::Failed("no such overload: a term is no bool".to_owned()))),
                Err(Error::Exhausted) => return Err(Error::Exhausted),
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        error.map_or(Ok(Value::Bool(!deciding)), Err)
    }

    fn binary(&self, operator: Operator, left: &Value, right: &Value) -> Result {
        let no_overload = || {
            fail(format!(
                "no such overload: {} {operator:?} {}",
                left.type_of().name(),
                right.type_of().name()
            ))
        };
        self.meter.spend(1)?;
        match operator {
            Operator::Equal => {
                self.meter.read(size_of(left).min(size_of(right)))?;
                Ok(Value::Bool(left.equals(right)))
            }
            Operator::NotEqual => {
                self.meter.read(size_of(left).min(size_of(right)))?;
                Ok(Value::Bool(!left.equals(right)))
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let is_nan = |value: &Value| matches!(value, Value::Double(number) if number.is_nan());
                if is_nan(left) || is_nan(right) {
                    return Ok(Value::Bool(false));
                }
                let Some(order) = left.order(right) else {
                    return no_overload();
                };
                Ok(Value::Bool(match operator {
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    _ => order.is_ge(),
                }))
            }
            Operator::In => match right {
                Value::List(list) => {
                    self.meter.spend(list.items.len() as u64)?;
                    Ok(Value::Bool(list.items.iter().any(|item| item.equals(left))))
                }
                Value::Map(map) => Ok(Value::Bool(Key::of(left).is_some_and(|key| map.get(&key).is_some()))),
                _ => no_overload(),
            },
            _ => {
                self.meter.read(match operator {
                    Operator::Add => size_of(left).saturating_add(size_of(right)),
                    _ => 0,
                })?;
                arithmetic(operator, left, right)?.map_or_else(no_overload, Ok)
            }
        }
    }

    fn each(&mut self, parts: &'b Loop) -> Result {
        let range = self.eval(&parts.range)?;
        let pairs: Vec<(Value, Value)> = match &range {
            Value::List(list) => {
                let items = list.items.iter().zip(0_i64..);
                items.map(|(item, at)| (Value::Int(at), item.clone())).collect()
            }
            Value::Map(map) => map.iter().map(|(key, value)| (key.value(), value.clone())).collect(),
            _ => return fail("no such overload: the range of a macro is no list or map"),
        };
        let is_map = matches!(range, Value::Map(_));
        let depth = self.locals.len();
        let result = self.run_loop(parts, pairs, is_map);
        self.locals.truncate(depth);
        result
    }

    fn run_loop(&mut self, parts: &'b Loop, pairs: Vec<(Value, Value)>, is_map: bool) -> Result {
        let depth = self.locals.len();
        let mut error = None;
        let mut matches = 0;
        let mut items = Vec::new();
        let mut entries = Vec::new();
        let mut sortable = Vec::new();
        for (key, value) in pairs {
            self.meter.spend(1)?;
            self.locals.truncate(depth);
            // With one variable it is the element of a list, or the key of a map.
            let single = if is_map { &key } else { &value };
            match &parts.second {
                None => self.locals.push((&parts.first, single.clone())),
                Some(second) => {
                    self.locals.push((&parts.first, key.clone()));
                    self.locals.push((second, value.clone()));
                }
            }
            if let Some(filter) = &parts.filter
                && !self.truth(filter)?
            {
                continue;
            }
            match parts.kind {
                LoopKind::All | LoopKind::Exists => {
                    let deciding = parts.kind == LoopKind::Exists;
                    match self.truth(&parts.body) {
                        Ok(value) if value == deciding => return Ok(Value::Bool(deciding)),
                        Ok(_) => {}
                        Err(Error::Exhausted) => return Err(Error::Exhausted),
                        Err(failed) => error = error.or(Some(failed)),
                    }
                }
                LoopKind::ExistsOne => matches += i64::from(self.truth(&parts.body)?),
                LoopKind::Filter => {
                    if self.truth(&parts.body)? {
                        items.push(single.clone());
                    }
                }
                LoopKind::Map => items.push(self.eval(&parts.body)?),
                LoopKind::SortBy => sortable.push((self.eval(&parts.body)?, single.clone())),
                LoopKind::TransformMap => {
                    let value = self.eval(&parts.body)?;
                    entries.push((
                        Key::of(&key).ok_or(Error::Failed("unsupported key type".to_owned()))?,
                        value,
                    ));
                }
                LoopKind::TransformMapEntry => match self.eval(&parts.body)? {
                    Value::Map(map) => entries.extend(map.iter().cloned()),
                    _ => return fail("transformMapEntry() must give a map"),
                },
            }
        }
        match parts.kind {
            LoopKind::All | LoopKind::Exists => error.map_or(Ok(Value::Bool(parts.kind == LoopKind::All)), Err),
            LoopKind::ExistsOne => Ok(Value::Bool(matches == 1)),
            LoopKind::Filter | LoopKind::Map => Ok(Value::list(items)),
            LoopKind::SortBy => {
                crate::function::sort_pairs(&mut sortable)?;
                Ok(Value::list(
                    sortable.into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
                ))
            }
            LoopKind::TransformMap | LoopKind::TransformMapEntry => distinct(entries),
        }
    }

    fn truth(&mut self, expr: &'b Expr) -> Result<bool> {
        match self.eval(expr)? {
            Value::Bool(value) => Ok(value),
            _ => fail("no such overload: the body of a macro is no bool"),
        }
    }
}

fn distinct(entries: Vec<(Key, Value)>) -> Result {
    let mut seen = hashbrown::HashSet::with_capacity(entries.len());
    if !entries.iter().all(|(key, _)| seen.insert(key)) {
        return fail("Failed with repeated key");
    }
    drop(seen);
    Ok(Value::Map(Arc::new(Map::new(entries))))
}

fn lookup(operand: &Value, index: &Value) -> Result<Option<Value>> {
    match (operand, index) {
        (Value::List(list), index) => {
            let position = match index {
                Value::Int(_) | Value::Uint(_) | Value::Double(_) => Key::of(index),
                _ => return fail("no such overload: the index of a list is no number"),
            };
            match position {
                Some(Key::Int(at)) => Ok(usize::try_from(at).ok().and_then(|at| list.items.get(at).cloned())),
                _ => fail("invalid argument: the index of a list is no integer"),
            }
        }
        (Value::Map(map), index) => match Key::of(index) {
            Some(key) => Ok(map.get(&key).cloned()),
            None if matches!(index, Value::Double(_)) => Ok(None),
            None => fail("unsupported key type"),
        },
        _ => fail(format!("no such overload: index of {}", operand.type_of().name())),
    }
}

fn missing(operand: &Value, index: &Value) -> String {
    let shown = match Key::of(index) {
        Some(Key::String(text)) => text.as_str().to_owned(),
        Some(Key::Int(number)) => number.to_string(),
        Some(Key::Uint(number)) => number.to_string(),
        Some(Key::Bool(value)) => value.to_string(),
        None => "?".to_owned(),
    };
    match operand {
        Value::List(_) => format!("index out of bounds: {shown}"),
        _ => format!("no such key: {shown}"),
    }
}

/// What it costs to read or compare a value.
fn size_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.items.len().saturating_mul(10),
        Value::Map(map) => map.len().saturating_mul(10),
        _ => 1,
    }
}

fn duration(nanoseconds: i128) -> Result {
    Duration::new(nanoseconds).map_or_else(
        || fail("integer overflow: duration"),
        |value| Ok(Value::Duration(value)),
    )
}

fn timestamp(nanoseconds: i128) -> Result {
    Timestamp::new(nanoseconds).map_or_else(
        || fail("integer overflow: timestamp out of range"),
        |value| Ok(Value::Timestamp(value)),
    )
}

/// `None` where there is no such operation.
fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Option<Value>> {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    // The same for both kinds of whole numbers.
    macro_rules! whole {
        ($a:expr, $b:expr, $overflow:literal) => {{
            let result = match operator {
                Divide if *$b == 0 => return fail("divide by zero"),
                Modulo if *$b == 0 => return fail("modulus by zero"),
                Add => $a.checked_add(*$b),
                Subtract => $a.checked_sub(*$b),
                Multiply => $a.checked_mul(*$b),
                Divide => $a.checked_div(*$b),
                _ => $a.checked_rem(*$b),
            };
            match result {
                Some(value) => value,
                None => return fail($overflow),
            }
        }};
    }
    let value = match (operator, left, right) {
        (_, Value::Int(a), Value::Int(b)) => Value::Int(whole!(a, b, "integer overflow")),
        (_, Value::Uint(a), Value::Uint(b)) => Value::Uint(whole!(a, b, "unsigned integer overflow")),
        (Add, Value::Double(a), Value::Double(b)) => Value::Double(a + b),
        (Subtract, Value::Double(a), Value::Double(b)) => Value::Double(a - b),
        (Multiply, Value::Double(a), Value::Double(b)) => Value::Double(a * b),
        (Divide, Value::Double(a), Value::Double(b)) => Value::Double(a / b),
        (Add, Value::String(a), Value::String(b)) => Value::from(format!("{}{}", a.as_str(), b.as_str())),
        (Add, Value::Bytes(a), Value::Bytes(b)) => Value::Bytes([&**a, &**b].concat().into()),
        (Add, Value::List(a), Value::List(b)) => Value::List(List::join(a, b)),
        (Add, Value::Duration(a), Value::Duration(b)) => return duration(i128::from(a.0) + i128::from(b.0)).map(Some),
        (Subtract, Value::Duration(a), Value::Duration(b)) => {
            return duration(i128::from(a.0) - i128::from(b.0)).map(Some);
        }
        (Add, Value::Timestamp(a), Value::Duration(b)) | (Add, Value::Duration(b), Value::Timestamp(a)) => {
            return timestamp(a.0 + i128::from(b.0)).map(Some);
        }
        (Subtract, Value::Timestamp(a), Value::Duration(b)) => return timestamp(a.0 - i128::from(b.0)).map(Some),
        (Subtract, Value::Timestamp(a), Value::Timestamp(b)) => return duration(a.0 - b.0).map(Some),
        _ => return Ok(None),
    };
    Ok(Some(value))
}
