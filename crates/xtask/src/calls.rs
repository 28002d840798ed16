//! The table of the calls that the embedded cloud takes: paths of methods, their scopes, and the messages of their bodies.
//!
//! In: the discovery documents of a package google-api-python-client; `calls.txt`, which methods there are; `messages.txt`,
//! names that those documents do not have. Out: `emulator/data/calls.deflate`, lines of enumerations, messages and methods.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

const CALLS: &str = include_str!("calls.txt");
const MESSAGES: &str = include_str!("messages.txt");
const SCOPE: &str = "https://www.googleapis.com/auth/";

/// Packages of messages, by the document that has them.
const PACKAGES: [(&str, &str); 7] = [
    ("aiplatform.v1", "google.cloud.aiplatform.v1"),
    ("cloudresourcemanager.v1", "google.cloudresourcemanager.v1"),
    ("cloudresourcemanager.v3", "google.cloud.resourcemanager.v3"),
    ("iam.v1", "google.iam.v1"),
    ("iamcredentials.v1", "google.iam.credentials.v1"),
    ("logging.v2", "google.logging.v2"),
    ("sts.v1", "google.identity.sts.v1"),
];

/// What no document says: the pages of these APIs name the scope `iam` as well.
const ALSO_IAM: [&str; 2] = ["iam.v1", "iamcredentials.v1"];

/// Reads the documents of a directory, and packs the table. The date is that of the documents.
#[expect(clippy::print_stdout, reason = "the one who runs it wants to know the size")]
pub(crate) fn generate(directory: &Path, date: &str) -> Result<(), Box<dyn Error>> {
    let mut table = Table::default();
    let mut methods = String::new();
    let mut count = 0;
    for (document, wanted) in sections() {
        let text = std::fs::read_to_string(directory.join(format!("{document}.json")))?;
        let json: Value = serde_json::from_str(&text)?;
        let mut found = Vec::new();
        collect(&json, &mut found);
        for (id, rpc, body) in wanted {
            let of_name = found.iter().filter(|method| id == "*" || method["id"] == id);
            let before = count;
            for method in of_name {
                writeln!(methods, "{}", table.method(document, &json, method, (rpc, body))?)?;
                count += 1;
            }
            if count == before {
                return Err(format!("{document} has no {id}").into());
            }
        }
    }
    let mut text = format!("{date}\n");
    for line in table.enums.iter().chain(&table.messages) {
        writeln!(text, "{line}")?;
    }
    text.push_str(&methods);
    let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
    println!(
        "{count} methods, {} messages, {} enumerations, {} bytes",
        table.messages.len(),
        table.enums.len(),
        packed.len()
    );
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../emulator/data/calls.deflate");
    Ok(std::fs::write(data, packed)?)
}

/// The name of a method, that in gRPC, its body.
type Wanted = (&'static str, &'static str, &'static str);

/// The documents with the methods of each.
fn sections() -> Vec<(&'static str, Vec<Wanted>)> {
    let mut sections: Vec<(&str, Vec<Wanted>)> = Vec::new();
    for line in CALLS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push((name, Vec::new()));
        } else if let Some((id, rest)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
            && let (Some((rpc, body)), Some((_, lines))) = (rest.split_once(' '), sections.last_mut())
        {
            lines.push((id, rpc, body));
        }
    }
    sections
}

fn collect<'d>(node: &'d Value, methods: &mut Vec<&'d Value>) {
    let each = |field: &str| node[field].as_object().into_iter().flatten();
    methods.extend(each("methods").map(|(_, method)| method));
    for (_, resource) in each("resources") {
        collect(resource, methods);
    }
}

/// Lines, and where those of a name are.
#[derive(Default)]
struct Table {
    enums: Vec<String>,
    enum_numbers: BTreeMap<String, usize>,
    messages: Vec<String>,
    /// By document and name.
    message_numbers: BTreeMap<(String, String), usize>,
}

