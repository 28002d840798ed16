//! The conformance files of the CEL specification (`tests/simple/testdata`), as far as Kubernetes'
//! environment covers them. They are read from `../shared/conformance/cel-spec`, or from the folder that
//! `TERRACE_CEL_SPEC` names; without them nothing is run.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "it reads the files of the specification")]
#![expect(clippy::print_stderr, reason = "it says how many agree")]

use std::path::PathBuf;

use expression::{Environment, Error, Key, Map, Meter, Program, Value};

/// A message of the text format: its fields in order.
#[derive(Clone, Debug)]
enum Proto {
    Message(Vec<(String, Proto)>),
    Scalar(String, Vec<u8>),
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'#' => {
                    while self.text.get(self.at).is_some_and(|byte| *byte != b'\n') {
                        self.at += 1;
                    }
                }
                b' ' | b'\n' | b'\t' | b'\r' | b',' | b';' => self.at += 1,
                _ => return,
            }
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self
            .text
            .get(self.at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.-+/".contains(byte))
        {
            self.at += 1;
        }
        String::from_utf8(self.text[start..self.at].to_vec()).unwrap()
    }

    fn string(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let quote = self.text[self.at];
            self.at += 1;
            while self.text[self.at] != quote {
                let byte = self.text[self.at];
                self.at += 1;
                if byte != b'\\' {
                    out.push(byte);
                    continue;
                }
                let escape = self.text[self.at];
                self.at += 1;
                let digits = |count: usize| std::str::from_utf8(&self.text[self.at..self.at + count]).unwrap();
                match escape {
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'a' => out.push(7),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'v' => out.push(11),
                    b'x' => {
                        out.push(u8::from_str_radix(digits(2), 16).unwrap());
                        self.at += 2;
                    }
                    b'u' | b'U' => {
                        let count = if escape == b'u' { 4 } else { 8 };
                        let c = char::from_u32(u32::from_str_radix(digits(count), 16).unwrap()).unwrap();
                        out.extend(c.to_string().bytes());
                        self.at += count;
                    }
                    b'0'..=b'7' => {
                        self.at -= 1;
                        let count = self.text[self.at..]
                            .iter()
                            .take(3)
                            .take_while(|byte| (b'0'..=b'7').contains(byte))
                            .count();
                        let digits = std::str::from_utf8(&self.text[self.at..self.at + count]).unwrap();
                        out.push(u8::from_str_radix(digits, 8).unwrap());
                        self.at += count;
                    }
                    other => out.push(other),
                }
            }
            self.at += 1;
            // Neighbouring strings are one.
            self.blanks();
            if !matches!(self.text.get(self.at), Some(b'"' | b'\'')) {
                return out;
            }
        }
    }

    fn message(&mut self) -> Proto {
        let mut fields = Vec::new();
        loop {
            self.blanks();
            match self.text.get(self.at) {
                None => return Proto::Message(fields),
                Some(b'}' | b'>' | b']') => {
                    self.at += 1;
                    return Proto::Message(fields);
                }
                Some(b'[') => {
                    // `[type.googleapis.com/x]`, the name of an Any.
                    self.at += 1;
                    let name = self.word();
                    self.at += 1;
                    self.field(name, &mut fields);
                }
                Some(_) => {
                    let name = self.word();
                    assert!(
                        !name.is_empty(),
                        "at {}: {:?}",
                        self.at,
                        String::from_utf8_lossy(&self.text[self.at..self.at + 20])
                    );
                    self.field(name, &mut fields);
                }
            }
        }
    }

    fn field(&mut self, name: String, fields: &mut Vec<(String, Proto)>) {
        self.blanks();
        if self.text[self.at] == b':' {
            self.at += 1;
            self.blanks();
        }
        if self.text[self.at] == b'[' {
            self.at += 1;
            loop {
                self.blanks();
                if self.text[self.at] == b']' {
                    self.at += 1;
                    return;
                }
                let value = self.value();
                fields.push((name.clone(), value));
            }
        }
        let value = self.value();
        fields.push((name, value));
    }

    fn value(&mut self) -> Proto {
        match self.text[self.at] {
            b'{' | b'<' => {
                self.at += 1;
                self.message()
            }
            b'"' | b'\'' => Proto::Scalar(String::new(), self.string()),
            _ => {
                let word = self.word();
                Proto::Scalar(word, Vec::new())
            }
        }
    }
}

