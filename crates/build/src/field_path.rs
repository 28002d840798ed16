//! Paths to fields inside an object, as replacements, vars and `ValueAddTransformer` write them.
//!
//! `spec.template.spec.containers.[name=main].image`: a path is split at its delimiter into parts. There
//! are two ways to follow one. [`lookup`] takes list elements by equality and yields one node (kyaml's
//! `PathGetter`); a [`Route`] takes them by regular expression or `*`, yields all nodes that match, and can
//! make what is missing (kyaml's `PathMatcher`).

use std::sync::Arc;

use resource::{Pattern, nearest};
use yaml::{Layer, Map, Node, Seq, Style, Tag, Value};

/// A path cannot be followed: the text says why, the hint what there is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl PathError {
    fn new(message: impl Into<String>) -> PathError {
        PathError {
            message: message.into(),
            hint: None,
        }
    }

    fn wrong_kind(expected: Kind, found: &Node, part: &str) -> PathError {
        let (expected, found) = (expected.name(), Kind::of(found).name());
        PathError::new(format!("expected a {expected} for \"{part}\", found a {found}"))
    }
}

/// What a node is, whatever its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar,
    Map,
    Seq,
}

impl Kind {
    pub(crate) fn of(node: &Node) -> Kind {
        match node.value {
            Value::Scalar(_) => Kind::Scalar,
            Value::Map(_) => Kind::Map,
            Value::Seq(_) => Kind::Seq,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Scalar => "single value",
            Kind::Map => "mapping",
            Kind::Seq => "list",
        }
    }

    /// A node of this kind with nothing in it and no tag of its own.
    fn empty(self) -> Node {
        match self {
            Kind::Scalar => Node::scalar("", Tag::Unset),
            Kind::Map => Node::map(Map::new()),
            Kind::Seq => Node::seq(Seq::new()),
        }
    }
}

/// Splits a path at its delimiter. A backslash before it makes it part of the name; a delimiter at the
/// beginning does not count (kyaml's `PathSplitter`).
pub(crate) fn split(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let path = path.strip_prefix(delimiter).unwrap_or(path);
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// Splits as [`split`] does and keeps what stands in brackets together: `[name=a.b]` as a list element,
/// `[a.b/c]` as the name `a.b/c` (kyaml's `SmarterPathSplitter`).
pub(crate) fn split_bracketed(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = Vec::new();
    let mut split = split(path, delimiter).into_iter();
    while let Some(mut part) = split.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            parts.push(part);
            continue;
        }
        for next in split.by_ref() {
            part.push(delimiter);
            part.push_str(&next);
            if next.ends_with(']') {
                break;
            }
        }
        if !part.contains('=') {
            part = part.trim_matches(['[', ']']).to_owned();
        }
        parts.push(part);
    }
    parts
}

/// Turns `ports[0]` into `ports` and `0`, as the paths of vars may be written.
pub(crate) fn split_indices(parts: Vec<String>) -> Vec<String> {
    let mut result = Vec::with_capacity(parts.len());
    for part in parts {
        let indexed = part.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
        match indexed {
            Some((name, index)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
                if !name.is_empty() {
                    result.push(name.to_owned());
                }
                result.push(index.to_owned());
            }
            _ => result.push(part),
        }
    }
    result
}

/// Whether the part is a list element, `[field=value]` or `[=value]`.
pub(crate) fn is_element(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// As Go's `strconv.Atoi`.
fn index(part: &str) -> Option<i64> {
    part.parse().ok()
}

fn is_index(part: &str) -> bool {
    index(part).is_some_and(|index| index >= 0)
}

/// Splits `[field=value]`; the field is empty in `[=value]`.
fn element(part: &str) -> Result<(&str, &str), PathError> {
    let inside = part.strip_suffix(']').unwrap_or(part);
    let inside = inside.strip_prefix('[').unwrap_or(inside);
    let missing = || {
        PathError::new(format!(
            "the list element \"{part}\" of a path must be written [field=value]"
        ))
    };
    inside.split_once('=').ok_or_else(missing)
}

/// The kind of node that must stand before the part `next` of a path.
fn kind_before(next: Option<&String>, last: Kind) -> Kind {
    match next {
        Some(next) if is_element(next) || is_index(next) => Kind::Seq,
        Some(next) if !next.is_empty() => Kind::Map,
        _ => last,
    }
}

fn expect_map<'n>(node: &'n Node, part: &str) -> Result<&'n Map, PathError> {
    node.as_map()
        .ok_or_else(|| PathError::wrong_kind(Kind::Map, node, part))
}

