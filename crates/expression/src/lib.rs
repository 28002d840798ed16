//! Kubernetes' CEL: a text to a [`Program`], a program and [`Bindings`] to a [`Value`], within a budget.
//!
//! The language is that of the CEL specification, with the macros and libraries of Kubernetes' environment
//! (`k8s.io/apiserver/pkg/cel/environment`): strings, lists, sets, regex, URL, quantity, IP and CIDR, semver,
//! format, optional values, comprehensions of two variables. The authorizer is absent: there is no cluster
//! to ask. There is no type checker: names and functions are resolved when a text is compiled, types when
//! it runs. Every step has a cost, as in `cel-go`; a program that costs more than it may ends with
//! [`Error::Exhausted`]. Nothing here sees a clock, and the same input gives the same cost.

mod ast;
mod eval;
mod format_text;
mod function;
mod lex;
mod macros;
mod parse;
mod program;
mod shape;
mod time;
mod value;

#[cfg(test)]
mod tests;

pub use eval::{Error, Meter};
pub use function::{Cidr, Format, Quantity, Semver, Url};
pub use program::{Bindings, CompileError, Environment, NoBindings, Program};
pub use shape::{Shape, ShapeKind};
pub use time::{Duration, Timestamp};
pub use value::{Key, List, ListKind, Map, Type, Value};

/// What one expression may cost (`celconfig.PerCallLimit`).
pub const CALL_LIMIT: u64 = 1_000_000;

/// What all expressions of one policy may cost for one object (`celconfig.RuntimeCELCostBudget`).
pub const POLICY_LIMIT: u64 = 10_000_000;