impl Proto {
    fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Proto> {
        let fields: &[(String, Proto)] = match self {
            Proto::Message(fields) => fields,
            Proto::Scalar(..) => &[],
        };
        fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value)
    }

    fn get(&self, name: &str) -> Option<&Proto> {
        match self {
            Proto::Message(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            Proto::Scalar(..) => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Proto::Scalar(word, bytes) if word.is_empty() => String::from_utf8(bytes.clone()).unwrap(),
            Proto::Scalar(word, _) => word.clone(),
            Proto::Message(_) => panic!("a message is no text"),
        }
    }
}

/// The value that a test expects; `None` where it is a message or an enum, which Kubernetes has not.
fn value(proto: &Proto) -> Option<Value> {
    let Proto::Message(fields) = proto else { return None };
    let (name, inner) = fields.first()?;
    Some(match &**name {
        "null_value" => Value::Null,
        "bool_value" => Value::Bool(inner.text() == "true"),
        "int64_value" => Value::Int(inner.text().parse().unwrap()),
        "uint64_value" => Value::Uint(inner.text().parse().unwrap()),
        "double_value" => Value::Double(match &*inner.text() {
            "inf" | "infinity" => f64::INFINITY,
            "-inf" | "-infinity" => f64::NEG_INFINITY,
            text => text.parse().unwrap(),
        }),
        "string_value" => Value::from(inner.text()),
        "bytes_value" => match inner {
            Proto::Scalar(_, bytes) => Value::Bytes(bytes.clone().into()),
            Proto::Message(_) => return None,
        },
        "list_value" => Value::list(inner.all("values").map(value).collect::<Option<Vec<_>>>()?),
        "map_value" => {
            let entry = |entry: &Proto| Some((Key::of(&value(entry.get("key")?)?)?, value(entry.get("value")?)?));
            Value::Map(Map::new(inner.all("entries").map(entry).collect::<Option<_>>()?).into())
        }
        _ => return None,
    })
}

fn equal(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Double(a), Value::Double(b)) => a == b || (a.is_nan() && b.is_nan()),
        _ => found.type_of() == expected.type_of() && found.equals(expected),
    }
}

#[derive(Debug)]
enum Outcome {
    Agrees,
    /// What Kubernetes' environment does not have.
    Uncovered,
    Differs(String),
}

/// Files whose subject is messages, or a library that Kubernetes has not.
const UNCOVERED: [&str; 11] = [
    "bindings_ext",
    "block_ext",
    "dynamic",
    "encoders_ext",
    "enums",
    "math_ext",
    "proto2",
    "proto2_ext",
    "proto3",
    "unknowns",
    "wrappers",
];