/// The elements of a list; null has none.
fn expect_seq<'n>(node: &'n Node, part: &str) -> Result<&'n [Node], PathError> {
    match node.as_seq() {
        Some(items) => Ok(items),
        None if node.is_null() => Ok(&[]),
        None => Err(PathError::wrong_kind(Kind::Seq, node, part)),
    }
}

/// The text of a node as kyaml compares it: that of a collection is empty.
fn text(node: &Node) -> &str {
    node.as_str().unwrap_or_default()
}

/// The positions on the way to the node of a path, if it is there.
///
/// Blanks around a part and empty parts do not count. `-` is the last element of a list.
pub(crate) fn locate(root: &Node, path: &[String]) -> Result<Option<Vec<usize>>, PathError> {
    let mut steps = Vec::with_capacity(path.len());
    let mut node = root;
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let step = match index(part) {
            Some(index) => {
                let index = usize::try_from(index)
                    .map_err(|_| PathError::new(format!("the list index {index} cannot be negative")))?;
                (index < expect_seq(node, part)?.len()).then_some(index)
            }
            None if part == "-" => {
                let last = expect_seq(node, part)?.len().checked_sub(1);
                Some(last.ok_or_else(|| PathError::new("there is no last element in an empty list"))?)
            }
            None if part == "*" => return Err(PathError::new("\"*\" cannot be used in this path")),
            None if is_element(part) => {
                let (field, value) = element(part)?;
                expect_seq(node, part)?.iter().position(|item| match field {
                    "" => text(item) == value,
                    _ => item.get(field).is_some_and(|found| text(found) == value),
                })
            }
            None if node.is_null() => None,
            None => expect_map(node, part)?.position(part),
        };
        let Some(step) = step else { return Ok(None) };
        node = child(node, step);
        steps.push(step);
    }
    Ok(Some(steps))
}

/// The node of a path, if it is there.
pub(crate) fn lookup<'n>(root: &'n Node, path: &[String]) -> Result<Option<&'n Node>, PathError> {
    Ok(locate(root, path)?.map(|steps| steps.iter().fold(root, |node, &step| child(node, step))))
}

/// The node of a path, to be changed; what is missing is made, the last node as a scalar. `None` where
/// the path leads below a null or to a list index that is not there.
pub(crate) fn lookup_create<'n>(
    root: &'n mut Node,
    path: &[String],
    layer: &Arc<Layer>,
) -> Result<Option<&'n mut Node>, PathError> {
    let path: Vec<String> = path
        .iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let mut node = root;
    for (at, part) in path.iter().enumerate() {
        let part = std::slice::from_ref(part);
        if let Some(steps) = locate(node, part)? {
            node = descend(node, &steps);
            continue;
        }
        let is_position = index(&part[0]).is_some() || part[0] == "-";
        if node.is_null() || is_position {
            return Ok(None);
        }
        node = make(node, &path, at, Kind::Scalar, layer)?;
    }
    Ok(Some(node))
}

/// The value at a position of a mapping or a list.
fn child(node: &Node, step: usize) -> &Node {
    match &node.value {
        Value::Map(map) => &map.as_slice()[step].value,
        Value::Seq(items) => &items[step],
        Value::Scalar(_) => node,
    }
}

/// As [`child`], to be changed.
fn child_mut(node: &mut Node, step: usize) -> &mut Node {
    match &mut node.value {
        Value::Map(map) => &mut map.iter_mut().into_slice()[step].value,
        Value::Seq(items) => &mut items.make_mut()[step],
        Value::Scalar(_) => unreachable!("a scalar has no children"),
    }
}

/// The node at the end of `steps`, to be changed.
pub(crate) fn descend<'n>(root: &'n mut Node, steps: &[usize]) -> &'n mut Node {
    steps.iter().fold(root, |node, &step| child_mut(node, step))
}

/// A path to nodes that are to be changed.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) path: &'a [String],
    /// Makes what is missing; the last node is of this kind.
    pub(crate) create: Option<Kind>,
    /// Reads the text of a scalar that the path leads into.
    pub(crate) parse: &'a dyn Fn(&str) -> Option<Node>,
}

