//! Functions on a package: those that its objects declare, or one that is named, run one after the other; what they
//! give back is written to the files it came from (kyaml's `RunFns`).

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use build::{Call, FunctionCall, PluginSettings, Program, Programs};
use yaml::{Layout, LayoutKind, LayoutStyle};

use crate::annotations::{self, ID, INDEX, Meta, OLD_ID, OLD_PATH, PATH};
use crate::error::{Error, Result};
use crate::pipeline::{Step, through};
use crate::read::{Reading, read_package, read_stream};
use crate::sync::{copy_comments, sync_order};
use crate::write::{Wrapping, files_of, place, write_objects, write_package};

const DECLARED: [&str; 2] = ["config.kubernetes.io/function", "config.k8s.io/function"];
const CONTAINER: &str = "config.kubernetes.io/container";
/// A directory of functions, which are for what is beside it.
const FUNCTIONS: &str = "functions";

/// Which functions run, and how.
pub struct Functions<'f> {
    pub programs: &'f dyn Programs,
    pub settings: PluginSettings,
    /// Where programs run, and mounts begin.
    pub directory: PathBuf,
    /// Functions are read from there instead of the package.
    pub paths: Vec<String>,
    /// A function that runs instead of those of the package.
    pub named: Option<Layout>,
    /// Functions are for all objects, not only for those below them.
    pub global: bool,
    pub results: Option<PathBuf>,
    /// Told what runs.
    pub log: Option<&'f dyn Fn(&str)>,
    /// Told what programs write to their standard error.
    pub say: &'f dyn Fn(&[u8]),
}

/// What is done: to a stream, to a package, or to a package as if.
#[derive(Clone, Copy, Debug)]
pub enum Target<'t> {
    Stream(&'t [u8]),
    Package { path: &'t Path, dry: bool },
}

/// A function that is ready to run.
struct Function {
    call: Call,
    config: Layout,
    global: bool,
    defers: bool,
    results: Option<PathBuf>,
    /// The image or the program.
    name: String,
}

/// Runs the functions; the objects where they are not written back to files.
///
/// # Errors
/// If something cannot be read, run or written: then no file has changed.
pub fn run(functions: &Functions<'_>, target: Target<'_>) -> Result<Option<String>> {
    let objects = match target {
        Target::Stream(bytes) => read_stream(bytes.to_vec())?.objects,
        Target::Package { path, .. } => read_package(
            path,
            Reading {
                json: true,
                ..Reading::default()
            },
        )?,
    };
    let read = files_of(&objects);
    let all = functions.find(&objects)?;
    let failures = std::cell::RefCell::new(Vec::new());
    let mut steps: Vec<Box<Step<'_>>> = Vec::with_capacity(all.len());
    for function in &all {
        let failures = &failures;
        steps.push(Box::new(move |objects| {
            if let Some(log) = functions.log {
                log(&format!("Running {}", function.name));
            }
            let (objects, failure) = function.apply(functions, objects)?;
            failures.borrow_mut().extend(failure);
            Ok(objects)
        }));
    }
    let made = through(objects, &mut steps)?;
    drop(steps);
    let text = match (made, target) {
        (None, _) => None,
        (Some(objects), Target::Package { path, dry: false }) => {
            write_package(path, objects, &read)?;
            None
        }
        (Some(objects), _) => Some(write_objects(
            &objects,
            &Wrapping {
                keep_path: true,
                ..Wrapping::default()
            },
        )?),
    };
    match failures.into_inner().as_slice() {
        [] => Ok(text),
        failures => Err(Error::new(failures.join("\n---\n"))),
    }
}

impl Functions<'_> {
    /// A function that is named on the command line: an image or a program, with the data it is given.
    ///
    /// # Errors
    /// If the data are not keys and values.
    pub fn named(image: Option<&str>, program: &str, network: bool, data: &[String]) -> Result<Layout> {
        let mut kind = "ConfigMap";
        let mut given = Layout::new(LayoutKind::Mapping);
        given.style.flow = true;
        for (number, item) in data.iter().enumerate() {
            match item.split_once('=') {
                Some((key, value)) => given.push(Layout::scalar(key), Layout::scalar(value)),
                None if number == 0 => kind = item,
                None => return Err(Error::new("args must have keys and values separated by =")),
            }
        }
        let declared = match image {
            Some(image) if network => format!("container: {{image: '{image}', network: true}}\n"),
            Some(image) => format!("container: {{image: '{image}'}}\n"),
            None => format!("exec: {{path: '{program}'}}\n"),
        };
        let mut metadata = Layout::new(LayoutKind::Mapping);
        metadata.push(Layout::scalar("name"), Layout::scalar("function-input"));
        let mut annotations = Layout::new(LayoutKind::Mapping);
        let declared = Layout {
            tag: "!!str".to_owned(),
            style: LayoutStyle {
                literal: true,
                ..LayoutStyle::PLAIN
            },
            ..Layout::scalar(declared)
        };
        annotations.push(Layout::scalar(DECLARED[0]), declared);
        metadata.push(Layout::scalar("annotations"), annotations);
        let mut config = Layout::new(LayoutKind::Mapping);
        config.push(Layout::scalar("metadata"), metadata);
        config.push(Layout::scalar("data"), given);
        config.push(Layout::scalar("kind"), Layout::scalar(kind));
        config.push(Layout::scalar("apiVersion"), Layout::scalar("v1"));
        Ok(config)
    }

    fn find(&self, objects: &[Layout]) -> Result<Vec<Function>> {
        let mut all = Vec::new();
        if self.paths.is_empty() && self.named.is_none() {
            let mut declared = Vec::new();
            for object in objects {
                if Spec::read(object)?.is_some() {
                    declared.push(object.clone());
                }
            }
            // Those that are deepest run first.
            declared.sort_by_cached_key(|object| {
                let meta = Meta::of(object);
                let path = meta.annotation(PATH).to_owned();
                let scope = scope_of(&path);
                let depth = if scope == "." { 0 } else { scope.split('/').count() };
                let index: i64 = meta.annotation(INDEX).parse().unwrap_or_default();
                (Reverse(depth), scope, path, index)
            });
            self.prepare(declared, false, &mut all)?;
        }
        // Of several directories, kustomize takes the last one.
        if let Some(path) = self.paths.last() {
            self.prepare(read_package(Path::new(path), Reading::default())?, true, &mut all)?;
        }
        self.prepare(self.named.iter().cloned().collect(), true, &mut all)?;
        Ok(all)
    }

    fn prepare(&self, configs: Vec<Layout>, global: bool, all: &mut Vec<Function>) -> Result<()> {
        for config in configs {
            let Some(spec) = Spec::read(&config)? else { continue };
            if spec.call.network && !self.settings.network {
                return Err(Error::new("network required but not enabled with --network")
                    .hint("run with --network if this function may use the network of this machine"));
            }
            let Some(call) = spec.call.call(&self.settings, &self.directory) else {
                continue;
            };
            let is_container = call.program == Program::Docker;
            let number = all.len();
            let results = self
                .results
                .as_ref()
                .map(|directory| directory.join(format!("results-{number}.yaml")));
            all.push(Function {
                name: if is_container { spec.call.image } else { spec.call.path },
                call,
                config,
                global: self.global || (global && is_container),
                defers: spec.defers,
                results,
            });
        }
        Ok(())
    }
}

