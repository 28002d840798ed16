//! `SetEnvironment`: writes declared, typed inputs into declared fields.
//!
//! The inputs come from a file of the tree, so that a build stays a function of its files: a YAML mapping
//! of single values, or lines of `NAME=value`. In the text of a declared field, `${NAME}` stands for an
//! input; `$${` is a literal `${`. A bare field that is nothing but `${NAME}` takes the type of the input,
//! any other stays a text. Nothing else is substituted anywhere.

use std::sync::Arc;

use hashbrown::HashMap;
use resource::{Pattern, Resource, ResourceSet, nearest};
use yaml::{Layer, Mark, Node, Style, Tag, Text};

use super::target::Target;
use super::{invalid, spec};
use crate::accumulate::{self, Context};
use crate::config::decode::{Decoder, custom, field, structure, text};
use crate::config::{GeneratorArgs, Str};
use crate::error::{BuildError, ErrorKind, Result};
use crate::generate::{self, Data, Generated, KeyValue};
use crate::transform::fieldspec::set_scalar;

/// The function and its inputs, in the order of their declarations.
#[derive(Debug)]
pub(crate) struct SetEnvironment {
    mark: Mark,
    inputs: Vec<Input>,
    targets: Vec<Target>,
}

/// An input with its value.
#[derive(Debug)]
struct Input {
    name: Text,
    input_type: InputType,
    value: Text,
    /// Where the value stands: in the file, or as the default.
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputType {
    String,
    Integer,
    Number,
    Boolean,
}

#[derive(Debug, Default)]
struct Spec {
    file: Option<Str>,
    inputs: Vec<Declaration>,
    targets: Vec<Target>,
}

structure!(
    Spec,
    [
        text!("file", file),
        field!("inputs", inputs),
        field!("targets", targets),
    ]
);

/// One entry of `inputs`.
#[derive(Debug, Default)]
struct Declaration {
    mark: Mark,
    name: Text,
    description: Text,
    input_type: Option<Str>,
    default: Option<(Text, Mark)>,
    pattern: Option<Str>,
    one_of: Vec<Str>,
}

structure!(
    Declaration,
    marked,
    [
        field!("name", name),
        field!("description", description),
        text!("type", input_type),
        custom!("default", yaml::Node, |declaration, node, decoder| declaration
            .default =
            single(node, decoder)),
        text!("pattern", pattern),
        field!("oneOf", one_of),
    ]
);

/// A single value as it was written.
fn single(node: &Node, decoder: &mut Decoder<'_>) -> Option<(Text, Mark)> {
    match node.text() {
        Some(text) if !node.is_null() => Some((text.clone(), node.mark)),
        _ => {
            decoder.wrong_kind(node, "a single value");
            None
        }
    }
}

/// Reads the function and its file.
pub(super) fn read(cx: &Context<'_>, target: &accumulate::Target, object: &Node) -> Result<SetEnvironment> {
    let spec: Spec = spec(object)?;
    if spec.inputs.is_empty() {
        return Err(invalid(object, "SetEnvironment declares no `inputs`")
            .hint("declare each under `spec.inputs`: {name: REGION, type: string}"));
    }
    let mut given = match &spec.file {
        Some(path) => file(cx, target, path)?,
        None => Vec::new(),
    };
    let mut inputs: Vec<Input> = Vec::with_capacity(spec.inputs.len());
    for declaration in &spec.inputs {
        declaration.check()?;
        if inputs.iter().any(|input| input.name == declaration.name) {
            let message = format!("the input {} is declared twice", declaration.name);
            return Err(BuildError::new(ErrorKind::Config, declaration.mark, message));
        }
        let at = given.iter().position(|(name, ..)| *name == declaration.name);
        let value = at.map(|at| given.remove(at)).map(|(_, value, mark)| (value, mark));
        inputs.push(declaration.input(value, spec.file.as_ref())?);
    }
    if let Some((name, _, mark)) = given.first() {
        let message = format!("{name} is no input of this SetEnvironment");
        let near = nearest(name, inputs.iter().map(|input| &*input.name));
        return Err(BuildError::new(ErrorKind::Config, *mark, message)
            .related(object.mark, "which declares its inputs")
            .hint(format!("remove it, or declare it; declared are {}", near.join(", "))));
    }
    Ok(SetEnvironment {
        mark: object.mark,
        inputs,
        targets: spec.targets,
    })
}

/// The names and values of a file, each name once, with the places of the values.
fn file(cx: &Context<'_>, target: &accumulate::Target, path: &Str) -> Result<Vec<(Text, Text, Mark)>> {
    let is_yaml = [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
    let pairs = if is_yaml {
        yaml_values(&target.read_yaml(cx, path)?.config()?)?
    } else {
        let mut pairs = Vec::new();
        generate::env_file(cx, target, path, &mut pairs)?;
        let text = |pair: KeyValue| match pair.value {
            Data::Text(value) => Some((pair.key, value, pair.mark)),
            Data::Bytes(_) => None,
        };
        pairs.into_iter().filter_map(text).collect()
    };
    let mut first = HashMap::new();
    for (name, _, mark) in &pairs {
        if let Some(first) = first.insert(name.clone(), *mark) {
            let message = format!("{name} has two values");
            return Err(BuildError::new(ErrorKind::Config, *mark, message).related(first, "the first"));
        }
    }
    Ok(pairs)
}

fn yaml_values(file: &Node) -> Result<Vec<(Text, Text, Mark)>> {
    if file.is_null() {
        return Ok(Vec::new());
    }
    let Some(map) = file.as_map() else {
        return Err(invalid(
            file,
            "a file of inputs must be a mapping of names to single values",
        ));
    };
    let mut pairs = Vec::with_capacity(map.len());
    for entry in map {
        let name = entry.key.text().cloned().unwrap_or_default();
        match entry.value.text() {
            Some(value) if !entry.value.is_null() => pairs.push((name, value.clone(), entry.value.mark)),
            _ => {
                let message = format!("the input {name} must be a single value");
                return Err(BuildError::new(ErrorKind::Config, entry.key.mark, message)
                    .hint("write a text, a number, true or false"));
            }
        }
    }
    Ok(pairs)
}

impl Declaration {
    fn check(&self) -> Result<()> {
        if is_name(&self.name) {
            return Ok(());
        }
        let message = format!("\"{}\" cannot be the name of an input", self.name);
        Err(BuildError::new(ErrorKind::Config, self.mark, message)
            .hint("a name has letters, digits and _, and does not begin with a digit"))
    }

    fn input_type(&self) -> Result<InputType> {
        let Some(said) = &self.input_type else {
            return Ok(InputType::String);
        };
        match &**said {
            "string" => Ok(InputType::String),
            "integer" => Ok(InputType::Integer),
            "number" => Ok(InputType::Number),
            "boolean" => Ok(InputType::Boolean),
            other => {
                let message = format!("\"{other}\" is no type of an input");
                Err(BuildError::new(ErrorKind::Config, said.mark, message)
                    .hint("the types are string, integer, number and boolean"))
            }
        }
    }

    /// The input with the value it was given, or its default.
    fn input(&self, given: Option<(Text, Mark)>, file: Option<&Str>) -> Result<Input> {
        let Some((value, mark)) = given.or_else(|| self.default.clone()) else {
            let message = format!("the input {} has no value", self.name);
            let error = BuildError::new(ErrorKind::Config, self.mark, message);
            return Err(match file {
                Some(file) => error.related(file.mark, "the file that may give it").hint(format!(
                    "add {} to \"{}\", or give it a `default`",
                    self.name, file.text
                )),
                None => error.hint("name a file of values under `spec.file`, or give it a `default`"),
            });
        };
        let input_type = self.input_type()?;
        let refuse = |wanted: String| {
            let message = format!("the input {} is \"{value}\", but must be {wanted}", self.name);
            Err(BuildError::new(ErrorKind::Config, mark, message).related(self.mark, "declared here"))
        };
        if let Some(wanted) = input_type.refuses(&value) {
            return refuse(wanted.to_owned());
        }
        if !self.one_of.is_empty() && self.one_of.iter().all(|allowed| allowed.text != value) {
            let allowed: Vec<&str> = self.one_of.iter().map(|allowed| &**allowed).collect();
            return refuse(format!("one of {}", allowed.join(", ")));
        }
        if let Some(written) = &self.pattern {
            let pattern = Pattern::whole(written)
                .map_err(|error| BuildError::new(ErrorKind::Config, written.mark, error.to_string()))?;
            if !pattern.matches(&value) {
                return refuse(format!("like {}", written.text));
            }
        }
        Ok(Input {
            name: self.name.clone(),
            input_type,
            value,
            mark,
        })
    }
}

impl InputType {
    /// What the text would have to be, if it is not of this type.
    fn refuses(self, text: &str) -> Option<&'static str> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_integer = |text: &str| {
            let text = text.strip_prefix('-').unwrap_or(text);
            digits(text) && (text == "0" || !text.starts_with('0'))
        };
        let is_number = |text: &str| {
            let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
            let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
            is_integer(whole)
                && fraction.is_none_or(digits)
                && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
        };
        match self {
            InputType::String => None,
            InputType::Integer => (!is_integer(text)).then_some("an integer"),
            InputType::Number => (!is_number(text)).then_some("a number"),
            InputType::Boolean => (!matches!(text, "true" | "false")).then_some("true or false"),
        }
    }

