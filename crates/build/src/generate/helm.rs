//! `helmCharts`: what the helm program makes of a chart (kustomize's `HelmChartInflationGenerator`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resource::{Resource, strategic_merge};
use yaml::{Layer, Mark, Node};

use crate::accumulate::{Context, Target};
use crate::config::{HelmChart, HelmGlobals, Str};
use crate::error::{BuildError, ErrorKind, Result};
use crate::files::{FileKind, clean_join};
use crate::load;
use crate::programs::{Call, HelmSettings, Program, ProgramError, Programs, Ran, Word};

/// Where charts are kept, if the kustomization says nothing.
const CHARTS: &str = "charts";
/// The annotation by which later steps know what helm made.
const GENERATED: &str = "internal.config.kubernetes.io/helm-generated";

/// One chart on its way to its objects.
struct Inflation<'a, 'c> {
    cx: &'a Context<'c>,
    target: &'a Target,
    programs: &'c dyn Programs,
    settings: &'a HelmSettings,
    globals: &'a HelmGlobals,
    chart: &'a HelmChart,
    /// The directory that holds the directory of the chart.
    home: PathBuf,
}

/// The objects of one chart.
pub(crate) fn generate(
    cx: &Context<'_>,
    target: &Target,
    globals: &HelmGlobals,
    chart: &HelmChart,
    layer: &Arc<Layer>,
) -> Result<Vec<Resource>> {
    let (programs, settings) = cx.session.runner().helm(chart.mark)?;
    chart.check()?;
    let home = home(&target.root.directory, globals, chart);
    let inflation = Inflation {
        cx,
        target,
        programs,
        settings,
        globals,
        chart,
        home,
    };
    inflation.objects(layer)
}

/// The directory that holds the directory of a chart. A version of a repository has one of its own.
fn home(root: &Path, globals: &HelmGlobals, chart: &HelmChart) -> PathBuf {
    let name = if globals.chart_home.is_empty() {
        CHARTS
    } else {
        &globals.chart_home
    };
    let home = clean_join(root, name);
    if chart.version.is_empty() || chart.repo.is_empty() {
        return home;
    }
    clean_join(&home, &format!("{}-{}", chart.name, chart.version))
}

impl Inflation<'_, '_> {
    fn objects(&self, layer: &Arc<Layer>) -> Result<Vec<Resource>> {
        for file in &self.chart.additional_values_files {
            self.target.find_file(self.cx, file)?;
        }
        let session = self.cx.session;
        session.need_whole_repository(&self.target.root.directory, self.chart.mark)?;
        let runner = session.runner();
        runner.helm_version.get_or_init(|| self.check_version()).clone()?;
        runner.with_chart(&self.directory(), || self.pull_if_absent())?;
        let values = self.values()?;
        let arguments = self.template_arguments();
        let shown = format!("output of helm template for the chart \"{}\"", self.chart.name);
        let ran = self.run(arguments, vec![(self.values_name(), values)])?;
        let text = match yaml::decode(ran.stdout) {
            Ok(text) => yaml::normalize_newlines(text),
            Err(error) => return Err(self.error(format!("helm printed what is no text: {error}"))),
        };
        let source = self.cx.session.sources().add(shown, text);
        let within = |error: BuildError| {
            error.within(self.chart.mark, layer.step.clone()).hint(format!(
                "this is what helm made of the chart in {}",
                self.shown(&self.directory())
            ))
        };
        let documents = yaml::read_documents(&source).map_err(|error| within(error.into()))?;
        let nodes = load::objects(&documents).map_err(within)?;
        let mut objects = load::resources(nodes, layer, &self.cx.schema);
        objects.iter_mut().for_each(mark_generated);
        Ok(objects)
    }

    fn directory(&self) -> PathBuf {
        clean_join(&self.home, &self.chart.name)
    }

    fn shown(&self, path: &Path) -> String {
        self.cx.session.display(path)
    }

    fn error(&self, message: impl Into<String>) -> BuildError {
        BuildError::new(ErrorKind::Program, self.chart.mark, message)
    }