/// What an object says of the function it is for.
#[derive(Default)]
struct Spec {
    defers: bool,
    call: FunctionCall,
}

impl Spec {
    fn read(object: &Layout) -> Result<Option<Spec>> {
        let meta = Meta::of(object);
        for name in DECLARED {
            let text = meta.annotation(name);
            if text.is_empty() {
                continue;
            }
            let source = yaml::Sources::new().add(name, text.to_owned());
            let malformed =
                |said: String| Error::new(format!("failed to get FunctionSpec: {name} unmarshal error: {said}"));
            let (documents, _) =
                yaml::read_layout(&source).map_err(|error| malformed(Error::malformed(&error, &source).to_string()))?;
            let spec = documents.first().map(|document| Spec::decode(document.root()));
            return spec.unwrap_or_else(|| Ok(Spec::default())).map(Some).map_err(malformed);
        }
        let config = object
            .root()
            .get_path(["metadata", "configFn"])
            .filter(|config| !config.is_null());
        if let Some(config) = config {
            let malformed = |said| Error::new(format!("failed to get FunctionSpec: configFn unmarshal error: {said}"));
            return Spec::decode(config).map(Some).map_err(malformed);
        }
        let image = meta.annotation(CONTAINER);
        let mut spec = Spec::default();
        image.clone_into(&mut spec.call.image);
        Ok((!image.is_empty()).then_some(spec))
    }