fn run(test: &Proto) -> Outcome {
    let expr = test.get("expr").unwrap().text();
    let is_foreign = [
        "TestAllTypes",
        "google.protobuf.",
        "math.",
        "proto.",
        "cel.bind",
        "base64.",
        "GlobalEnum",
        "optional.none()).hasValue",
    ];
    if is_foreign.iter().any(|word| expr.contains(word))
        || test.get("disable_macros").is_some()
        || test.get("container").is_some()
    {
        return Outcome::Uncovered;
    }
    if test.get("check_only").is_some() || test.get("typed_result").is_some() {
        return Outcome::Uncovered;
    }
    let mut bindings: Vec<(String, Value)> = Vec::new();
    for binding in test.all("bindings") {
        let Some(bound) = binding
            .get("value")
            .and_then(|value| value.get("value"))
            .and_then(value)
        else {
            return Outcome::Uncovered;
        };
        bindings.push((binding.get("key").unwrap().text(), bound));
    }
    let declared: Vec<String> = test
        .all("type_env")
        .map(|env| env.get("name").unwrap().text())
        .collect();
    if declared
        .iter()
        .chain(bindings.iter().map(|(name, _)| name))
        .any(|name| name.contains('.'))
    {
        return Outcome::Uncovered;
    }
    let names = bindings
        .iter()
        .map(|(name, _)| &**name)
        .chain(declared.iter().map(|name| &**name));
    let borrowed: Vec<(&str, Value)> = bindings.iter().map(|(name, value)| (&**name, value.clone())).collect();
    let result = match Program::compile(&expr, &Environment::new(names)) {
        Ok(program) => program
            .eval(&borrowed.as_slice(), &Meter::new(expression::CALL_LIMIT))
            .map_err(|error| match error {
                Error::Failed(message) => message,
                Error::Exhausted => "exhausted".to_owned(),
            }),
        Err(error) => Err(error.to_string()),
    };
    if test.get("eval_error").is_some() || test.get("any_eval_errors").is_some() {
        return match result {
            Err(_) => Outcome::Agrees,
            Ok(found) => Outcome::Differs(format!("{expr}: an error was expected, not {found:?}")),
        };
    }
    let expected = match test.get("value") {
        None => Value::Bool(true),
        Some(proto) => match (value(proto), proto.get("type_value")) {
            (Some(expected), _) => expected,
            (None, Some(name)) => match Program::compile(&name.text(), &Environment::default()) {
                Ok(program) => program.eval(&expression::NoBindings, &Meter::new(10)).unwrap(),
                Err(_) => return Outcome::Uncovered,
            },
            (None, None) => return Outcome::Uncovered,
        },
    };
    match result {
        Ok(found) if equal(&found, &expected) => Outcome::Agrees,
        Ok(found) => Outcome::Differs(format!("{expr}: {expected:?} was expected, not {found:?}")),
        Err(error) => Outcome::Differs(format!("{expr}: {expected:?} was expected, not the error: {error}")),
    }
}

/// Differences that are known, with the reason.
const KNOWN: [(&str, &str); 5] = [
    ("network_ext/ipv4/ipv4_equals_ipv6", "Kubernetes refuses IPv4 in IPv6"),
    (
        "network_ext/ipv4/ipv4_not_equals_ipv6",
        "Kubernetes refuses IPv4 in IPv6",
    ),
    ("string_ext/reverse/empty", "Kubernetes has version 2 of the strings"),
    (
        "string_ext/reverse/single_character",
        "Kubernetes has version 2 of the strings",
    ),
    ("string_ext/reverse/multiple", "Kubernetes has version 2 of the strings"),
];

#[test]
fn the_specification() {
    let beside = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/cel-spec"
    ));
    let folder = std::env::var_os("TERRACE_CEL_SPEC").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut agree, mut uncovered, mut differ) = (0, 0, Vec::new());
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "textproto"))
    {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let bytes = std::fs::read(file).unwrap();
        let proto = Reader { text: &bytes, at: 0 }.message();
        for section in proto.all("section") {
            for test in section.all("test") {
                let full = format!(
                    "{name}/{}/{}",
                    section.get("name").unwrap().text(),
                    test.get("name").unwrap().text()
                );
                let is_known = KNOWN.iter().any(|(known, _)| *known == full);
                match if UNCOVERED.contains(&name) {
                    Outcome::Uncovered
                } else {
                    run(test)
                } {
                    Outcome::Agrees => agree += 1,
                    Outcome::Uncovered => uncovered += 1,
                    // Kubernetes checks every name before it evaluates.
                    Outcome::Differs(_) if test.get("disable_check").is_some() => uncovered += 1,
                    Outcome::Differs(words) if !is_known => differ.push(format!("{full}: {words}")),
                    Outcome::Differs(_) => {}
                }
            }
        }
    }
    eprintln!(
        "CEL specification: {agree} agree, {} differ, {uncovered} are not covered by Kubernetes' environment",
        differ.len()
    );
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