/// One node that a route leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    steps: Vec<usize>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The node is there.
    Found,
    /// The part of the path with this number has to be made first.
    Missing(usize),
    /// What is set here is lost: kyaml sets it in a copy, or under a null.
    Nowhere,
}

impl Location {
    /// The positions on the way to the node, as far as it is there.
    pub(crate) fn steps(&self) -> &[usize] {
        &self.steps
    }

    /// Whether the node has to be made.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.end, End::Missing(_))
    }
}

impl<'a> Route<'a> {
    /// All nodes that the route leads to; with `create`, what is missing counts as there.
    pub(crate) fn find(&self, root: &Node) -> Result<Vec<Location>, PathError> {
        let mut search = Search {
            route: *self,
            steps: Vec::new(),
            found: Vec::new(),
        };
        search.visit(root, 0)?;
        Ok(search.found)
    }

    /// The node at a location, to be changed; what is missing is made. `None` where anything set would be
    /// lost.
    pub(crate) fn reach<'n>(
        &self,
        location: &Location,
        root: &'n mut Node,
        layer: &Arc<Layer>,
    ) -> Result<Option<&'n mut Node>, PathError> {
        let at = match location.end {
            End::Nowhere => return Ok(None),
            End::Found => return Ok(Some(descend(root, &location.steps))),
            End::Missing(at) => at,
        };
        let Some(last) = self.create else { return Ok(None) };
        check_element(&self.path[at])?;
        let made = make(descend(root, &location.steps), self.path, at, last, layer)?;
        if is_element(&self.path[at]) && element(&self.path[at])?.0.is_empty() {
            return Ok(Some(made));
        }
        let rest = Route {
            path: &self.path[at + 1..],
            ..*self
        };
        match rest.find(made)?.first() {
            Some(location) => rest.reach(location, made, layer),
            None => Ok(None),
        }
    }
}

struct Search<'a> {
    route: Route<'a>,
    steps: Vec<usize>,
    found: Vec<Location>,
}

impl<'a> Search<'a> {
    fn add(&mut self, end: End) {
        self.found.push(Location {
            steps: self.steps.clone(),
            end,
        });
    }

    /// The part `at` is missing below `node`.
    fn missing(&mut self, node: &Node, at: usize) {
        let end = if node.is_null() { End::Nowhere } else { End::Missing(at) };
        self.add(end);
    }

    fn step(&mut self, node: &Node, step: usize, at: usize) -> Result<(), PathError> {
        self.steps.push(step);
        let result = self.visit(child(node, step), at);
        self.steps.pop();
        result
    }

    fn visit(&mut self, node: &Node, at: usize) -> Result<(), PathError> {
        let Some(part) = self.route.path.get(at) else {
            self.add(End::Found);
            return Ok(());
        };
        if let Some(index) = index(part).and_then(|index| usize::try_from(index).ok()) {
            return self.visit_index(node, at, index);
        }
        if is_element(part) {
            return self.visit_elements(node, at);
        }
        if part == "*" {
            let len = expect_seq(node, part)?.len();
            return (0..len).try_for_each(|step| self.step(node, step, at + 1));
        }
        self.visit_field(node, at)
    }

    fn visit_field(&mut self, node: &Node, at: usize) -> Result<(), PathError> {
        let Route { path, create, parse } = self.route;
        if path[at].is_empty() && !node.is_null() {
            // kyaml takes a part without a name for the value of a scalar.
            return Err(PathError::wrong_kind(Kind::Scalar, node, &path[at]));
        }
        let position = if node.is_null() {
            None
        } else {
            expect_map(node, &path[at])?.position(&path[at])
        };
        let Some(position) = position else {
            if create.is_some() {
                self.missing(node, at);
            }
            return Ok(());
        };
        let field = child(node, position);
        if at + 1 == path.len() || !field.is_scalar() {
            return self.step(node, position, at + 1);
        }
        // kyaml follows the rest of the path in a copy of what the text holds.
        let rest = Route {
            path: &path[at + 1..],
            ..self.route
        };
        let inner = parse(text(field)).ok_or_else(|| PathError::wrong_kind(Kind::Map, field, &rest.path[0]))?;
        let count = rest.find(&inner)?.len();
        (0..count).for_each(|_| self.add(End::Nowhere));
        Ok(())
    }