impl Table {
    /// `method POST v1/projects/*/x:verb SERVICE RPC SCOPE,SCOPE BODY MESSAGE`.
    fn method(
        &mut self,
        document: &str,
        json: &Value,
        method: &Value,
        (rpc, body): (&str, &str),
    ) -> Result<String, Box<dyn Error>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = method.get("flatPath").unwrap_or(&method["path"]);
        let path = format!("{}{}", text(&json["servicePath"]), text(path));
        let scopes = method["scopes"].as_array().into_iter().flatten();
        let mut scopes: Vec<String> = scopes
            .filter_map(|scope| Some(scope.as_str()?.strip_prefix(SCOPE)?.to_owned()))
            .collect();
        if ALSO_IAM.contains(&document) {
            scopes.push("iam".to_owned());
        }
        let request = method["request"]["$ref"].as_str();
        let message = match request.filter(|name| body != "-" && *name != "GoogleApiHttpBody") {
            Some(name) => self.message(document, &json["schemas"], name)?.to_string(),
            None => "-".to_owned(),
        };
        let host = text(&json["rootUrl"]);
        let host = host.trim_start_matches("https://").trim_end_matches('/');
        let rpc = if rpc == "-" {
            text(&method["id"])
        } else {
            rpc.to_owned()
        };
        let scopes = if scopes.is_empty() {
            "-".to_owned()
        } else {
            scopes.join(",")
        };
        let upload = method["mediaUpload"]["protocols"]["simple"]["path"].as_str();
        let mut line = String::new();
        for path in std::iter::once(path.as_str()).chain(upload) {
            let path = wild(path.trim_start_matches('/'));
            let verb = text(&method["httpMethod"]);
            if !line.is_empty() {
                line.push('\n');
            }
            write!(line, "method {verb} {path} {host} {rpc} {scopes} {body} {message}")?;
        }
        Ok(line)
    }

    /// The number of a message: `message NAME field:kind …`.
    fn message(&mut self, document: &str, schemas: &Value, name: &str) -> Result<usize, Box<dyn Error>> {
        let key = (document.to_owned(), name.to_owned());
        if let Some(number) = self.message_numbers.get(&key) {
            return Ok(*number);
        }
        let number = self.messages.len();
        // It has its place before its fields are read: messages may hold each other.
        self.messages.push(String::new());
        self.message_numbers.insert(key, number);
        let mut line = format!("message {}", full_name(document, name)?);
        for (field, schema) in schemas[name]["properties"].as_object().into_iter().flatten() {
            let kind = self.kind(document, schemas, (name, field), schema)?;
            write!(line, " {field}:{kind}")?;
        }
        self.messages[number] = line;
        Ok(number)
    }

    /// One letter for a scalar, `m7` and `e7` for the message and enumeration of a number, `[` before what is repeated and
    /// `{` before the values of a map.
    fn kind(
        &mut self,
        document: &str,
        schemas: &Value,
        place: (&str, &str),
        schema: &Value,
    ) -> Result<String, Box<dyn Error>> {
        let text = |field: &str| schema.get(field).and_then(Value::as_str);
        if let Some(name) = text("$ref") {
            return Ok(format!("m{}", self.message(document, schemas, name)?));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Ok(format!("e{}", self.enumeration(document, place, values)?));
        }
        let scalar = match (text("type"), text("format")) {
            (Some("array"), _) => return Ok(format!("[{}", self.kind(document, schemas, place, &schema["items"])?)),
            (Some("object"), _) => match schema.get("additionalProperties") {
                Some(values) => return Ok(format!("{{{}", self.kind(document, schemas, place, values)?)),
                None => "{*",
            },
            (Some("any"), _) => "*",
            (Some("boolean"), _) => "B",
            (Some("integer"), Some("int32")) => "i",
            (Some("integer"), Some("uint32")) => "u",
            (Some("number"), Some("double")) => "d",
            (Some("number"), Some("float")) => "f",
            (Some("string"), None) => "s",
            (Some("string"), Some("int64")) => "I",
            (Some("string"), Some("uint64")) => "U",
            (Some("string"), Some("byte")) => "b",
            (Some("string"), Some("google-datetime")) => "t",
            (Some("string"), Some("google-duration")) => "D",
            (Some("string"), Some("google-fieldmask")) => "M",
            other => return Err(format!("{place:?}: the type {other:?} is new").into()),
        };
        Ok(scalar.to_owned())
    }

    /// The number of an enumeration: `enum NAME VALUE=NUMBER …`.
    fn enumeration(
        &mut self,
        document: &str,
        (message, field): (&str, &str),
        values: &[Value],
    ) -> Result<usize, Box<dyn Error>> {
        let place = format!("{message}.{field}");
        let known = MESSAGES.lines().find_map(|line| {
            let (head, values) = line.strip_prefix("enum ")?.split_once(": ")?;
            let (name, places) = head.split_once(" of ")?;
            places.split(' ').any(|known| known == place).then_some((name, values))
        });
        let line = match known {
            Some((name, values)) => format!("enum {name} {}", values.replace(", ", " ")),
            None => {
                let mut line = format!("enum {}.{}", full_name(document, message)?, capital(field));
                for (number, value) in values.iter().enumerate() {
                    write!(line, " {}={number}", value.as_str().unwrap_or_default())?;
                }
                line
            }
        };
        if let Some(number) = self.enum_numbers.get(&line) {
            return Ok(*number);
        }
        let number = self.enums.len();
        self.enums.push(line.clone());
        self.enum_numbers.insert(line, number);
        Ok(number)
    }
}

/// The path with a star for each parameter.
fn wild(path: &str) -> String {
    let mut wild = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        wild.push_str(before);
        wild.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    wild + rest
}

/// The name of a message in gRPC.
fn full_name(document: &str, name: &str) -> Result<String, Box<dyn Error>> {
    let listed = MESSAGES.lines().find_map(|line| {
        let (known, full) = line.split_once(" = ")?;
        (known == name).then_some(full)
    });
    if let Some(full) = listed {
        return Ok(full.to_owned());
    }
    let package = PACKAGES.iter().find(|(known, _)| *known == document);
    let (_, package) = package.ok_or_else(|| format!("{document} has no package"))?;
    Ok(format!(
        "{package}.{}",
        name.trim_start_matches("GoogleCloudAiplatformV1")
    ))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}
