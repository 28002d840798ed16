//! Configurations of built-in plugins: files of their own or texts in place, with paths in them.

use build::{BuildError, ErrorKind, Result};
use yaml::{Mark, Node};

use super::changes::{Changes, entry};
use super::fields::Names;
use super::root::{Root, Work, written};

/// The fields of built-in plugins that name files; each is a text or a list of texts.
const FIELDS: [(&str, &[&str], Names); 13] = [
    ("ConfigMapGenerator", &["env"], Names::File),
    ("ConfigMapGenerator", &["envs"], Names::File),
    ("ConfigMapGenerator", &["files"], Names::Source),
    ("SecretGenerator", &["env"], Names::File),
    ("SecretGenerator", &["envs"], Names::File),
    ("SecretGenerator", &["files"], Names::Source),
    ("HelmChartInflationGenerator", &["valuesFile"], Names::File),
    ("HelmChartInflationGenerator", &["additionalValuesFiles"], Names::File),
    ("HelmChartInflationGenerator", &["chartHome"], Names::ChartHome),
    ("PatchTransformer", &["path"], Names::File),
    ("PatchJson6902Transformer", &["path"], Names::File),
    ("ReplacementTransformer", &["replacements", "*", "path"], Names::File),
    ("PatchStrategicMergeTransformer", &["paths"], Names::Objects),
];

const BUILTIN: &str = "builtin";

impl Work<'_> {
    /// Objects in place stay; a file of objects is localized.
    pub(super) fn objects_or_file(&mut self, root: &Root, text: &str, mark: Mark) -> Result<String> {
        if self.are_objects(text, mark)? {
            return Ok(text.to_owned());
        }
        let (place, bytes) = self.load(root, text, mark, true)?;
        let content = self.text(text, bytes.clone())?;
        build::read_objects(&self.sources.add(text, content))?;
        self.keep(root, &place, bytes, mark)?;
        Ok(written(&place))
    }

    /// The same for plugins, whose paths are localized in both.
    pub(super) fn plugins_or_file(&mut self, root: &Root, text: &str, mark: Mark) -> Result<String> {
        if self.are_objects(text, mark)? {
            return self.plugins(root, text, mark);
        }
        let (place, bytes) = self.load(root, text, mark, true)?;
        let content = self.text(text, bytes)?;
        build::read_objects(&self.sources.add(text, content.clone()))?;
        let content = self.plugins(root, &content, mark)?;
        self.keep(root, &place, content.into_bytes(), mark)?;
        Ok(written(&place))
    }

    /// Whether a text is objects and not the path of a file. Several lines cannot be a path: then what is wrong
    /// with them is told.
    fn are_objects(&self, text: &str, mark: Mark) -> Result<bool> {
        match build::read_objects(&self.sources.add("", text.to_owned())) {
            Ok(_) => Ok(true),
            Err(error) if text.trim_end().contains('\n') => Err(BuildError {
                mark,
                trail: Vec::new(),
                ..error
            }),
            Err(_) => Ok(false),
        }
    }

    fn plugins(&mut self, root: &Root, text: &str, mark: Mark) -> Result<String> {
        let mut out = String::with_capacity(text.len());
        for document in documents(text) {
            let source = self.sources.add("", document.to_owned());
            let config = yaml::read_config(&source).map_err(BuildError::from)?;
            let mut changes = Changes::new(config.node);
            self.plugin(root, &mut changes, mark)?;
            let written = changes.apply(document);
            let written = written.map_err(|error| BuildError::new(ErrorKind::Config, mark, error.to_string()))?;
            // Printed anew, it has lost the line that begins it.
            if document.starts_with("---") && !written.starts_with("---") {
                out.push_str("---\n");
            }
            out.push_str(&written);
        }
        Ok(out)
    }

    fn plugin(&mut self, root: &Root, changes: &mut Changes, mark: Mark) -> Result<()> {
        let text = |field: &str| changes.node().get(field).and_then(Node::as_str).unwrap_or_default();
        if text("apiVersion") != BUILTIN {
            return Ok(());
        }
        let kind = text("kind").to_owned();
        for (_, path, names) in FIELDS.into_iter().filter(|(of, _, _)| *of == kind) {
            refuse_mapping(changes.node(), path, &kind, mark)?;
            let items = [path, &["*"]].concat();
            for (place, value) in [changes.texts(path), changes.texts(&items)].concat() {
                let step = format!("{} of {kind}", path[0]);
                let new = self
                    .localized(root, names, value.as_str().unwrap_or_default(), mark)
                    .map_err(|error| error.within(mark, step))?;
                changes.set(place, &value, new);
            }
        }
        if kind == "HelmChartInflationGenerator" && entry(changes.node(), "chartHome").is_none() {
            self.chart_home(root, "", mark)?;
        }
        Ok(())
    }
}

fn refuse_mapping(node: &Node, path: &[&str], kind: &str, mark: Mark) -> Result<()> {
    match path {
        [field] if node.get(field).is_some_and(|value| value.as_map().is_some()) => {
            let message = format!("`{field}` of {kind} is a mapping, a path or a list of paths is needed here");
            Err(BuildError::new(ErrorKind::Config, mark, message))
        }
        _ => Ok(()),
    }
}

/// The documents of a text, each with the line that begins it.
fn documents(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let begins = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.trim_start() != rest || rest.is_empty());
        if begins && !text[start..at].trim().is_empty() {
            out.push(&text[start..at]);
            start = at;
        }
        at += line.len();
    }
    out.push(&text[start..]);
    out
}
