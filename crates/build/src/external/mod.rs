//! Generators and transformers that are programs: functions, in containers or on this machine, and plugins
//! of the user's own.
//!
//! A function reads a ResourceList and writes one; a plugin reads and writes documents. Either gets each
//! object with what kustomize remembers of it in annotations; what comes back is laid over what was there, so
//! that values which nobody changed keep their origin. Nothing runs unless the user permits it.

mod adopt;
mod arguments;
mod command;
mod objects;
mod results;
mod spec;

use std::path::{Component, Path};
use std::sync::Arc;

use resource::{Behavior, Finding, Resource, ResourceSet, Schema, Severity};
use yaml::{Layer, Mark, Node, Source};

use crate::accumulate::{Context, Target};
use crate::config::{PluginKind, Str};
use crate::error::{BuildError, ErrorKind, Result};
use crate::load;
use crate::origin;
use crate::programs::{Call, Program, ProgramError, Ran, Word};
use crate::session::Session;
use adopt::Setter;
pub use command::FunctionCall;
use results::Results;
use spec::Spec;

/// The rule of what a program wrote to standard error though it did its work.
pub const PROGRAM_OUTPUT: &str = "program_output";

const NEEDS_HASH: &str = "kustomize.config.k8s.io/needs-hash";
const BEHAVIOR: &str = "kustomize.config.k8s.io/behavior";

/// The longest text that fits into a variable of the environment, its name included.
const LONGEST_VARIABLE: usize = 131_071;

/// A program that makes or changes objects, ready to be run.
pub(crate) struct External {
    /// Without what it reads; nothing where it may not be run and kustomize does not mind.
    call: Option<Call>,
    form: Form,
    /// How it is called in messages.
    name: String,
    mark: Mark,
}

/// What a program reads and writes.
enum Form {
    /// A ResourceList that holds this configuration.
    ResourceList(Node),
    Documents,
}

/// The objects that a program wrote, and what it said of them.
struct Output {
    nodes: Vec<Node>,
    findings: Vec<Finding>,
}

impl External {
    /// Reads the object that configures a program, and refuses what may not be run.
    pub(crate) fn read(cx: &Context<'_>, target: &Target, object: &Resource, kind: PluginKind) -> Result<External> {
        let mark = object.node.mark;
        let (programs, settings) = cx.session.runner().plugins(mark, object.kind())?;
        let root = &target.root.directory;
        if kind != PluginKind::Function {
            let path = plugin_path(object)?;
            let file = programs.plugin(&path).map_err(|error| error.at(mark))?;
            return Ok(External {
                call: Some(plugin_call(cx, target, object, &file)?),
                form: Form::Documents,
                name: format!("the plugin \"{}\"", object.kind()),
                mark,
            });
        }
        let spec = Spec::read(cx, &object.node)?;
        for mount in &spec.container.mounts {
            refuse_outside(object, &mount.source)?;
        }
        if spec.container.network && !settings.network {
            let message = "network required but not enabled with --network";
            let hint = "build with --network if this function may use the network of this machine";
            return Err(BuildError::new(ErrorKind::Config, mark, message).hint(hint));
        }
        let call = if !spec.container.image.is_empty() {
            Some(command::container(&spec.container, settings, root))
        } else if !spec.exec.path.is_empty() && settings.exec {
            Some(command::exec(&spec.exec, settings, root))
        } else {
            None
        };
        if call.is_some() && root.parent().is_none() {
            let message = "root working directory '/' not allowed";
            return Err(
                BuildError::new(ErrorKind::Config, mark, message).hint("move the kustomization into a directory")
            );
        }
        let mut config = objects::with_memory(object);
        origin::annotate(&mut config, objects::LOCAL, "true");
        Ok(External {
            call,
            form: Form::ResourceList(config),
            name: format!("the function \"{}\"", object.kind()),
            mark,
        })
    }

    /// The objects that it makes.
    pub(crate) fn generate(
        &self,
        cx: &Context<'_>,
        layer: &Arc<Layer>,
        warnings: &mut Vec<Finding>,
    ) -> Result<Vec<Resource>> {
        // A function that makes objects is given its own configuration, so that it is given something.
        let items: Vec<Node> = match &self.form {
            Form::ResourceList(config) => vec![config.clone()],
            Form::Documents => Vec::new(),
        };
        let Some(output) = self.run(cx.session, &items, &ResourceSet::new(), warnings)? else {
            return Ok(Vec::new());
        };
        warnings.extend(output.findings);
        let make = |node| self.make_generated(node, layer, &cx.schema);
        output.nodes.into_iter().map(make).collect()
    }

