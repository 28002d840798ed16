//! Python packages as jobs: a virtual environment of this machine's Python with the packages in it, made once for the same
//! contents (<https://cloud.google.com/vertex-ai/docs/training/create-python-pre-built-container>).

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::Stop;
use super::container::Container;
use super::replica::{Log, Program};
use super::run::{End, internal};
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::storage;

/// How often one that waits looks.
const PAUSE: Duration = Duration::from_millis(20);
/// What an environment has once it is whole.
const READY: &str = "ready";

/// Environments that are being made, by their digests.
#[derive(Debug, Default)]
pub(crate) struct Packages(Mutex<HashSet<String>>);

/// An environment that nobody else makes meanwhile.
struct Making<'p> {
    all: &'p Packages,
    digest: String,
}

impl Packages {
    fn all(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody makes an environment.
    fn take(&self, digest: &str, stop: &Stop) -> Result<Making<'_>, End> {
        while !self.all().insert(digest.to_owned()) {
            if stop.is_wanted() {
                return Err(End::Cancelled);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Making {
            all: self,
            digest: digest.to_owned(),
        })
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.all.all().remove(&self.digest);
    }
}

/// The Python that has the packages of a `PythonPackageSpec`. What is written while they are installed goes to a log.
pub(super) fn python(
    cloud: &Arc<Cloud>,
    spec: &Json,
    account: &str,
    log: &Log,
    scratch: &Path,
    stop: &Stop,
) -> Result<PathBuf, End> {
    let caller = Caller::Known(Cloud::as_account(account));
    let uris = spec["packageUris"].as_array().into_iter().flatten();
    let packages = uris.map(|uri| fetch(cloud, &caller, uri.as_str().unwrap_or_default()));
    let packages = packages.collect::<Result<Vec<_>, _>>()?;
    let digest = digest(&packages);
    let _making = cloud.packages.take(&digest, stop)?;
    let environment = cloud.store.directory().join("packages").join(&digest);
    let python = environment.join("bin").join("python");
    if environment.join(READY).is_file() {
        return Ok(python);
    }
    // What was begun and not finished is in the way.
    if environment.exists() {
        fs::remove_dir_all(&environment).map_err(internal)?;
    }
    let files = scratch.join("packages");
    fs::create_dir_all(&files).map_err(internal)?;
    let mut paths = Vec::new();
    for (number, (name, content)) in packages.iter().enumerate() {
        // Names may be the same in different folders.
        let folder = files.join(number.to_string());
        fs::create_dir_all(&folder).map_err(internal)?;
        fs::write(folder.join(name), content).map_err(internal)?;
        paths.push(folder.join(name).to_string_lossy().into_owned());
    }
    let runner = Runner {
        cloud,
        log,
        stop,
        directory: &files,
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    // What is installed on this machine stands for what is in the executor image; so is its pip.
    let words = ["python3", "-m", "venv", "--system-site-packages", "--without-pip"];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.push(text(&environment));
    runner.run(
        words,
        "The virtual environment of the Python packages could not be made: venv",
    )?;
    let words = [
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.insert(0, text(&python));
    words.extend(paths);
    runner.run(words, "The Python packages could not be installed: pip")?;
    fs::write(environment.join(READY), "").map_err(internal)?;
    Ok(python)
}

/// The file name and content of a package.
fn fetch(cloud: &Cloud, caller: &Caller, uri: &str) -> Result<(String, Vec<u8>), End> {
    let failed = |why: String| End::Failed(ApiError::invalid(format!("The Python package {uri} {why}")));
    let place = uri.strip_prefix("gs://").and_then(|path| path.split_once('/'));
    let (bucket, object) =
        place.ok_or_else(|| failed("is not in Cloud Storage: gs://BUCKET/NAME is wanted.".to_owned()))?;
    let name = object
        .rsplit('/')
        .next()
        .filter(|name| !matches!(*name, "" | "." | ".."));
    let name = name.ok_or_else(|| failed("has no name of a file.".to_owned()))?;
    match storage::read(cloud, caller, bucket, object) {
        Ok(Some(content)) => Ok((name.to_owned(), content)),
        Ok(None) => Err(failed("does not exist.".to_owned())),
        Err(error) => Err(failed(format!("cannot be read: {}", error.message))),
    }
}

/// What an environment depends on.
fn digest(packages: &[(String, Vec<u8>)]) -> String {
    let mut whole = Sha256::new();
    for (name, content) in packages {
        whole.update(name.as_bytes());
        whole.update([0]);
        whole.update(Sha256::digest(content));
    }
    let mut text = String::new();
    for byte in whole.finalize() {
        // To a text nothing fails to be written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Runs what makes an environment.
struct Runner<'r> {
    cloud: &'r Arc<Cloud>,
    log: &'r Log,
    stop: &'r Stop,
    directory: &'r Path,
}

impl Runner<'_> {
    fn run(&self, words: Vec<String>, what: &str) -> Result<(), End> {
        let failed = |why: String| {
            let advice = "To find out more about why your job exited please check its logs.";
            End::Failed(ApiError::invalid(format!("{what} {why}. {advice}")))
        };
        let program = Program {
            environment: of_pip(),
            directory: self.directory.to_owned(),
            buckets: self.directory.join("gcs"),
            container: Container::of_words(words),
        };
        let mut replica = program.start(self.cloud, self.log).map_err(|error| {
            End::Failed(ApiError::invalid(format!(
                "{what} could not be started: {:?}: {error}. Python packages run with the Python of this machine, so python3 must be on the PATH \
                 of the cloud.",
                program.container.name()
            )))
        })?;
        while !replica.has_exited().map_err(internal)? {
            if self.stop.is_wanted() {
                replica.end();
                return Err(End::Cancelled);
            }
            std::thread::sleep(PAUSE);
        }
        let status = replica.finish().map_err(internal)?;
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => Err(failed(format!("exited with a non-zero status of {code}"))),
            None => Err(failed(format!("was ended: {status}"))),
        }
    }
}

/// Of the environment of the cloud pip sees how packages are downloaded.
fn of_pip() -> Vec<(String, String)> {
    let proxies = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
    ];
    let all =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let seen = all.filter(|(name, _)| {
        let name = name.to_ascii_uppercase();
        name.starts_with("PIP_") || proxies.contains(&name.as_str())
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_are_the_same_for_the_same_packages_in_their_order() {
        let package = |name: &str, content: &str| (name.to_owned(), content.as_bytes().to_vec());
        let (a, b) = (package("a.tar.gz", "1"), package("b.tar.gz", "2"));
        let both = digest(&[a.clone(), b.clone()]);
        assert_eq!(both, digest(&[a.clone(), b.clone()]));
        assert_eq!(both.len(), 64);
        for other in [
            vec![b.clone(), a.clone()],
            vec![a.clone()],
            vec![a, package("b.tar.gz", "3")],
        ] {
            assert_ne!(both, digest(&other));
        }
    }
}
