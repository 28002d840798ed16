//! The fields of a kustomization that name files and directories.

use build::Result;
use yaml::Mark;

use super::changes::{Changes, entry};
use super::root::{Root, Work};

/// What a field names, and so how its text is localized.
#[derive(Clone, Copy, Debug)]
pub(super) enum Names {
    File,
    /// `file` or `key=file`.
    Source,
    /// A directory or URL of a kustomization.
    Base,
    /// A file of objects, or a base.
    Resource,
    /// A file of objects, or objects in place.
    Objects,
    /// A file of plugins, or plugins in place.
    Plugins,
    /// A directory of charts.
    ChartHome,
}

/// Fields of a kustomization; `*` stands for every item of a list.
const FIELDS: [(&[&str], Names); 24] = [
    (&["openapi", "path"], Names::File),
    (&["resources", "*"], Names::Resource),
    (&["bases", "*"], Names::Base),
    (&["components", "*"], Names::Base),
    (&["configurations", "*"], Names::File),
    (&["crds", "*"], Names::File),
    (&["configMapGenerator", "*", "env"], Names::File),
    (&["configMapGenerator", "*", "envs", "*"], Names::File),
    (&["configMapGenerator", "*", "files", "*"], Names::Source),
    (&["secretGenerator", "*", "env"], Names::File),
    (&["secretGenerator", "*", "envs", "*"], Names::File),
    (&["secretGenerator", "*", "files", "*"], Names::Source),
    (&["helmChartInflationGenerator", "*", "values"], Names::File),
    (&["helmChartInflationGenerator", "*", "chartHome"], Names::ChartHome),
    (&["helmCharts", "*", "valuesFile"], Names::File),
    (&["helmCharts", "*", "additionalValuesFiles", "*"], Names::File),
    (&["helmGlobals", "chartHome"], Names::ChartHome),
    (&["patches", "*", "path"], Names::File),
    (&["patchesJson6902", "*", "path"], Names::File),
    (&["patchesStrategicMerge", "*"], Names::Objects),
    (&["replacements", "*", "path"], Names::File),
    (&["generators", "*"], Names::Plugins),
    (&["transformers", "*"], Names::Plugins),
    (&["validators", "*"], Names::Plugins),
];

impl Work<'_> {
    /// Localizes all that a kustomization names.
    pub(super) fn fields(&mut self, root: &Root, changes: &mut Changes) -> Result<()> {
        for (path, names) in FIELDS {
            for (place, value) in changes.texts(path) {
                let text = value.as_str().unwrap_or_default();
                let step = step(&place);
                let new = self
                    .localized(root, names, text, value.mark)
                    .map_err(|error| error.within(value.mark, step))?;
                changes.set(place, &value, new);
            }
        }
        self.default_chart_homes(root, changes)
    }

    pub(super) fn localized(&mut self, root: &Root, names: Names, text: &str, mark: Mark) -> Result<String> {
        match names {
            Names::File => self.file(root, text, mark),
            Names::Source => self.source(root, text, mark),
            Names::Base => self.base(root, text, mark),
            Names::Resource => self.resource(root, text, mark),
            Names::Objects => self.objects_or_file(root, text, mark),
            Names::Plugins => self.plugins_or_file(root, text, mark),
            Names::ChartHome => self.chart_home(root, text, mark),
        }
    }

    fn source(&mut self, root: &Root, text: &str, mark: Mark) -> Result<String> {
        match text.split_once('=') {
            Some((key, file)) => Ok(format!("{key}={}", self.file(root, file, mark)?)),
            None => self.file(root, text, mark),
        }
    }

    /// Charts that say no home are in the default one.
    fn default_chart_homes(&mut self, root: &Root, changes: &Changes) -> Result<()> {
        let node = changes.node();
        let says_home = |node: &yaml::Node| {
            let home = entry(node, "chartHome").and_then(|(_, home)| home.as_str());
            home.is_some_and(|home| !home.is_empty())
        };
        let items = |field: &str| {
            let list = entry(node, field).and_then(|(_, list)| list.as_seq());
            list.into_iter().flatten()
        };
        let globals = entry(node, "helmGlobals").map(|(_, globals)| globals);
        let needs_default = match globals.filter(|globals| !globals.is_null()) {
            Some(globals) => !says_home(globals),
            None => items("helmCharts").next().is_some(),
        };
        if needs_default || items("helmChartInflationGenerator").any(|chart| !says_home(chart)) {
            self.chart_home(root, "", node.mark)?;
        }
        Ok(())
    }
}

/// A place in the words of a message: `resources[2]`.
fn step(place: &[super::changes::Part]) -> String {
    use super::changes::Part;
    let mut out = String::new();
    for part in place {
        match part {
            Part::Key(key) if out.is_empty() => out.push_str(key),
            Part::Key(key) => out.push_str(&format!(".{key}")),
            Part::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}