    /// Runs helm, which must succeed.
    fn run(&self, arguments: Vec<Word>, files: Vec<(String, Vec<u8>)>) -> Result<Ran> {
        let config = &self.globals.config_home;
        let below = |name: &str| match config.is_empty() {
            true => Word::Scratch(format!("helm{name}")),
            false => Word::Text(format!("{config}{name}")),
        };
        let command = arguments.first().and_then(Word::text).unwrap_or_default().to_owned();
        let call = Call {
            program: Program::Helm,
            variables: vec![
                ("HELM_CONFIG_HOME".to_owned(), below("")),
                ("HELM_CACHE_HOME".to_owned(), below("/.cache")),
                ("HELM_DATA_HOME".to_owned(), below("/.data")),
            ],
            directory: None,
            stdin: None,
            files,
            scratch: "kustomize-helm-",
            fills: arguments.contains(&Word::Filled).then(|| self.home.clone()),
            arguments,
        };
        let ran = self.cx.session.runner().run(self.programs, call, self.chart.mark)?;
        match &ran.failure {
            None => Ok(ran),
            Some(failure) => {
                let message = format!("helm {command} failed for the chart \"{}\": {failure}", self.chart.name);
                Err(ProgramError::new(message).stderr(&*ran.stderr).at(self.chart.mark))
            }
        }
    }

    /// helm 3 and helm 4 are known.
    fn check_version(&self) -> Result<()> {
        let ran = self.run(vec!["version".into(), "--short".into()], Vec::new())?;
        let said = String::from_utf8_lossy(&ran.stdout);
        let Some(version) = version(&said) else {
            let message = format!("cannot find version string in {:?}", said.trim());
            return Err(self.error(message).hint("is --helm-command the helm program?"));
        };
        match version.split('.').next() {
            Some("3" | "4") => Ok(()),
            _ => Err(self
                .error(format!("this plugin requires helm V3 or V4 but got v{version}"))
                .hint("name another helm with --helm-command")),
        }
    }

    /// Charts that are there are used as they are.
    fn pull_if_absent(&self) -> Result<()> {
        let directory = self.directory();
        let chart = self.chart;
        if matches!(self.cx.session.resolve(&directory), Ok((_, FileKind::Directory))) {
            return Ok(());
        }
        if chart.repo.is_empty() {
            let shown = self.shown(&directory);
            return Err(self
                .error(format!("no repo specified for pull, no chart found at '{shown}'"))
                .hint("say `repo`, or put the chart there"));
        }
        let mut arguments: Vec<&str> = Vec::new();
        let reference = format!("{}/{}", chart.repo.strip_suffix('/').unwrap_or(&chart.repo), chart.name);
        if chart.repo.starts_with("oci://") {
            arguments.push(&reference);
        } else {
            arguments.extend(["--repo", &chart.repo, &chart.name]);
        }
        if !chart.version.is_empty() {
            arguments.extend(["--version", &chart.version]);
        }
        if chart.devel {
            arguments.push("--devel");
        }
        let words = ["pull", "--untar", "--untardir"].map(Word::from).into_iter();
        let words = words.chain([Word::Filled]);
        self.run(words.chain(arguments.into_iter().map(Word::from)).collect(), Vec::new())?;
        Ok(())
    }

    fn values_name(&self) -> String {
        format!("{}-kustomize-values.yaml", self.chart.name)
    }

