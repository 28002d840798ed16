//! Functions that are asked about the same value again and again, once for each.
//!
//! A template that compares an object with all others calls its functions on each of those for every object: with a
//! thousand Services a million times, and a thousand answers. The engine forgets what a function said when the call is
//! over. So a function of one argument that goes through something, and reads nothing but its argument, is answered by
//! an engine of its own, and what it said is kept with the value. The calls of it are spelled `remembered_NAME`, which
//! is a built-in of the engine that runs the template.
//!
//! What cannot be told from the tokens alone is left as it is.

use std::ptr;

use hashbrown::{HashMap, HashSet};
use regorus::{Engine, Value};

use super::rewrite::{Kind, Piece, pieces};

/// What a function may not name if it is to say the same tomorrow: what is no part of its argument, and what acts.
const IMPURE: [&str; 11] = [
    "input", "data", "with", "time", "rand", "uuid", "http", "net", "opa", "print", "trace",
];

/// Values that are kept at a time.
const KEPT: usize = 100_000;

/// A program with some of its functions remembered.
pub(super) struct Remembered {
    pub(super) text: String,
    pub(super) functions: Vec<String>,
}

/// Finds the functions of a module that can be remembered, and spells the calls of them.
pub(super) fn remember(text: &str) -> Remembered {
    let pieces = pieces(text);
    let functions = functions(&pieces).unwrap_or_default();
    let calls: HashSet<usize> = functions.iter().flat_map(|function| &function.calls).copied().collect();
    let words = pieces.iter().enumerate().map(|(at, piece)| match calls.contains(&at) {
        true => format!("remembered_{}", piece.text),
        false => piece.text.to_owned(),
    });
    Remembered {
        text: words.collect(),
        functions: functions.into_iter().map(|function| function.name.to_owned()).collect(),
    }
}

/// A function, and the positions of its name where it is called.
struct Function<'t> {
    name: &'t str,
    calls: Vec<usize>,
}

/// A statement at the left edge of a module: its positions, and the word it begins with.
struct Statement<'t> {
    pieces: std::ops::Range<usize>,
    name: &'t str,
}

/// None where the layout says too little.
fn statements<'t>(pieces: &[Piece<'t>]) -> Option<Vec<Statement<'t>>> {
    let mut found: Vec<Statement<'t>> = Vec::new();
    let mut depth = 0_usize;
    for (at, piece) in pieces.iter().enumerate() {
        let before = at.checked_sub(1).map_or(Kind::NewLine, |before| pieces[before].kind);
        let is_first = match before {
            Kind::NewLine => true,
            Kind::Blank => at < 2 || pieces[at - 2].kind == Kind::NewLine,
            _ => false,
        };
        match (piece.kind, piece.text) {
            (Kind::Sign, "(" | "[" | "{") => depth += 1,
            (Kind::Sign, ")" | "]" | "}") => depth = depth.checked_sub(1)?,
            (Kind::Word, name) if depth == 0 && is_first && name != "else" => {
                // A statement that is indented cannot be told from one that goes on.
                if before == Kind::Blank {
                    return None;
                }
                found.push(Statement { pieces: at..at, name });
            }
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.pieces.end = at + 1;
        }
    }
    (depth == 0).then_some(found)
}

fn functions<'t>(pieces: &[Piece<'t>]) -> Option<Vec<Function<'t>>> {
    let statements = statements(pieces)?;
    let names: HashSet<&str> = statements.iter().map(|statement| statement.name).collect();
    let words = |statement: &Statement<'t>| {
        let own = pieces[statement.pieces.clone()].iter().skip(1);
        own.filter(|piece| piece.kind == Kind::Word).map(|piece| piece.text)
    };
    let mut impure: HashSet<&str> = IMPURE.into_iter().chain(["package", "import", "default"]).collect();
    // What is imported, or has a default, is not looked into.
    for statement in &statements {
        if matches!(statement.name, "import" | "default") {
            impure.extend(words(statement));
        }
    }
    // A statement that names one that is impure is impure: until nothing is added.
    loop {
        let more: Vec<&str> = statements
            .iter()
            .filter(|statement| !impure.contains(statement.name) && words(statement).any(|word| impure.contains(word)))
            .map(|statement| statement.name)
            .collect();
        if more.is_empty() {
            break;
        }
        impure.extend(more);
    }
    let is_remembered = |name: &&str| {
        let mut own = statements
            .iter()
            .filter(|statement| *statement.name == **name)
            .peekable();
        let goes_through = own
            .clone()
            .any(|statement| words_and_signs(pieces, statement).any(|text| text == "|"));
        own.peek().is_some()
            && goes_through
            && !impure.contains(*name)
            && own.all(|statement| parameters(pieces, statement.pieces.start) == Some(1))
    };
    let mut found = Vec::new();
    let mut sorted: Vec<&str> = names.into_iter().filter(|name| is_remembered(name)).collect();
    sorted.sort_unstable();
    for name in sorted {
        let heads: HashSet<usize> = statements.iter().map(|statement| statement.pieces.start).collect();
        let places = (0..pieces.len()).filter(|at| pieces[*at].kind == Kind::Word && pieces[*at].text == name);
        let calls: Vec<usize> = places
            .filter(|at| !heads.contains(at) && pieces[at - 1].text != ".")
            .collect();
        // A result may be asked for as one argument more, and a name may be a field's.
        if calls.iter().all(|at| parameters(pieces, *at) == Some(1)) {
            found.push(Function { name, calls });
        }
    }
    Some(found)
}

