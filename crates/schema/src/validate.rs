//! A tree against a type: what it does wrong, each with its place, its field and the versions it is wrong in.
//!
//! One pass for all versions: on the way down, the mask of versions narrows to those that have the field.

use hashbrown::HashSet;
use resource::nearest;
use yaml::{Map, Mark, Node, Seq, Tag, Typed, Value};

use crate::format;
use crate::json;
use crate::name;
use crate::types::{Format, Json, Limits, Logic, Others, Type, TypeId, Types};
use crate::versions::Versions;

/// Types that a type may ask for at one node: more is a schema that refers to itself.
const MAX_LOGIC: u32 = 64;
/// Values looked at in one object: more is a schema of alternatives without end.
const MAX_STEPS: u64 = 20_000_000;

/// Something that an object does wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The defect, in snake case.
    pub(crate) rule: &'static str,
    pub(crate) message: String,
    pub(crate) mark: Mark,
    pub(crate) hint: Option<String>,
    /// As `spec.template.spec.containers[name=main].image`.
    pub(crate) field: String,
    /// The versions of Kubernetes in which it is wrong.
    pub(crate) versions: Versions,
    /// Its place holds a secret.
    pub(crate) concealed: bool,
}

/// One step of the path to a value.
#[derive(Clone, Copy)]
enum Step<'n> {
    Key(&'n str),
    /// A field of an item and what it holds.
    Item(&'n str, &'n str),
    Index(usize),
}