    fn make_generated(&self, node: Node, layer: &Arc<Layer>, schema: &Schema) -> Result<Resource> {
        let mut resource = Resource::new(node, layer.clone(), schema);
        let needs_hash = match resource.annotation(NEEDS_HASH) {
            None => false,
            Some("1" | "t" | "T" | "TRUE" | "true" | "True") => true,
            Some("0" | "f" | "F" | "FALSE" | "false" | "False") => false,
            Some(value) => {
                let message = format!("the annotation \"{NEEDS_HASH}\" contains an invalid value (\"{value}\")");
                return Err(BuildError::new(ErrorKind::Program, resource.node.mark, message)
                    .related(self.mark, "made by this generator"));
            }
        };
        resource.needs_hash |= needs_hash;
        resource.behavior = match resource.annotation(BEHAVIOR) {
            Some("create") => Behavior::Create,
            Some("replace") => Behavior::Replace,
            Some("merge") => Behavior::Merge,
            _ => Behavior::Unspecified,
        };
        objects::forget_memory(&mut resource.node);
        objects::remove_annotations(&mut resource.node, &[NEEDS_HASH, BEHAVIOR]);
        Ok(resource)
    }

    /// Changes the objects.
    pub(crate) fn transform(
        &self,
        session: &Session<'_>,
        set: &mut ResourceSet,
        schema: &Schema,
        layer: &Arc<Layer>,
        warnings: &mut Vec<Finding>,
    ) -> Result<()> {
        let items: Vec<Node> = set.iter().map(objects::item).collect();
        let before: Vec<Node> = set.iter().map(|resource| resource.node.clone()).collect();
        let Some(output) = self.run(session, &items, set, warnings)? else {
            return Ok(());
        };
        warnings.extend(output.findings);
        let setter = Setter { layer, mark: self.mark };
        let mut made = ResourceSet::new();
        for node in output.nodes {
            let number = objects::number(&node);
            let mut resource = Resource::new(node, layer.clone(), schema);
            objects::forget_memory(&mut resource.node);
            let known = set.with_id(&resource.id()).first().map(|&at| at as usize);
            if let Some(old) = known.or(number).and_then(|at| before.get(at)) {
                resource.node = setter.adopt(old, std::mem::replace(&mut resource.node, Node::null()));
            } else {
                resource.node = setter.make(std::mem::replace(&mut resource.node, Node::null()));
            }
            made.push(resource).map_err(|taken| {
                let message = format!("{} generated duplicate resource: {}", self.name, taken.id);
                BuildError::new(ErrorKind::Program, self.mark, message)
            })?;
        }
        take_over(set, made);
        Ok(())
    }

    /// Runs it; nothing comes out of what may not be run.
    fn run(
        &self,
        session: &Session<'_>,
        items: &[Node],
        set: &ResourceSet,
        warnings: &mut Vec<Finding>,
    ) -> Result<Option<Output>> {
        let Some(call) = &self.call else {
            let message = format!("{} was not run", self.name);
            let hint = "build with --enable-exec if you trust it to run on this machine";
            warnings.push(Finding::new("function_not_run", Severity::Warning, self.mark, message).hint(hint));
            return Ok(None);
        };
        let (programs, _) = session.runner().plugins(self.mark, &self.name)?;
        let stdin = match &self.form {
            Form::ResourceList(config) => objects::resource_list(items, config)?,
            Form::Documents => objects::documents(items)?,
        };
        let call = Call {
            stdin: Some(stdin),
            ..call.clone()
        };
        if let Some(directory) = &call.directory {
            session.need_whole_repository(directory, self.mark)?;
        }
        let ran = session.runner().run(programs, call, self.mark)?;
        self.output(session, ran, set).map(Some)
    }

    /// Reads what it wrote.
    fn output(&self, session: &Session<'_>, ran: Ran, set: &ResourceSet) -> Result<Output> {
        let failed = ran.failure.as_ref().map(|failure| {
            let message = format!("{} failed: {failure}", self.name);
            // Some say on standard output why they fail.
            let said = if ran.stderr.is_empty() {
                &ran.stdout
            } else {
                &ran.stderr
            };
            ProgramError::new(message).stderr(&**said).at(self.mark)
        });
        let source = match yaml::decode(ran.stdout) {
            Ok(text) => session
                .sources()
                .add(format!("output of {}", self.name), yaml::normalize_newlines(text)),
            Err(error) => return Err(failed.unwrap_or_else(|| self.unreadable(error.to_string()))),
        };
        match (self.read_output(&source, set, failed.is_some()), failed) {
            (Ok((_, results)), Some(failed)) => Err(results.failure(self.mark).unwrap_or(failed)),
            (Err(_), Some(failed)) => Err(failed),
            (Err(error), None) => Err(error.related(self.mark, "written by this program")),
            (Ok((nodes, results)), None) => match results.failure(self.mark) {
                Some(failure) => Err(failure),
                None => {
                    let mut findings = results.others;
                    findings.extend(self.said(&ran.stderr));
                    Ok(Output { nodes, findings })
                }
            },
        }
    }

    fn read_output(&self, source: &Arc<Source>, set: &ResourceSet, failed: bool) -> Result<(Vec<Node>, Results)> {
        let documents = yaml::read_documents(source)?;
        let list = match (&self.form, &documents.nodes[..]) {
            (Form::ResourceList(_), [list]) => list.get("results"),
            _ => None,
        };
        let results = Results::read(list, set, failed, &self.name, self.mark);
        Ok((load::objects(&documents)?, results))
    }

