//! The functions of Kubernetes' environment, one library a file, and how a call finds its function.

mod format;
mod iam;
mod lists;
mod network;
mod optional;
mod quantity;
mod semver;
mod sets;
mod standard;
mod strings;
mod times;
mod url;

pub use format::Format;
pub use network::Cidr;
pub use quantity::Quantity;
pub use semver::Semver;
pub use url::Url;

pub(crate) use iam::{global_of_iam, of_iam};
pub(crate) use lists::sort_pairs;
pub(crate) use standard::{decode_base64, double_text};

use crate::eval::{Meter, Result, fail};
use crate::value::Value;

/// A function. A receiver is the first argument.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Meter, &[Value]) -> Result,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Global,
    Receiver,
}

/// Name, form, the numbers of arguments (without the receiver), code.
type Row = (&'static str, Form, &'static [usize], fn(&Meter, &[Value]) -> Result);

const LIBRARIES: [&[Row]; 11] = [
    standard::FUNCTIONS,
    strings::FUNCTIONS,
    lists::FUNCTIONS,
    sets::FUNCTIONS,
    optional::FUNCTIONS,
    times::FUNCTIONS,
    quantity::FUNCTIONS,
    url::FUNCTIONS,
    network::FUNCTIONS,
    semver::FUNCTIONS,
    format::FUNCTIONS,
];

fn rows(name: &str, form: Form) -> impl Iterator<Item = &'static Row> {
    LIBRARIES
        .into_iter()
        .flatten()
        .filter(move |row| row.0 == name && row.1 == form)
}

fn find(name: &str, form: Form, count: usize) -> Option<Function> {
    let row = rows(name, form).find(|row| row.2.contains(&count))?;
    // Several libraries have functions of one name: the first that fits the values answers.
    let is_shared = rows(name, form).filter(|row| row.2.contains(&count)).count() > 1;
    Some(Function {
        name: row.0,
        run: if is_shared { shared(row.0)? } else { row.3 },
    })
}

/// Functions of one name in several libraries, told apart by the receiver.
fn shared(name: &str) -> Option<fn(&Meter, &[Value]) -> Result> {
    Some(match name {
        "indexOf" => |meter, values| match values[0] {
            Value::List(_) => lists::index_of(meter, values),
            _ => strings::index_of(meter, values),
        },
        "lastIndexOf" => |meter, values| match values[0] {
            Value::List(_) => lists::last_index_of(meter, values),
            _ => strings::last_index_of(meter, values),
        },
        "isLessThan" => |meter, values| match values[0] {
            Value::Semver(_) => semver::is_less(meter, values),
            _ => quantity::is_less(meter, values),
        },
        "isGreaterThan" => |meter, values| match values[0] {
            Value::Semver(_) => semver::is_greater(meter, values),
            _ => quantity::is_greater(meter, values),
        },
        "compareTo" => |meter, values| match values[0] {
            Value::Semver(_) => semver::compare(meter, values),
            _ => quantity::compare(meter, values),
        },
        _ => return None,
    })
}

pub(crate) fn global(name: &str, count: usize) -> Option<Function> {
    find(name, Form::Global, count)
}

/// `count` is without the receiver.
pub(crate) fn receiver(name: &str, count: usize) -> Option<Function> {
    find(name, Form::Receiver, count)
}

pub(crate) fn is_global(name: &str) -> bool {
    rows(name, Form::Global).next().is_some()
}

pub(crate) fn is_receiver(name: &str) -> bool {
    rows(name, Form::Receiver).next().is_some()
}

fn no_overload<T>(name: &str, values: &[Value]) -> Result<T> {
    let types: Vec<&str> = values.iter().map(|value| value.type_of().name()).collect();
    fail(format!("no such overload: {name}({})", types.join(", ")))
}

/// The text of an argument.
fn text<'v>(name: &str, values: &'v [Value], at: usize) -> Result<&'v str> {
    values[at].as_str().map_or_else(|| no_overload(name, values), Ok)
}

/// The integer of an argument.
fn int(name: &str, values: &[Value], at: usize) -> Result<i64> {
    match values[at] {
        Value::Int(number) => Ok(number),
        _ => no_overload(name, values),
    }
}