    fn visit_index(&mut self, node: &Node, at: usize, index: usize) -> Result<(), PathError> {
        let len = expect_seq(node, &self.route.path[at])?.len();
        if index < len {
            return self.step(node, index, at + 1);
        }
        if index == len && self.route.create.is_some() {
            self.missing(node, at);
            return Ok(());
        }
        Err(PathError::new(format!(
            "the list index {index} is out of bounds: there are {len} elements"
        )))
    }

    fn visit_elements(&mut self, node: &Node, at: usize) -> Result<(), PathError> {
        let part = &self.route.path[at];
        let (field, pattern) = element(part)?;
        let items = expect_seq(node, part)?;
        let before = self.found.len();
        if !items.is_empty() {
            let pattern = Pattern::anywhere(pattern).map_err(|error| PathError::new(error.to_string()))?;
            for (step, item) in items.iter().enumerate() {
                if field.is_empty() {
                    // The rest of the path does not count after an element of this form.
                    if pattern.matches(&printed(item)) {
                        self.steps.push(step);
                        self.add(End::Found);
                        self.steps.pop();
                    }
                } else if item.get(field).is_some_and(|found| pattern.matches(&printed(found))) {
                    self.step(node, step, at + 1)?;
                }
            }
        }
        if self.found.len() == before && self.route.create.is_some() {
            self.missing(node, at);
        }
        Ok(())
    }
}

/// Refuses a list element whose value, taken as a regular expression, does not match that value: kyaml
/// would make such elements without end.
fn check_element(part: &str) -> Result<(), PathError> {
    if !is_element(part) {
        return Ok(());
    }
    let (_, value) = element(part)?;
    if Pattern::anywhere(value).is_ok_and(|pattern| pattern.matches(value.trim())) {
        return Ok(());
    }
    Err(PathError::new(format!(
        "a list element made for \"{part}\" would not match it"
    )))
}

/// Makes the child of `node` that the part `at` of a path means.
fn make<'n>(
    node: &'n mut Node,
    path: &[String],
    at: usize,
    last: Kind,
    layer: &Arc<Layer>,
) -> Result<&'n mut Node, PathError> {
    let stamped = |mut node: Node| {
        node.stamp(layer);
        node.at(layer.mark)
    };
    let part = &path[at];
    let kind = kind_before(path.get(at + 1), last);
    let wrong_kind = PathError::wrong_kind(Kind::Map, node, part);
    match &mut node.value {
        Value::Map(map) => {
            map.push(stamped(Node::scalar(part.as_str(), Tag::Unset)), stamped(kind.empty()));
            Ok(&mut map
                .iter_mut()
                .into_slice()
                .last_mut()
                .expect("an entry was just added")
                .value)
        }
        Value::Seq(items) => {
            let item = if is_element(part) {
                let (field, pattern) = element(part)?;
                let value = Node::scalar(pattern, Tag::Unset);
                if field.is_empty() {
                    value
                } else {
                    let mut map = Map::new();
                    map.push(Node::scalar(field, Tag::Unset), value);
                    Node::map(map)
                }
            } else {
                kind.empty()
            };
            items.push(stamped(item));
            Ok(items.make_mut().last_mut().expect("an element was just added"))
        }
        Value::Scalar(_) => Err(wrong_kind),
    }
}

/// A scalar as go-yaml prints it, which is what regular expressions in a path are matched with.
fn printed(node: &Node) -> std::borrow::Cow<'_, str> {
    let Some(text) = node.as_str() else { return "".into() };
    match node.style {
        Style::SingleQuoted => format!("'{}'", text.replace('\'', "''")).into(),
        Style::DoubleQuoted => format!("{text:?}").into(),
        _ => text.trim().into(),
    }
}

/// What there is at the place where a path stops leading on, for a hint.
pub(crate) fn there_instead(root: &Node, path: &[String]) -> Option<String> {
    let mut node = root;
    for (at, part) in path.iter().enumerate() {
        let Ok(Some(next)) = lookup(node, std::slice::from_ref(part)) else {
            return fields_instead(node, &path[..at], part);
        };
        node = next;
    }
    None
}