    fn unreadable(&self, why: String) -> BuildError {
        let message = format!("{} wrote what is no text: {why}", self.name);
        BuildError::new(ErrorKind::Program, self.mark, message)
    }

    fn said(&self, stderr: &[u8]) -> Option<Finding> {
        let text = String::from_utf8_lossy(stderr);
        let text = text.trim_end();
        (!text.is_empty()).then(|| Finding::new(PROGRAM_OUTPUT, Severity::Note, self.mark, text))
    }
}

/// Puts what a program made in the place of what was there: objects keep their positions, new ones come
/// last, and what did not come back is gone (kustomize's `UpdateResMapValues`).
fn take_over(set: &mut ResourceSet, made: ResourceSet) {
    let mut kept = vec![false; set.len()];
    let mut new = Vec::new();
    for resource in made.into_vec() {
        match set.with_id(&resource.id()).first().map(|&at| at as usize) {
            Some(at) => {
                kept[at] = true;
                set.update(at, |old| {
                    old.node = resource.node;
                    old.previous = resource.previous;
                    old.prefixes = resource.prefixes;
                    old.suffixes = resource.suffixes;
                    old.needs_hash = resource.needs_hash;
                    old.behavior = resource.behavior;
                });
            }
            None => new.push(resource),
        }
    }
    let mut kept = kept.into_iter();
    set.retain(|_| kept.next().unwrap_or(true));
    for resource in new {
        // Their ids differ from each other's, and from all that are left.
        drop(set.push(resource));
    }
}

/// A directory that a container is given must lie in or below that of the kustomization.
fn refuse_outside(object: &Resource, source: &Str) -> Result<()> {
    let path = Path::new(&**source);
    let mut depth = 0i32;
    let climbs = path.components().any(|component| {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        depth < 0
    });
    let why = match (path.is_absolute(), climbs) {
        (true, _) => "relative to",
        (_, true) => "under",
        _ => return Ok(()),
    };
    let message = format!(
        "plugin {} with mount path '{}' is not permitted; mount paths must be {why} the current kustomization directory",
        object.id(),
        source.text
    );
    Err(BuildError::new(ErrorKind::Config, source.mark, message))
}

/// Where a plugin stands in the directory of plugins.
fn plugin_path(object: &Resource) -> Result<String> {
    let gvk = object.gvk();
    let path = [&*gvk.group, &*gvk.version, &gvk.kind.to_lowercase(), &*gvk.kind]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    let is_below = Path::new(&path)
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    match is_below {
        true => Ok(path),
        false => Err(BuildError::new(
            ErrorKind::Config,
            object.node.mark,
            format!("\"{path}\" is no name for a plugin"),
        )),
    }
}

/// Runs a plugin: its configuration is in a file, its first argument.
fn plugin_call(cx: &Context<'_>, target: &Target, object: &Resource, file: &Path) -> Result<Call> {
    const CONFIG: &str = "config.yaml";
    let config = objects::document(&objects::with_memory(object))?;
    let root = &target.root.directory;
    let field = |name| {
        let node = object.node.get(name)?;
        node.text().filter(|text| !text.is_empty()).map(|text| Str {
            text: text.clone(),
            mark: node.mark,
            style: node.style,
        })
    };
    let mut arguments = vec![Word::Scratch(CONFIG.to_owned())];
    if let Some(line) = field("argsOneLiner") {
        let words = arguments::split(&line).ok_or_else(|| {
            let message = "failed to parse argsOneLiner: unclosed quote in string";
            BuildError::new(ErrorKind::Config, line.mark, message)
        })?;
        arguments.extend(words.into_iter().map(Word::from));
    }
    if let Some(path) = field("argsFromFile") {
        let lines = target.find_file(cx, &path)?;
        let lines = cx.session.read(&lines, path.mark, &path)?;
        let lines = String::from_utf8_lossy(&lines);
        let lines = lines.split('\n').map(|line| line.trim_start_matches(' '));
        arguments.extend(lines.filter(|line| !line.is_empty()).map(Word::from));
    }
    let variables = [
        (
            "KUSTOMIZE_PLUGIN_CONFIG_STRING",
            String::from_utf8_lossy(&config).into_owned(),
        ),
        ("KUSTOMIZE_PLUGIN_CONFIG_ROOT", root.display().to_string()),
    ];
    let variables = variables
        .into_iter()
        .filter(|(name, value)| name.len() + 1 + value.len() <= LONGEST_VARIABLE)
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    Ok(Call {
        program: Program::Path(file.display().to_string()),
        arguments,
        variables,
        directory: Some(root.clone()),
        stdin: None,
        files: vec![(CONFIG.to_owned(), config)],
        scratch: "kust-plugin-config-",
        fills: None,
    })
}