    fn decode(node: &Layout) -> Result<Spec, String> {
        let mut spec = Spec::default();
        for (key, value) in node.entries() {
            match &*key.value {
                "deferFailure" => spec.defers = is_true(value),
                "container" => {
                    for (key, value) in value.entries() {
                        match &*key.value {
                            "image" => spec.call.image.clone_from(&value.value),
                            "network" => spec.call.network = is_true(value),
                            "envs" => spec.call.variables = texts(value),
                            "mounts" => {
                                let words = value.content.iter().map(|mount| {
                                    let option =
                                        |(key, value): (&Layout, &Layout)| format!("{}={}", key.value, value.value);
                                    mount.entries().map(option).collect::<Vec<_>>().join(",")
                                });
                                spec.call.mounts = words.collect();
                            }
                            other => return Err(unknown(other)),
                        }
                    }
                }
                "exec" => {
                    for (key, value) in value.entries() {
                        match &*key.value {
                            "path" => spec.call.path.clone_from(&value.value),
                            "args" => spec.call.arguments = texts(value),
                            "envs" => spec.call.variables = texts(value),
                            other => return Err(unknown(other)),
                        }
                    }
                }
                other => return Err(unknown(other)),
            }
        }
        Ok(spec)
    }
}

fn unknown(field: &str) -> String {
    format!("error unmarshaling JSON: while decoding JSON: json: unknown field \"{field}\"")
}

fn is_true(node: &Layout) -> bool {
    node.short_tag() == "!!bool" && node.value.eq_ignore_ascii_case("true")
}

fn texts(list: &Layout) -> Vec<String> {
    list.content.iter().map(|item| item.value.clone()).collect()
}

fn directory_of(path: &str) -> String {
    let parent = Path::new(path).parent().map(|parent| parent.display().to_string());
    parent
        .filter(|parent| !parent.is_empty())
        .unwrap_or_else(|| ".".to_owned())
}

/// The directory whose objects a function at a path is for.
fn scope_of(path: &str) -> String {
    let directory = directory_of(path);
    if directory == FUNCTIONS || directory.ends_with("/functions") {
        return directory_of(&directory);
    }
    directory
}

impl Function {
    /// Gives the objects in the scope of the function to it; what it makes of them, and the failure that is put off.
    fn apply(&self, functions: &Functions<'_>, objects: Vec<Layout>) -> Result<(Vec<Layout>, Option<String>)> {
        let meta = Meta::of(&self.config);
        let place_of = |meta: &Meta<'_>| {
            let path = meta.either((PATH, OLD_PATH));
            (!path.is_empty()).then(|| path.to_owned())
        };
        let scope = place_of(&meta).map_or(String::new(), |path| scope_of(&path));
        let is_for_all = self.global || scope.is_empty() || scope == ".";
        let (mut given, others): (Vec<Layout>, Vec<Layout>) = objects.into_iter().partition(|object| {
            is_for_all || place_of(&Meta::of(object)).is_some_and(|path| scope_of(&path).starts_with(&scope))
        });
        for (number, object) in given.iter_mut().enumerate() {
            let id = (number + 1).to_string();
            annotations::set(object, ID, &id)?;
            annotations::set(object, OLD_ID, &id)?;
        }
        let wrapping = Wrapping {
            keep_index: true,
            keep_path: true,
            list: Some(("ResourceList", "config.kubernetes.io/v1")),
            function_config: Some(&self.config),
            ..Wrapping::default()
        };
        let call = Call {
            stdin: Some(write_objects(&given, &wrapping)?.into_bytes()),
            ..self.call.clone()
        };
        let ran = functions.programs.run(&call).map_err(|error| {
            (functions.say)(&error.stderr);
            let told = Error::new(error.message.clone());
            match &error.hint {
                Some(hint) => told.hint(hint),
                None => told,
            }
        })?;
        (functions.say)(&ran.stderr);
        let mut made = read_stream(ran.stdout)?;
        for object in &mut made.objects {
            let id = Meta::of(object).either((ID, OLD_ID)).to_owned();
            let Some(before) = id.parse::<usize>().ok().and_then(|id| given.get(id.checked_sub(1)?)) else {
                continue;
            };
            copy_comments(before, object);
            sync_order(before, object);
            annotations::clear(object, ID)?;
            annotations::clear(object, OLD_ID)?;
        }
        if let (Some(path), Some(results)) = (&self.results, &made.results) {
            let mut writer = yaml::LayoutWriter::new();
            writer.write(results, false);
            fs::write(path, writer.finish()).map_err(|error| Error::io("open", path, &error))?;
        }
        // As Go says it.
        let failure = ran.failure.map(|failure| failure.replace("exit code", "exit status"));
        if let Some(failure) = failure.as_ref().filter(|_| !self.defers) {
            return Err(Error::new(failure.clone()));
        }
        place(&mut made.objects, &scope)?;
        made.objects.extend(others);
        Ok((made.objects, failure))
    }
}
