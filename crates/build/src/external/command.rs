//! The command line of a function: docker's for one in a container, its own for a program
//! (kyaml's `container.Filter` and `exec.Filter`).

use std::collections::BTreeMap;
use std::path::Path;

use super::spec::{Container, Exec, Mount};
use crate::config::Str;
use crate::files::clean_join;
use crate::programs::{Call, PluginSettings, Program, Word};

/// A function that runs by itself, not for a build.
#[derive(Clone, Debug, Default)]
pub struct FunctionCall {
    pub image: String,
    pub network: bool,
    /// In docker's words.
    pub mounts: Vec<String>,
    /// `NAME` or `NAME=VALUE`.
    pub variables: Vec<String>,
    /// A program on this machine, where there is no image.
    pub path: String,
    pub arguments: Vec<String>,
}

impl FunctionCall {
    /// How it is run, if it is permitted; without what it reads. Programs run in `root`, and mounts begin there.
    pub fn call(&self, settings: &PluginSettings, root: &Path) -> Option<Call> {
        let texts = |texts: &[String]| texts.iter().map(|text| str(text)).collect();
        if !self.image.is_empty() {
            let function = Container {
                image: str(&self.image),
                network: self.network,
                mounts: self.mounts.iter().map(|mount| Mount::parse(mount)).collect(),
                variables: texts(&self.variables),
            };
            return Some(container(&function, settings, root));
        }
        (!self.path.is_empty() && settings.exec).then(|| {
            let function = Exec {
                path: str(&self.path),
                arguments: texts(&self.arguments),
                variables: texts(&self.variables),
            };
            exec(&function, settings, root)
        })
    }
}

fn str(text: &str) -> Str {
    Str {
        text: text.into(),
        ..Str::default()
    }
}

/// Variables that every container gets.
const ALWAYS: [&str; 2] = ["LOG_TO_STDERR", "STRUCTURED_RESULTS"];

/// Runs a function in a container.
pub(crate) fn container(container: &Container, settings: &PluginSettings, root: &Path) -> Call {
    let network = if container.network { "host" } else { "none" };
    let mut arguments: Vec<Word> = [
        "run",
        "--rm",
        "-i",
        "-a",
        "STDIN",
        "-a",
        "STDOUT",
        "-a",
        "STDERR",
        "--network",
        network,
        "--user",
        &settings.user,
        "--security-opt=no-new-privileges",
    ]
    .map(Word::from)
    .into();
    let given: Vec<Mount> = settings.mounts.iter().map(|mount| Mount::parse(mount)).collect();
    for mount in container.mounts.iter().chain(&given) {
        let source = clean_join(root, &mount.source);
        let mode = if mount.writable { "" } else { ",readonly" };
        let kind: &str = &mount.kind;
        let target: &str = &mount.target;
        let mount = format!("type={kind},source={},target={target}{mode}", source.display());
        arguments.extend(["--mount".into(), mount.into()]);
    }
    let (set, exported) = container_variables(&container.variables, &settings.variables);
    for (name, value) in set {
        arguments.extend(["-e".into(), format!("{name}={value}").into()]);
    }
    for name in exported {
        arguments.extend(["-e".into(), name.into()]);
    }
    arguments.push(container.image.to_string().into());
    call(Program::Docker, arguments, Vec::new(), root)
}

/// Runs a function that is a program on this machine.
pub(crate) fn exec(exec: &Exec, settings: &PluginSettings, root: &Path) -> Call {
    // What is not a name and a value is nothing.
    let declared = exec.variables.iter().map(|variable| &**variable);
    let variables: BTreeMap<&str, &str> = declared
        .chain(settings.variables.iter().map(String::as_str))
        .filter_map(|variable| variable.split_once('='))
        .filter(|(_, value)| !value.contains('='))
        .collect();
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let arguments = exec.arguments.iter().map(|argument| Word::from(&**argument)).collect();
    call(Program::Path(exec.path.to_string()), arguments, variables, root)
}

fn call(program: Program, arguments: Vec<Word>, variables: Vec<(String, Word)>, root: &Path) -> Call {
    Call {
        program,
        arguments,
        variables,
        directory: Some(root.to_owned()),
        stdin: None,
        files: Vec::new(),
        scratch: "terrace-function-",
        fills: None,
    }
}

/// Variables with their values, and the names of those that are handed on. Those of the command line win, and
/// with them what every container gets.
fn container_variables(declared: &[Str], given: &[String]) -> (BTreeMap<String, String>, Vec<String>) {
    let always = || ALWAYS.into_iter().map(|name| (name.to_owned(), "true".to_owned()));
    let (mut set, mut exported): (BTreeMap<String, String>, Vec<String>) = (always().collect(), Vec::new());
    let mut add = |variable: &str| match variable.split_once('=') {
        Some((name, value)) => {
            set.insert(name.to_owned(), value.to_owned());
        }
        None if exported.iter().all(|name| name != variable) => exported.push(variable.to_owned()),
        None => {}
    };
    declared.iter().for_each(|variable| add(variable));
    for name in ALWAYS {
        add(&format!("{name}=true"));
    }
    given.iter().for_each(|variable| add(variable));
    (set, exported)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Str {
        Str {
            text: text.into(),
            ..Str::default()
        }
    }

    fn words(call: &Call) -> String {
        let words: Vec<&str> = call.arguments.iter().filter_map(Word::text).collect();
        words.join(" ")
    }

    #[test]
    fn a_container_gets_what_docker_is_told() {
        let settings = PluginSettings {
            mounts: vec!["type=volume,src=v,dst=/v,rw=true".to_owned()],
            variables: vec!["A=2".to_owned(), "HOME".to_owned(), "B=x=y".to_owned()],
            user: "1:2".to_owned(),
            ..PluginSettings::default()
        };
        let function = Container {
            image: text("example.com/fn:1"),
            network: true,
            mounts: vec![Mount {
                kind: text("bind"),
                source: text("./a/../b"),
                target: text("/b"),
                writable: false,
            }],
            variables: vec![text("A=1"), text("USER"), text("LOG_TO_STDERR=no")],
        };
        let call = container(&function, &settings, Path::new("/root"));
        assert_eq!(
            words(&call),
            "run --rm -i -a STDIN -a STDOUT -a STDERR --network host --user 1:2 --security-opt=no-new-privileges \
             --mount type=bind,source=/root/b,target=/b,readonly --mount type=volume,source=/root/v,target=/v \
             -e A=2 -e B=x=y -e LOG_TO_STDERR=true -e STRUCTURED_RESULTS=true -e USER -e HOME example.com/fn:1"
        );
    }

    #[test]
    fn a_program_gets_only_whole_variables() {
        let settings = PluginSettings {
            variables: vec!["A=2".to_owned(), "HOME".to_owned(), "B=x=y".to_owned()],
            ..PluginSettings::default()
        };
        let function = Exec {
            path: text("./fn"),
            arguments: vec![text("-v")],
            variables: vec![text("Z=1"), text("A=1")],
        };
        let call = exec(&function, &settings, Path::new("/root"));
        let variables = [("A", "2"), ("Z", "1")].map(|(name, value)| (name.to_owned(), Word::from(value)));
        assert_eq!(call.variables, variables);
        assert_eq!(words(&call), "-v");
    }
}