    fn template_arguments(&self) -> Vec<Word> {
        let (chart, settings) = (self.chart, self.settings);
        let mut arguments: Vec<Word> = vec!["template".into()];
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| Word::from(*word)));
        match &*chart.release_name {
            "" => add(&["--generate-name"]),
            name => add(&[name]),
        }
        add(&[&self.directory().display().to_string()]);
        for (flag, value) in [
            ("--namespace", &chart.namespace),
            ("--name-template", &chart.name_template),
        ] {
            if !value.is_empty() {
                add(&[flag, value]);
            }
        }
        arguments.extend(["-f".into(), Word::Scratch(self.values_name())]);
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| Word::from(*word)));
        for file in &chart.additional_values_files {
            let file = clean_join(&self.target.root.directory, file);
            add(&["-f", &file.display().to_string()]);
        }
        if chart.api_versions.is_empty() {
            settings
                .api_versions
                .iter()
                .for_each(|version| add(&["--api-versions", version]));
        }
        chart
            .api_versions
            .iter()
            .for_each(|version| add(&["--api-versions", version]));
        match (&*chart.kube_version, &*settings.kube_version) {
            ("", "") => {}
            ("", version) | (version, _) => add(&["--kube-version", version]),
        }
        let flags = [
            ("--include-crds", chart.include_crds),
            ("--skip-tests", chart.skip_tests),
            ("--no-hooks", chart.skip_hooks),
            ("--debug", chart.debug || settings.debug),
            ("--devel", chart.devel),
        ];
        for (flag, _) in flags.iter().filter(|(_, is_set)| *is_set) {
            add(&[flag]);
        }
        arguments
    }

    /// The values that helm is given: those of a file, those in place, or both.
    fn values(&self) -> Result<Vec<u8>> {
        let chart = self.chart;
        let file = chart.values_file.clone().unwrap_or_else(|| Str {
            text: self.directory().join("values.yaml").display().to_string().into(),
            mark: chart.mark,
            ..Str::default()
        });
        let inline = chart.values_inline.as_ref().filter(|values| !values.is_null_or_empty());
        match (inline, &*chart.values_merge) {
            (None, _) => {
                let path = self.target.find_file(self.cx, &file)?;
                self.cx.session.read(&path, file.mark, &file)
            }
            (Some(inline), "replace") => print(inline, chart.mark),
            (Some(inline), how) => {
                let theirs = self.target.read_yaml(self.cx, &file)?;
                // kustomize refuses a file of comments alone; here it says nothing.
                let theirs = match theirs.documents(|| 1)?.nodes.first() {
                    Some(values) if !values.is_null() => values.clone(),
                    _ => return print(inline, chart.mark),
                };
                let (mut below, above) = match how {
                    "merge" => (inline.clone(), &theirs),
                    _ => (theirs, inline),
                };
                let layer = self.target.layer("valuesInline", chart.mark);
                strategic_merge(&mut below, above, &self.cx.schema, &layer).map_err(|error| {
                    BuildError::new(
                        ErrorKind::Config,
                        error.mark,
                        format!("could not merge values: {error}"),
                    )
                    .related(chart.mark, "for this chart")
                })?;
                print(&below, chart.mark)
            }
        }
    }
}

fn print(values: &Node, mark: Mark) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    yaml::emit(values, &mut out).map_err(|error| {
        BuildError::new(ErrorKind::Config, error.mark, error.to_string()).related(mark, "values of this chart")
    })?;
    Ok(out)
}

/// The first version in a text: numbers with points between them.
fn version(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let mut end = at;
        let mut points = 0;
        while end < bytes.len() {
            let is_point = bytes[end] == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            if !is_point && !bytes[end].is_ascii_digit() {
                break;
            }
            points += usize::from(is_point);
            end += 1;
        }
        if points > 0 {
            return text.get(at..end);
        }
        at = end;
    }
    None
}

fn mark_generated(resource: &mut Resource) {
    let Some(metadata) = resource.metadata_mut() else {
        return;
    };
    if metadata.get("annotations").is_none_or(Node::is_null) {
        metadata.insert("annotations", Node::map(yaml::Map::new()));
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) {
        annotations.insert(GENERATED, Node::string("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_versions() {
        for (text, expected) in [
            ("v3.14.0+gfakehelm", Some("3.14.0")),
            ("Client: v2.17.0", Some("2.17.0")),
            ("WARNING 7 things\n4.0", Some("4.0")),
            ("v3", None),
            ("", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn versions_of_a_repository_have_a_home_of_their_own() {
        let globals = HelmGlobals::default();
        let mut chart = HelmChart {
            name: "c".into(),
            version: "1.0".into(),
            ..HelmChart::default()
        };
        let root = Path::new("/r");
        assert_eq!(home(root, &globals, &chart), Path::new("/r/charts"));
        chart.repo = "https://example.com".into();
        assert_eq!(home(root, &globals, &chart), Path::new("/r/charts/c-1.0"));
        let globals = HelmGlobals {
            chart_home: "../elsewhere".into(),
            ..globals
        };
        assert_eq!(home(root, &globals, &chart), Path::new("/elsewhere/c-1.0"));
    }
}