    fn tag(self, text: &str) -> Tag {
        match self {
            InputType::String => Tag::Str,
            InputType::Integer => Tag::Int,
            InputType::Number if InputType::Integer.refuses(text).is_none() => Tag::Int,
            InputType::Number => Tag::Float,
            InputType::Boolean => Tag::Bool,
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    bytes.next().is_some_and(letter) && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
}

impl SetEnvironment {
    pub(super) fn apply(&self, set: &mut ResourceSet, layer: &Arc<Layer>) -> Result<()> {
        if self.targets.is_empty() {
            return Err(
                BuildError::new(ErrorKind::Config, self.mark, "SetEnvironment has no `targets`")
                    .hint("name the fields that inputs are written to under `spec.targets`"),
            );
        }
        for target in &self.targets {
            target.each_field(set, None, |root, fields| {
                fields.each(root, layer, |node| {
                    if node.is_null() {
                        return Ok(());
                    }
                    let Some(text) = node.text().cloned() else {
                        let message = format!("\"{}\" is no single value", fields.path.text);
                        return Err(BuildError::new(ErrorKind::Transform, node.mark, message)
                            .related(fields.path.mark, "named by this path")
                            .hint("name the fields inside it"));
                    };
                    self.write(node, &text, layer)
                })
            })?;
        }
        Ok(())
    }

    /// Writes the inputs that the text of a field asks for.
    fn write(&self, node: &mut Node, text: &Text, layer: &Arc<Layer>) -> Result<()> {
        let parts = parts(text).map_err(|message| {
            BuildError::new(ErrorKind::Transform, node.mark, message)
                .hint("an input is written ${NAME}; write $${ for a literal ${")
        })?;
        let mut written = String::new();
        let mut mark = None;
        for part in &parts {
            match part {
                Part::Text(text) => written.push_str(text),
                Part::Input(name) => {
                    let input = self.input(name, node)?;
                    if parts.len() == 1 && node.style == Style::Plain {
                        let tag = input.input_type.tag(&input.value);
                        return set_scalar(node, input.value.clone(), tag, input.mark, layer);
                    }
                    written.push_str(&input.value);
                    mark.get_or_insert(input.mark);
                }
            }
        }
        let mark = mark.unwrap_or(node.mark);
        set_scalar(node, written.into(), Tag::Str, mark, layer)
    }

    fn input(&self, name: &str, node: &Node) -> Result<&Input> {
        self.inputs.iter().find(|input| *input.name == *name).ok_or_else(|| {
            let near = nearest(name, self.inputs.iter().map(|input| &*input.name));
            BuildError::new(ErrorKind::Transform, node.mark, format!("${{{name}}} names no input"))
                .related(self.mark, "which declares the inputs")
                .hint(format!("declared are {}", near.join(", ")))
        })
    }

    /// A ConfigMap of the inputs, named as the function.
    pub(super) fn generate(&self, cx: &Context<'_>, object: &Node, layer: &Arc<Layer>) -> Result<Resource> {
        let meta = |name| object.get_path(["metadata", name]).and_then(Node::text).cloned();
        let args = GeneratorArgs {
            mark: self.mark,
            name: meta("name").unwrap_or_default(),
            namespace: meta("namespace").unwrap_or_default(),
            ..GeneratorArgs::default()
        };
        let pair = |input: &Input| KeyValue {
            key: input.name.clone(),
            value: Data::Text(input.value.clone()),
            mark: input.mark,
        };
        let pairs = self.inputs.iter().map(pair).collect();
        generate::object(cx, Generated::ConfigMap, &args, pairs, layer)
    }
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    Input(&'t str),
}

/// Splits a text at its inputs; the error says what is written wrongly.
fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            parts.push(Part::Text(&rest[..at - 1]));
            parts.push(Part::Text("${"));
            rest = &rest[at + 2..];
            continue;
        }
        if at > 0 {
            parts.push(Part::Text(&rest[..at]));
        }
        let inside = &rest[at + 2..];
        let Some(end) = inside.find('}') else {
            return Err(format!("\"{}\" has no end", &rest[at..]));
        };
        if !is_name(&inside[..end]) {
            return Err(format!("\"${{{}}}\" is no name of an input", &inside[..end]));
        }
        parts.push(Part::Input(&inside[..end]));
        rest = &inside[end + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_its_inputs() {
        let table: [(&str, &[Part<'_>]); 6] = [
            ("plain $(POD_NAME) $x", &[Part::Text("plain $(POD_NAME) $x")]),
            ("${A}", &[Part::Input("A")]),
            ("a-${B_2}.c", &[Part::Text("a-"), Part::Input("B_2"), Part::Text(".c")]),
            ("$${A}", &[Part::Text(""), Part::Text("${"), Part::Text("A}")]),
            ("", &[]),
            ("${A}${B}", &[Part::Input("A"), Part::Input("B")]),
        ];
        for (text, expected) in table {
            assert_eq!(parts(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["${A", "${A:-b}", "${}", "${1}"] {
            assert!(parts(text).is_err(), "{text}");
        }
    }

    #[test]
    fn types_refuse_what_they_are_not() {
        let table = [
            (InputType::Integer, "0 -1 42", "01 1.0 +1 x - 1e3"),
            (InputType::Number, "0 -1.5 1e3 2.5E-7 42", ".5 1. 01 x 1e --1 NaN"),
            (InputType::Boolean, "true false", "yes True 1"),
        ];
        for (input_type, good, bad) in table {
            assert!(
                good.split(' ').all(|text| input_type.refuses(text).is_none()),
                "{input_type:?}"
            );
            assert!(
                bad.split(' ').all(|text| input_type.refuses(text).is_some()),
                "{input_type:?}"
            );
        }
    }
}