fn words_and_signs<'p, 't>(
    pieces: &'p [Piece<'t>],
    statement: &Statement<'_>,
) -> impl Iterator<Item = &'t str> + use<'p, 't> {
    pieces[statement.pieces.clone()].iter().map(|piece| piece.text)
}

/// How many arguments stand in the brackets after a name.
fn parameters(pieces: &[Piece<'_>], name: usize) -> Option<usize> {
    let mut count = 1;
    let mut depth = 0_usize;
    for (at, piece) in pieces.iter().enumerate().skip(name + 1) {
        match (piece.kind, piece.text) {
            (Kind::Sign, "(" | "[" | "{") => depth += 1,
            (Kind::Sign, ")" | "]" | "}") => depth -= 1,
            (Kind::Sign, ",") if depth == 1 => count += 1,
            _ => {}
        }
        if at == name + 1 && piece.text != "(" {
            return None;
        }
        if depth == 0 {
            return Some(count);
        }
    }
    None
}

/// What the engine says of a call that fails.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unanswered(String);

/// Answers for one function.
#[derive(Clone)]
struct Memory {
    /// With the module of the function, and a rule that asks it about the input.
    engine: Engine,
    rule: String,
    /// By the address of the argument, which is held so that no other value gets it.
    known: HashMap<usize, (Value, Value)>,
}

impl Memory {
    fn ask(&mut self, argument: Value) -> Result<Value, Unanswered> {
        let address = match &argument {
            Value::Object(fields) => Some(ptr::from_ref(&**fields).addr()),
            Value::Array(items) => Some(ptr::from_ref(&**items).addr()),
            _ => None,
        };
        if let Some((_, answer)) = address.and_then(|address| self.known.get(&address)) {
            return Ok(answer.clone());
        }
        self.engine.set_input(argument.clone());
        let answer = self.engine.eval_rule(self.rule.clone());
        let answer = answer.map_err(|error| Unanswered(error.to_string()))?;
        if let Some(address) = address {
            if self.known.len() >= KEPT {
                self.known.clear();
            }
            self.known.insert(address, (argument, answer.clone()));
        }
        Ok(answer)
    }
}

/// Adds the functions of a package to an engine as built-ins; `asked` is an engine with their module, `package` its
/// path, as `data.k8suniqueserviceselector`.
///
/// # Errors
/// What the engine says.
pub(super) fn add(
    engine: &mut Engine,
    mut asked: Engine,
    package: &str,
    functions: &[String],
) -> Result<(), Box<dyn std::error::Error>> {
    let rules = functions
        .iter()
        .map(|name| format!("{name} := {package}.{name}(input)\n"));
    let module = format!("package terrace.remembered\n{}", rules.collect::<String>());
    asked.add_policy("remembered.rego".to_owned(), module)?;
    for name in functions {
        let mut memory = Memory {
            engine: asked.clone(),
            rule: format!("data.terrace.remembered.{name}"),
            known: HashMap::new(),
        };
        engine.add_extension(
            format!("remembered_{name}"),
            1,
            Box::new(move |values: Vec<Value>| {
                let argument = values.into_iter().next().unwrap_or(Value::Undefined);
                Ok(memory.ask(argument)?)
            }),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::remember;

    #[test]
    fn what_reads_its_argument_alone_is_remembered() {
        let table = [
            (
                "package p\nf(x) = y {\n  y := [z | z := x[_]]\n}\nv { f(input.a) == f(b) }\n",
                "package p\nf(x) = y {\n  y := [z | z := x[_]]\n}\nv { remembered_f(input.a) == remembered_f(b) }\n",
            ),
            (
                "package p\nimport rego.v1\nf(x) := y if {\n  y := {z | some z in g(x)}\n}\ng(x) := x.a\nv if { not f(a) }\n",
                "package p\nimport rego.v1\nf(x) := y if {\n  y := {z | some z in g(x)}\n}\ng(x) := x.a\nv if { not remembered_f(a) }\n",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(remember(text).text, expected);
        }
        let others = [
            // It goes through nothing.
            "package p\nf(x) = y {\n  y := x.a\n}\nv { f(a) }\n",
            // It reads the input, by itself or by a function that it calls; or data.
            "package p\nf(x) = y {\n  y := [z | z := input[x]]\n}\nv { f(a) }\n",
            "package p\nf(x) = y {\n  y := [z | z := g(x)]\n}\ng(x) = input.a\nv { f(a) }\n",
            "package p\nimport data.lib.g\nf(x) = y {\n  y := [z | z := g(x)]\n}\nv { f(a) }\n",
            // It has two arguments, or a result as one more.
            "package p\nf(x, w) = y {\n  y := [z | z := x[w]]\n}\nv { f(a, b) }\n",
            "package p\nf(x) = y {\n  y := [z | z := x[_]]\n}\nv { f(a, b) }\n",
            // One of its bodies reads the input.
            "package p\nf(x) = y {\n  y := [z | z := x[_]]\n}\nf(x) = y {\n  y := input.b\n}\nv { f(a) }\n",
            // Its layout says too little.
            "package p\n  f(x) = y {\n  y := [z | z := x[_]]\n}\nv { f(a) }\n",
        ];
        for text in others {
            assert_eq!(remember(text).text, text);
        }
    }
}