fn fields_instead(node: &Node, before: &[String], part: &str) -> Option<String> {
    let owner = if before.is_empty() {
        "the object".to_owned()
    } else {
        format!("\"{}\"", before.join("."))
    };
    let words = match &node.value {
        Value::Map(map) => nearest(part, map.iter().map(|entry| text(&entry.key))),
        Value::Seq(items) => {
            let (field, value) = element(part).ok()?;
            let words = items.iter().filter_map(|item| {
                if field.is_empty() {
                    item.as_str()
                } else {
                    item.get(field)?.as_str()
                }
            });
            let words = nearest(value, words);
            return (!words.is_empty()).then(|| format!("{owner} has elements with {field}={}", words.join(", ")));
        }
        Value::Scalar(_) => Vec::new(),
    };
    (!words.is_empty()).then(|| format!("{owner} has the fields {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use yaml::Mark;

    use super::*;

    const OBJECT: &str = "\
metadata: {name: a, labels: {app.kubernetes.io/name: x}}
spec:
  list: [{name: web, port: 1}, {name: web-2, port: 2}, {name: 'q'}]
  words: [-jar, -x]
  nested: [[a, b], [c]]
  nil: ~
  text: plain
  json: '{\"a\": {\"b\": 1}}'
";

    fn parse(text: &str) -> Option<Node> {
        crate::yaml_text::parse(text)
    }

    fn split(path: &str) -> Vec<String> {
        split_bracketed(path, '.')
    }

    #[test]
    fn paths_are_split_as_kyaml_does() {
        let table: [(&str, &[&str]); 9] = [
            ("a.b.c", &["a", "b", "c"]),
            (".a.b", &["a", "b"]),
            (r"a.b\.c.d", &["a", "b.c", "d"]),
            ("a.[b.c/d].e", &["a", "b.c/d", "e"]),
            ("a.[name=b.c].e", &["a", "[name=b.c]", "e"]),
            ("a.[name=b].0.*", &["a", "[name=b]", "0", "*"]),
            ("a.[=-x.y]", &["a", "[=-x.y]"]),
            ("a..b", &["a", "", "b"]),
            ("a.[b.c", &["a", "b.c"]),
        ];
        for (path, expected) in table {
            assert_eq!(split(path), expected, "{path}");
        }
        assert_eq!(
            split_indices(split("a.b[0].[name=x].[1]")),
            ["a", "b", "0", "[name=x]", "1"]
        );
        assert_eq!(super::split(r"a/b\/c/d", '/'), ["a", "b/c", "d"]);
    }

    /// What a lookup finds, in JSON; a dash for nothing.
    fn found(path: &str) -> Result<String, String> {
        let object = parse(OBJECT).unwrap();
        match lookup(&object, &split(path)) {
            Ok(Some(node)) => Ok(crate::json::compact(node).unwrap()),
            Ok(None) => Ok("-".to_owned()),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn a_lookup_takes_elements_by_equality() {
        let table = [
            ("metadata.labels.[app.kubernetes.io/name]", Ok("\"x\"")),
            ("spec.list.[name=web].port", Ok("1")),
            ("spec.list.[name=we].port", Ok("-")),
            ("spec.list.1.name", Ok("\"web-2\"")),
            ("spec.list.-.name", Ok("\"q\"")),
            ("spec.list.9", Ok("-")),
            ("spec.words.[=-x]", Ok("\"-x\"")),
            ("spec.nil.x", Ok("-")),
            ("spec . nope", Ok("-")),
            ("spec.text.x", Err("expected a mapping for \"x\", found a single value")),
            ("spec.list.name", Err("expected a mapping for \"name\", found a list")),
            ("spec.list.-1", Err("the list index -1 cannot be negative")),
            ("spec.list.*", Err("\"*\" cannot be used in this path")),
            (
                "spec.list.[name]",
                Err("the list element \"[name]\" of a path must be written [field=value]"),
            ),
        ];
        for (path, expected) in table {
            assert_eq!(
                found(path),
                expected.map(str::to_owned).map_err(str::to_owned),
                "{path}"
            );
        }
    }

    /// The tree (of `spec`) after every node that a route leads to became `NEW`, and how many there were.
    fn changed(path: &str, create: bool) -> Result<(usize, String), String> {
        let mut object = parse(OBJECT).unwrap();
        let layer = Layer::new("kustomization.yaml".into(), "test".into(), Mark::NONE);
        let layer = Arc::new(layer);
        let path = split(path);
        let route = Route {
            path: &path,
            create: create.then_some(Kind::Scalar),
            parse: &parse,
        };
        let locations = route.find(&object).map_err(|error| error.message)?;
        for location in &locations {
            let reached = route.reach(location, &mut object, &layer);
            if let Some(node) = reached.map_err(|error| error.message)? {
                *node = Node::string("NEW");
            }
        }
        let before = crate::json::compact(parse(OBJECT).unwrap().get("spec").unwrap()).unwrap();
        let after = crate::json::compact(object.get("spec").unwrap()).unwrap();
        Ok((locations.len(), if before == after { String::new() } else { after }))
    }

    #[test]
    fn a_route_takes_elements_by_pattern_and_makes_what_is_missing() {
        let table = [
            (
                "spec.list.[name=web].port",
                false,
                Ok((
                    2,
                    r#""list":[{"name":"web","port":"NEW"},{"name":"web-2","port":"NEW"},{"name":"q"}]"#,
                )),
            ),
            (
                "spec.list.[name=^web$].port",
                false,
                Ok((
                    1,
                    r#""list":[{"name":"web","port":"NEW"},{"name":"web-2","port":2},{"name":"q"}]"#,
                )),
            ),
            (
                "spec.list.*.name",
                false,
                Ok((
                    3,
                    r#""list":[{"name":"NEW","port":1},{"name":"NEW","port":2},{"name":"NEW"}]"#,
                )),
            ),
            ("spec.list.[name=^q$].name", false, Ok((0, ""))),
            (
                "spec.list.*.port",
                true,
                Ok((
                    3,
                    r#""list":[{"name":"web","port":"NEW"},{"name":"web-2","port":"NEW"},{"name":"q","port":"NEW"}]"#,
                )),
            ),
            (
                "spec.list.[name=db].port",
                true,
                Ok((1, r#"{"name":"q"},{"name":"db","port":"NEW"}]"#)),
            ),
            ("spec.list.3.a.b", true, Ok((1, r#"{"name":"q"},{"a":{"b":"NEW"}}]"#))),
            (
                "spec.list.4",
                true,
                Err("the list index 4 is out of bounds: there are 3 elements"),
            ),
            ("spec.words.[=x]", false, Ok((1, r#""words":["-jar","NEW"]"#))),
            ("spec.words.[=y]", true, Ok((1, r#""words":["-jar","-x","NEW"]"#))),
            ("spec.nested.*.0", false, Ok((2, r#""nested":[["NEW","b"],["NEW"]]"#))),
            ("spec.a.[name=b].c", true, Ok((1, r#"{"a":[{"c":"NEW","name":"b"}],"#))),
            (
                "spec.a.[name=^b$].c",
                true,
                Err("a list element made for \"[name=^b$]\" would not match it"),
            ),
            ("spec.nope", false, Ok((0, ""))),
            ("spec.nil.x", true, Ok((1, ""))),
            ("spec.json.a.b", false, Ok((1, ""))),
            (
                "spec.text.x",
                true,
                Err("expected a mapping for \"x\", found a single value"),
            ),
            (
                "spec.list.[name=a(].x",
                false,
                Err("\"a(\" is not a regular expression: unclosed group"),
            ),
        ];
        for (path, create, expected) in table {
            match (changed(path, create), expected) {
                (Ok((count, after)), Ok((expected_count, part))) => {
                    assert_eq!(count, expected_count, "{path}");
                    assert!(
                        if part.is_empty() {
                            after.is_empty()
                        } else {
                            after.contains(part)
                        },
                        "{path}: {after}"
                    );
                }
                (result, expected) => assert_eq!(result.err(), expected.err().map(str::to_owned), "{path}"),
            }
        }
    }

    #[test]
    fn hints_name_what_is_there() {
        let object = parse(OBJECT).unwrap();
        let hint = |path: &str| there_instead(&object, &split(path));
        assert_eq!(
            hint("spec.wrods.0").unwrap(),
            "\"spec\" has the fields words, list, nested, nil, text"
        );
        assert_eq!(
            hint("spec.list.[name=wbe].x").unwrap(),
            "\"spec.list\" has elements with name=web, web-2, q"
        );
        assert_eq!(hint("spec.text"), None);
    }
}
