//! Objects with a field that matches (kyaml's `GrepFilter`).

use std::cmp::Ordering;

use regex::Regex;
use yaml::{Layout, LayoutKind};

use crate::error::{Error, Result};
use crate::matcher::{compile, find, split, text};
use crate::quantity;

/// A path, and what stands there.
#[derive(Clone, Debug)]
pub struct Query {
    path: Vec<String>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Pattern(String),
    /// An amount, and how a value may compare with it.
    Amount(String, &'static [Ordering]),
}

const COMPARISONS: [(&str, &[Ordering]); 4] = [
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<=", &[Ordering::Less, Ordering::Equal]),
    (">", &[Ordering::Greater]),
    ("<", &[Ordering::Less]),
];

impl Query {
    /// Reads `path.to.field=value`, with `>=`, `<=`, `>` or `<` for amounts.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub fn parse(query: &str) -> Result<Query> {
        let mut path = split(query)?;
        let last = path.pop().unwrap_or_default();
        let comparison = COMPARISONS.iter().find(|(sign, _)| last.contains(sign));
        let parts: Vec<&str> = last.split(comparison.map_or("=", |(sign, _)| sign)).collect();
        if parts.len() > 2 {
            return Err(Error::new(format!(
                "ambiguous match -- multiple of ['<', '>', '<=', '>=', '=' in final path element: {last}"
            )));
        }
        let value = parts.get(1).copied().unwrap_or_default();
        path.push(parts[0].to_owned());
        let test = match comparison {
            Some((_, wanted)) => Test::Amount(value.to_owned(), wanted),
            None => Test::Pattern(value.to_owned()),
        };
        Ok(Query { path, test })
    }

    /// The objects that match, or those that do not.
    ///
    /// # Errors
    /// If the pattern is none, the path leads through what is neither a mapping nor a list, or an amount is none.
    pub fn select(&self, objects: Vec<Layout>, invert: bool) -> Result<Vec<Layout>> {
        let pattern = match &self.test {
            Test::Pattern(pattern) => Some(compile(pattern)?),
            Test::Amount(..) => None,
        };
        let mut selected = Vec::new();
        for object in objects {
            if self.matches(&object, pattern.as_ref())? != invert {
                selected.push(object);
            }
        }
        Ok(selected)
    }

    fn matches(&self, object: &Layout, pattern: Option<&Regex>) -> Result<bool> {
        let mut matches = false;
        for found in find(object, &self.path)?.unwrap_or_default() {
            matches |= match &self.test {
                Test::Pattern(_) => {
                    let value = text(&found.node, true).replace('"', "");
                    pattern.is_some_and(|pattern| pattern.is_match(value.trim()))
                }
                Test::Amount(amount, wanted) => {
                    let value = &found.node.value;
                    found.node.kind == LayoutKind::Scalar
                        && !value.is_empty()
                        && wanted.contains(&quantity::compare(value, amount)?)
                }
            };
        }
        Ok(matches)
    }
}
