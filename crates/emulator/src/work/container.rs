//! Containers: as a specification has them, and as docker or podman runs them.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use process::{Debt, Limits};
use serde_json::Value as Json;

use super::replica::Program;
use crate::error::{ApiError, Result};
use crate::settings::ContainerRuntime;

/// How long the fetching of an image may take.
const LONGEST_PULL: Duration = Duration::from_secs(30 * 60);
const LONGEST_LOOK: Duration = Duration::from_secs(30);
const LARGEST_ANSWER: usize = 1 << 20;

/// What of a `ContainerSpec`, or a `ModelContainerSpec`, says what runs.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    image: String,
    /// In place of the entrypoint of the image, unless it is empty.
    pub(super) command: Vec<String>,
    pub(super) arguments: Vec<String>,
}

impl Container {
    /// The container of a specification.
    ///
    /// # Errors
    /// If containers run as processes, and it has no command.
    pub(super) fn new(spec: &Json, runtime: ContainerRuntime) -> Result<Container> {
        let container = Container {
            image: spec["imageUri"].as_str().unwrap_or_default().to_owned(),
            command: words(&spec["command"]),
            arguments: words(&spec["args"]),
        };
        match runtime {
            ContainerRuntime::Process if container.command.is_empty() => Err(ApiError::invalid(format!(
                "The container of {} has no command. Containers run as processes of this machine, which does not know the \
                 entrypoint of an image: set containerSpec.command, or start the cloud with --runtime docker or podman.",
                container.image
            ))),
            _ => Ok(container),
        }
    }

    /// A program of this machine.
    pub(super) fn of_words(words: Vec<String>) -> Container {
        Container {
            image: String::new(),
            command: words,
            arguments: Vec::new(),
        }
    }

    /// A module of a `PythonPackageSpec`, whose packages a Python has.
    pub(super) fn of_module(spec: &Json, python: &Path) -> Container {
        let module = spec["pythonModule"].as_str().unwrap_or_default();
        let command = vec![
            python.to_string_lossy().into_owned(),
            "-m".to_owned(),
            module.to_owned(),
        ];
        Container {
            arguments: words(&spec["args"]),
            ..Container::of_words(command)
        }
    }

    /// The container of a `PythonPackageSpec`: it installs the packages, which are in its buckets.
    pub(super) fn of_package(spec: &Json) -> Container {
        let packages = words(&spec["packageUris"]).into_iter();
        let packages: Vec<String> = packages.map(|uri| quoted(&uri.replacen("gs://", "/gcs/", 1))).collect();
        let module = quoted(spec["pythonModule"].as_str().unwrap_or_default());
        let script = format!(
            "python3 -m pip install --quiet {} && exec python3 -m {module} \"$@\"",
            packages.join(" ")
        );
        Container {
            image: spec["executorImageUri"].as_str().unwrap_or_default().to_owned(),
            command: ["sh", "-c", &script, "sh"].map(str::to_owned).into(),
            arguments: words(&spec["args"]),
        }
    }

    /// What is started, for messages.
    pub(super) fn name(&self) -> &str {
        self.command.first().unwrap_or(&self.image)
    }
}

fn words(list: &Json) -> Vec<String> {
    let words = list.as_array().into_iter().flatten().filter_map(Json::as_str);
    words.map(str::to_owned).collect()
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl ContainerRuntime {
    fn program(self) -> &'static str {
        match self {
            ContainerRuntime::Process => "",
            ContainerRuntime::Docker => "docker",
            ContainerRuntime::Podman => "podman",
        }
    }

    /// What has to be there for a container to start.
    pub(super) fn needs(self) -> &'static str {
        match self {
            ContainerRuntime::Process => "Containers run as processes of this machine, so the command must be there.",
            _ => "The image must be there, or fetched without a question.",
        }
    }

    /// Whether it can run anything.
    pub(crate) fn check(self) -> io::Result<()> {
        match self {
            ContainerRuntime::Process => Ok(()),
            // Of docker this asks the daemon.
            _ => self.ask(&["ps", "--quiet"], LONGEST_LOOK),
        }
    }

    /// The command that runs a program in its container, and what it leaves where ending the command does not reach.
    /// The image is fetched if it is not there.
    pub(super) fn command(self, program: &Program) -> io::Result<(Command, Debt)> {
        let container = &program.container;
        if self.ask(&["image", "inspect", &container.image], LONGEST_LOOK).is_err() {
            crate::log::warn(&format!("fetching {}", container.image));
            self.ask(&["pull", "--quiet", &container.image], LONGEST_PULL)?;
        }
        let name = format!(
            "terrace-{}-{:x}",
            std::process::id(),
            RandomState::new().hash_one(&container.image)
        );
        let mut command = Command::new(self.program());
        // The cloud is on loopback, so that is what the container has, too.
        command.args([
            "run",
            "--rm",
            "--init",
            "--network",
            "host",
            "--pull",
            "never",
            "--name",
            &name,
        ]);
        let buckets = program.buckets.to_string_lossy();
        command.args(["--volume", &format!("{buckets}:/gcs")]);
        if let Some(scratch) = program.buckets.parent() {
            let scratch = scratch.to_string_lossy();
            command.args(["--volume", &format!("{scratch}:{scratch}")]);
        }
        for (variable, value) in &program.environment {
            command.args(["--env", &format!("{variable}={value}")]);
        }
        let mut words = container.command.iter();
        if let Some(entrypoint) = words.next() {
            command.args(["--entrypoint", entrypoint]);
        }
        command.arg(&container.image).args(words).args(&container.arguments);
        Ok((command, Debt::new(&[self.program(), "kill", &name])))
    }

    /// Runs one of its commands to the end.
    fn ask(self, arguments: &[&str], time: Duration) -> io::Result<()> {
        let mut command = Command::new(self.program());
        command.args(arguments);
        let limits = Limits {
            time,
            output: LARGEST_ANSWER,
        };
        let output = process::run(&mut command, None, &limits)
            .map_err(|failure| io::Error::other(format!("{} {failure}", self.program())))?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let text = String::from_utf8_lossy(&output.stderr);
                // What was tried before stands in the lines above.
                let last = text.lines().rfind(|line| !line.trim().is_empty());
                Err(io::Error::other(last.unwrap_or("it failed").trim().to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_is_installed_before_its_module_runs() {
        let spec = json!({
            "executorImageUri": "python:3.12",
            "packageUris": ["gs://iris/it's.tar.gz"],
            "pythonModule": "trainer.task",
            "args": ["--epochs=1"],
        });
        let container = Container::of_package(&spec);
        let script =
            "python3 -m pip install --quiet '/gcs/iris/it'\\''s.tar.gz' && exec python3 -m 'trainer.task' \"$@\"";
        assert_eq!(container.command, ["sh", "-c", script, "sh"]);
        assert_eq!(
            (container.image.as_str(), container.arguments),
            ("python:3.12", vec!["--epochs=1".to_owned()])
        );
    }
}