/// Walks one object.
pub(crate) struct Walk<'t, 'n> {
    types: &'t Types,
    path: Vec<Step<'n>>,
    /// The mark of the nearest value above that has one.
    near: Mark,
    /// Inside of a secret: nothing is quoted.
    secret: bool,
    logic: u32,
    steps: u64,
    pub(crate) found: Vec<Violation>,
    /// Types with rules in CEL that were passed, and the values they are about.
    pub(crate) rules: Vec<(TypeId, &'n Node, String, Mark)>,
}

impl<'t, 'n> Walk<'t, 'n> {
    pub(crate) fn new(types: &'t Types, near: Mark) -> Walk<'t, 'n> {
        Walk {
            types,
            path: Vec::new(),
            near,
            secret: false,
            logic: 0,
            steps: 0,
            found: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Checks an object by its type. Its `apiVersion` and `kind` are known, and `metadata` is checked elsewhere
    /// where the type says nothing of it.
    pub(crate) fn object(&mut self, id: TypeId, node: &'n Node, live: Versions, is_secret: bool) {
        let kind = self.types.get(id);
        let Some(map) = node.as_map() else { return };
        self.fields(kind, map, node, live, true, is_secret);
        self.rest(id, kind, node, live);
        // What was found inside of an alternative is dropped with it; this may not be.
        let is_told = |violation: &Violation| violation.rule == "invalid_schema";
        if self.steps > MAX_STEPS && !self.found.iter().any(is_told) {
            let message = "the schema has too many alternatives to try them all";
            self.report("invalid_schema", node, live, message.into(), None);
        }
    }

    fn value(&mut self, id: TypeId, node: &'n Node, live: Versions) {
        self.steps += 1;
        if self.steps > MAX_STEPS || live.is_empty() {
            if self.steps == MAX_STEPS + 1 {
                self.report(
                    "invalid_schema",
                    node,
                    live,
                    "the schema has too many alternatives here".into(),
                    None,
                );
            }
            return;
        }
        let kind = self.types.get(id);
        let (json, typed) = match &node.value {
            Value::Map(_) => (Json::OBJECT, None),
            Value::Seq(_) => (Json::ARRAY, None),
            Value::Scalar(_) => match yaml::typed(node) {
                Ok(Typed::Null) if kind.nullable || kind.json == Json::default() => return,
                Ok(Typed::Null) => {
                    let words = kind.json.words();
                    return self.report(
                        "wrong_type",
                        node,
                        live,
                        format!("{words} is expected here, not null"),
                        None,
                    );
                }
                Ok(typed) => (json_type(&typed), Some(typed)),
                Err(error) => return self.report("wrong_type", node, live, error.to_string(), None),
            },
        };
        if !kind.json.allows(json) {
            return self.wrong_type(kind, json, node, live);
        }
        match (&node.value, &typed) {
            (Value::Map(map), _) => self.fields(kind, map, node, live, false, false),
            (Value::Seq(items), _) => self.items(kind, items, node, live),
            (_, Some(typed)) => self.scalar(kind, typed, node, live),
            _ => {}
        }
        self.rest(id, kind, node, live);
    }

    /// What holds for values of every type.
    fn rest(&mut self, id: TypeId, kind: &'t Type, node: &'n Node, live: Versions) {
        if let Some(logic) = &kind.logic {
            self.logic(logic, node, live);
        }
        if !kind.rules.is_empty() && self.logic == 0 {
            let field = self.field();
            self.rules.push((id, node, field, self.place(node)));
        }
    }

    fn fields(&mut self, kind: &'t Type, map: &'n Map, node: &'n Node, live: Versions, is_root: bool, is_secret: bool) {
        let near = self.enter(node);
        self.duplicates(map, live);
        for entry in map {
            let key = entry.key.as_str().unwrap_or_default();
            self.path.push(Step::Key(key));
            if is_secret && matches!(key, "data" | "stringData") {
                self.secret = true;
            }
            let mut known = Versions::NONE;
            for field in kind.named(key) {
                known = known.or(field.versions);
                let holds = live.and(field.versions);
                let is_absent = self.types.null_is_absent && entry.value.is_null();
                if holds.is_empty() || is_absent {
                    continue;
                }
                if field.output_only {
                    self.output_only(key, &entry.key, holds);
                } else {
                    self.value(field.type_id, &entry.value, holds);
                }
            }
            let unknown = live.without(known);
            if !unknown.is_empty() {
                let is_given = is_root && matches!(key, "apiVersion" | "kind" | "metadata")
                    || kind.embedded && matches!(key, "apiVersion" | "kind" | "metadata");
                match kind.others {
                    _ if is_given => {}
                    Others::Type(_) if self.types.null_is_absent && entry.value.is_null() => {}
                    Others::Type(id) => self.value(id, &entry.value, unknown),
                    Others::Open => {}
                    Others::Closed => self.unknown(kind, key, known, &entry.key, live, unknown),
                }
            }
            self.secret &= !is_secret;
            self.path.pop();
        }
        for (name, versions) in &kind.required {
            let wanted = live.and(*versions);
            let there = map.get(name);
            let is_there = there.is_some_and(|value| !(self.types.null_is_absent && value.is_null()));
            if !wanted.is_empty() && !is_there {
                let hint = format!("add {name}");
                self.report(
                    "missing_field",
                    node,
                    wanted,
                    format!("the field `{name}` is missing"),
                    Some(hint),
                );
            }
        }
        match kind.format {
            Format::Labels => self.labels(map, live),
            Format::Annotations => self.annotations(map, node, live),
            _ => {}
        }
        if kind.embedded {
            self.embedded(map, node, live);
        }
        if let Some(limits) = &kind.limits {
            self.size(limits, map.len(), "fields", node, live);
            self.one_of(limits, node, live);
        }
        self.near = near;
    }

    fn unknown(&mut self, kind: &Type, key: &str, known: Versions, node: &Node, live: Versions, unknown: Versions) {
        let here = kind
            .fields
            .iter()
            .filter(|field| !live.and(field.versions).is_empty() && !field.output_only);
        let hint = if known.is_empty() {
            match nearest(key, here.map(|field| field.name.as_str())).as_slice() {
                [] => "there are no fields here".to_owned(),
                near => format!("fields here are {}", near.join(", ")),
            }
        } else {
            let words = crate::versions::words(known, &self.types.versions);
            format!("Kubernetes {words} knows it")
        };
        self.report(
            "unknown_field",
            node,
            unknown,
            format!("unknown field `{key}`"),
            Some(hint),
        );
    }

    fn output_only(&mut self, key: &str, node: &Node, live: Versions) {
        self.report(
            "output_only_field",
            node,
            live,
            format!("`{key}` is set by the service alone"),
            Some("remove it".to_owned()),
        );
    }

    fn duplicates(&mut self, map: &'n Map, live: Versions) {
        let keys = map.iter().map(|entry| &entry.key);
        let mut twice = Vec::new();
        if map.len() <= 16 {
            for (at, entry) in map.iter().enumerate() {
                let before = &map.as_slice()[..at];
                if before.iter().any(|other| other.key.as_str() == entry.key.as_str()) {
                    twice.push(&entry.key);
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(map.len());
            twice.extend(keys.filter(|key| !seen.insert(key.as_str())));
        }
        for key in twice {
            let name = key.as_str().unwrap_or_default();
            let hint = "the last one would win; keep one".to_owned();
            self.path.push(Step::Key(name));
            self.report(
                "duplicate_field",
                key,
                live,
                format!("the field `{name}` is there twice"),
                Some(hint),
            );
            self.path.pop();
        }
    }

    fn items(&mut self, kind: &'t Type, items: &'n Seq, node: &'n Node, live: Versions) {
        let near = self.enter(node);
        if let Some(id) = kind.items {
            for (at, item) in items.iter().enumerate() {
                let key = kind.keys.first().map_or("name", |key| key.as_str());
                let step = match item.get(key).and_then(Node::as_str) {
                    Some(value) => Step::Item(key_of(item, key), value),
                    None => Step::Index(at),
                };
                self.path.push(step);
                self.value(id, item, live);
                self.path.pop();
            }
        }
        if kind.unique {
            let mut seen = HashSet::new();
            for item in items {
                let (own, words) = if kind.keys.is_empty() {
                    (json::value(item).to_string(), "this item".to_owned())
                } else {
                    let parts = kind
                        .keys
                        .iter()
                        .map(|key| item.get(key).and_then(Node::as_str).unwrap_or_default());
                    let parts: Vec<&str> = parts.collect();
                    (
                        parts.join("\n"),
                        format!("an item with {} {}", kind.keys.join(", "), parts.join(", ")),
                    )
                };
                if !seen.insert(own) {
                    let words = if self.secret { "an item".to_owned() } else { words };
                    self.report("duplicate_item", item, live, format!("{words} is there twice"), None);
                }
            }
        }
        if let Some(limits) = &kind.limits {
            self.size(limits, items.len(), "items", node, live);
            self.one_of(limits, node, live);
        }
        self.near = near;
    }

    fn scalar(&mut self, kind: &'t Type, typed: &Typed<'_>, node: &'n Node, live: Versions) {
        let number = match typed {
            Typed::Int(value) => Some(*value as f64),
            Typed::Uint(value) => Some(*value as f64),
            Typed::Float(value) => Some(*value),
            _ => None,
        };
        let out_of_range = match (kind.format, typed) {
            (Format::Int32, Typed::Int(value)) => i32::try_from(*value).is_err(),
            (Format::Int32 | Format::Int64, Typed::Uint(_)) => true,
            _ => false,
        };
        if out_of_range {
            let bits = if kind.format == Format::Int32 { "32" } else { "64" };
            let message = format!("{} does not fit in {bits} bits", self.shown(node));
            self.report("invalid_value", node, live, message, None);
        }
        if let (Typed::Str(_) | Typed::Timestamp(_), Some(text)) = (typed, node.as_str())
            // Go reads an empty text of these as nothing.
            && !(self.types.null_is_absent && text.is_empty() && kind.format != Format::Quantity)
            && let Some(problem) = format::problem(kind.format, text)
        {
            let rule = match kind.format {
                Format::Quantity => "invalid_quantity",
                Format::DnsLabel | Format::PortName => "invalid_name",
                _ => "invalid_value",
            };
            let what = match rule {
                "invalid_quantity" => "is no amount",
                "invalid_name" => "is no valid name",
                _ => "is not what this field takes",
            };
            let message = format!("{} {what}", self.shown(node));
            self.report(rule, node, live, message, Some(problem));
        }
        let Some(limits) = &kind.limits else { return };
        let is_unset = self.types.null_is_absent && node.as_str() == Some("");
        if !is_unset {
            self.one_of(limits, node, live);
        }
        if let Some(number) = number {
            self.range(limits, number, node, live);
        } else if let (Typed::Str(_) | Typed::Timestamp(_), Some(text)) = (typed, node.as_str()) {
            self.size(limits, text.chars().count(), "characters", node, live);
            if limits.compiled().is_some_and(|pattern| !pattern.matches(text)) {
                let hint = format!("it must match {}", limits.pattern.as_deref().unwrap_or_default());
                let message = format!("{} is not what this field takes", self.shown(node));
                self.report("invalid_value", node, live, message, Some(hint));
            }
        }
    }

    fn one_of(&mut self, limits: &Limits, node: &'n Node, live: Versions) {
        if limits.values.is_empty() {
            return;
        }
        let is_known = match (node.as_str(), node.tag) {
            (Some(text), Tag::Str) => limits.values.iter().any(|value| value.as_str() == Some(text)),
            _ => {
                let own = json::value(node);
                limits
                    .values
                    .iter()
                    .any(|value| *value == own || value.as_f64().is_some() && value.as_f64() == own.as_f64())
            }
        };
        if is_known {
            return;
        }
        let texts: Vec<String> = limits
            .values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let near = nearest(node.as_str().unwrap_or_default(), texts.iter().map(String::as_str));
        let rest = texts.len().saturating_sub(near.len());
        let more = if rest > 0 {
            format!(" and {rest} more")
        } else {
            String::new()
        };
        let hint = format!("it can be {}{more}", near.join(", "));
        let shown = self.shown(node);
        self.report(
            "unknown_enum_value",
            node,
            live,
            format!("{shown} is not known here"),
            Some(hint),
        );
    }

    fn range(&mut self, limits: &Limits, number: f64, node: &'n Node, live: Versions) {
        let low = limits
            .minimum
            .filter(|low| number < *low || limits.exclusive_minimum && number == *low);
        let high = limits
            .maximum
            .filter(|high| number > *high || limits.exclusive_maximum && number == *high);
        let step = limits
            .multiple_of
            .filter(|step| *step > 0.0 && ((number / step).round() * step - number).abs() > 1e-9 * step.abs());
        let words = |is_exclusive: bool, side: &str| {
            if is_exclusive {
                side.to_owned()
            } else {
                format!("at least {side}")
            }
        };
        let hint = match (low, high, step) {
            (Some(low), ..) if limits.exclusive_minimum => format!("it must be more than {low}"),
            (Some(low), ..) => format!("it must be {}", words(false, &low.to_string())),
            (_, Some(high), _) if limits.exclusive_maximum => format!("it must be less than {high}"),
            (_, Some(high), _) => format!("it must be at most {high}"),
            (_, _, Some(step)) => format!("it must be a multiple of {step}"),
            _ => return,
        };
        let shown = self.shown(node);
        self.report(
            "invalid_value",
            node,
            live,
            format!("{shown} is out of range"),
            Some(hint),
        );
    }

    fn size(&mut self, limits: &Limits, size: usize, what: &str, node: &'n Node, live: Versions) {
        let size = size as u64;
        let hint = match (limits.min_size, limits.max_size) {
            (Some(low), _) if size < low => format!("it must have at least {low}"),
            (_, Some(high)) if size > high => format!("it may have at most {high}"),
            _ => return,
        };
        self.report(
            "invalid_value",
            node,
            live,
            format!("this has {size} {what}"),
            Some(hint),
        );
    }

    fn logic(&mut self, logic: &'t Logic, node: &'n Node, live: Versions) {
        if self.logic >= MAX_LOGIC {
            return self.report(
                "invalid_schema",
                node,
                live,
                "the schema refers to itself without end".into(),
                None,
            );
        }
        self.logic += 1;
        for &id in &logic.all_of {
            self.value(id, node, live);
        }
        let any = (!logic.any_of.is_empty()).then(|| self.branches(&logic.any_of, node, live));
        let one = (!logic.one_of.is_empty()).then(|| self.branches(&logic.one_of, node, live));
        for (is_one, result) in [(false, any), (true, one)] {
            match result {
                Some((0, closest)) => {
                    // With one thing wrong in the closest form, that is what is wrong.
                    if let [only] = closest.as_slice() {
                        self.found.push(only.clone());
                    } else {
                        let hint = closest
                            .first()
                            .map(|first| format!("in the form that is closest, {}", first.message));
                        self.report(
                            "invalid_value",
                            node,
                            live,
                            "this has none of the forms that are allowed here".into(),
                            hint,
                        );
                    }
                }
                Some((count, _)) if is_one && count > 1 => {
                    let message = format!("this has {count} of the forms of which one is allowed here");
                    self.report("invalid_value", node, live, message, None);
                }
                _ => {}
            }
        }
        if let Some(id) = logic.not {
            let (matching, _) = self.branches(&[id], node, live);
            if matching > 0 {
                self.report(
                    "invalid_value",
                    node,
                    live,
                    "this has a form that is not allowed here".into(),
                    None,
                );
            }
        }
        self.logic -= 1;
    }

    /// How many of the types a value has, and what is wrong with it by the closest other one.
    fn branches(&mut self, ids: &[TypeId], node: &'n Node, live: Versions) -> (usize, Vec<Violation>) {
        let before = self.found.len();
        let mut matching = 0;
        let mut closest: Option<Vec<Violation>> = None;
        for &id in ids {
            self.value(id, node, live);
            let wrong = self.found.split_off(before);
            if wrong.is_empty() {
                matching += 1;
            } else if closest.as_ref().is_none_or(|best| wrong.len() < best.len()) {
                closest = Some(wrong);
            }
        }
        (matching, closest.unwrap_or_default())
    }

    fn labels(&mut self, map: &'n Map, live: Versions) {
        for entry in map {
            let key = entry.key.as_str().unwrap_or_default();
            self.path.push(Step::Key(key));
            if let Some(problem) = name::key_problem(key) {
                self.report(
                    "invalid_label",
                    &entry.key,
                    live,
                    format!("\"{key}\" is no key of a label"),
                    Some(problem),
                );
            }
            if let (Some(text), false) = (entry.value.as_str(), entry.value.is_null())
                && let Some(problem) = name::value_problem(text)
            {
                self.report(
                    "invalid_label",
                    &entry.value,
                    live,
                    format!("\"{text}\" is no value of a label"),
                    Some(problem),
                );
            }
            self.path.pop();
        }
    }

    fn annotations(&mut self, map: &'n Map, node: &'n Node, live: Versions) {
        let mut size = 0;
        for entry in map {
            let key = entry.key.as_str().unwrap_or_default();
            size += key.len() + entry.value.as_str().map_or(0, str::len);
            // Annotations may be written in capitals.
            if let Some(problem) = name::key_problem(&key.to_ascii_lowercase()) {
                self.path.push(Step::Key(key));
                self.report(
                    "invalid_label",
                    &entry.key,
                    live,
                    format!("\"{key}\" is no key of an annotation"),
                    Some(problem),
                );
                self.path.pop();
            }
        }
        if size > name::ANNOTATIONS {
            let hint = format!("{} bytes are allowed", name::ANNOTATIONS);
            self.report(
                "invalid_value",
                node,
                live,
                format!("the annotations have {size} bytes"),
                Some(hint),
            );
        }
    }

    fn embedded(&mut self, map: &'n Map, node: &'n Node, live: Versions) {
        for field in ["apiVersion", "kind"] {
            match map.get(field) {
                None => self.report(
                    "missing_field",
                    node,
                    live,
                    format!("the field `{field}` is missing"),
                    None,
                ),
                Some(value) if value.tag != Tag::Str => {
                    self.wrong_type(&Type::of(Json::STRING), Json::default(), value, live)
                }
                Some(_) => {}
            }
        }
    }

    fn wrong_type(&mut self, kind: &Type, found: Json, node: &Node, live: Versions) {
        let wanted = kind.json;
        let text = node.as_str().unwrap_or_default();
        let hint = match found {
            Json::INTEGER | Json::NUMBER | Json::BOOLEAN if wanted.allows(Json::STRING) => {
                let quoted = || format!("put it in quotes: \"{text}\"");
                Some(format::problem(kind.format, text).unwrap_or_else(quoted))
            }
            Json::STRING if !self.secret => {
                let plain = yaml::resolve_v3(text);
                let fits = match plain {
                    Tag::Int => wanted.allows(Json::INTEGER),
                    Tag::Float => wanted.allows(Json::NUMBER),
                    Tag::Bool => wanted.allows(Json::BOOLEAN),
                    _ => false,
                };
                fits.then(|| format!("write it without quotes: {text}"))
            }
            Json::OBJECT if wanted == Json::ARRAY => Some("begin each item with \"- \"".to_owned()),
            Json::ARRAY if wanted == Json::OBJECT => Some("write its fields without \"- \"".to_owned()),
            _ => None,
        };
        let hint = hint.filter(|_| !self.secret);
        let message = format!("{} is expected here, not {}", wanted.words(), self.shown(node));
        self.report("wrong_type", node, live, message, hint);
    }

    /// A value in words, unless it is secret.
    fn shown(&self, node: &Node) -> String {
        const SHOWN: usize = 60;
        let text = node.as_str().unwrap_or_default();
        match node.value {
            Value::Map(_) => "a mapping".to_owned(),
            Value::Seq(_) => "a list".to_owned(),
            Value::Scalar(_) if self.secret => "this value".to_owned(),
            Value::Scalar(_) => {
                let line = text.lines().next().unwrap_or_default();
                let short: String = line.chars().take(SHOWN).collect();
                let more = if short.len() < text.len() { "…" } else { "" };
                match yaml::typed(node) {
                    Ok(Typed::Str(_)) => format!("the text \"{short}{more}\""),
                    _ => format!("`{short}{more}`"),
                }
            }
        }
    }

    fn enter(&mut self, node: &Node) -> Mark {
        let before = self.near;
        if node.mark.is_some() {
            self.near = node.mark;
        }
        before
    }

    fn place(&self, node: &Node) -> Mark {
        if node.mark.is_some() { node.mark } else { self.near }
    }

    /// Begins below a field of the object.
    pub(crate) fn below(&mut self, key: &'n str) {
        self.path.push(Step::Key(key));
    }

    /// Checks a value by a type: see [`Walk::below`].
    pub(crate) fn part(&mut self, id: TypeId, node: &'n Node, live: Versions) {
        self.value(id, node, live);
    }

    fn report(&mut self, rule: &'static str, node: &Node, versions: Versions, message: String, hint: Option<String>) {
        let violation = Violation {
            rule,
            message,
            mark: self.place(node),
            hint,
            field: self.field(),
            versions,
            concealed: self.secret,
        };
        // A field whose type changed between versions is looked at twice.
        let is_same = |other: &&mut Violation| {
            (other.rule, other.mark, &other.message, &other.field)
                == (violation.rule, violation.mark, &violation.message, &violation.field)
        };
        match self.found.iter_mut().rev().take(8).find(is_same) {
            Some(other) => other.versions = other.versions.or(violation.versions),
            None => self.found.push(violation),
        }
    }

    fn field(&self) -> String {
        let mut field = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !field.is_empty() {
                        field.push('.');
                    }
                    // Keys with dots are written as `explain` takes them.
                    field.push_str(&key.replace('.', "\\."));
                }
                Step::Item(key, value) => field.push_str(&format!("[{key}={value}]")),
                Step::Index(at) => field.push_str(&format!("[{at}]")),
            }
        }
        field
    }
}

/// The key as the item has it: it lives as long as the tree.
fn key_of<'n>(item: &'n Node, key: &str) -> &'n str {
    let map = item.as_map();
    let position = map.and_then(|map| map.position(key));
    map.zip(position)
        .and_then(|(map, at)| map.as_slice()[at].key.as_str())
        .unwrap_or_default()
}

fn json_type(typed: &Typed<'_>) -> Json {
    match typed {
        Typed::Null => Json::default(),
        Typed::Bool(_) => Json::BOOLEAN,
        Typed::Int(_) | Typed::Uint(_) => Json::INTEGER,
        // JSON knows no difference between 1 and 1.0, and neither does Kubernetes.
        Typed::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Json::INTEGER,
        Typed::Float(_) => Json::NUMBER,
        Typed::Str(_) | Typed::Timestamp(_) => Json::STRING,
    }
}
