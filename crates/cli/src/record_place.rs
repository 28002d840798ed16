//! Where the record lies: the command line, the environment, `terrace.yaml`, or a place of its own.

use std::path::{Path, PathBuf};

use build::Session;
use clap::Args;
use platform::Platform;
use record::Location;

use crate::args::working_directory;
use crate::diagnostic::Diagnostic;
use crate::targets::find_platform;

const VARIABLE: &str = "TERRACE_RECORD";
/// Beside `terrace.yaml`.
const DEFAULT: &str = ".terrace/record.db";

/// Where the record lies.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecordArgs {
    /// The record: a file of SQLite's, or postgres://USER@HOST/DATABASE with the password in PGPASSWORD. Without it, what TERRACE_RECORD says, or `record.url` in terrace.yaml, or
    /// .terrace/record.db beside terrace.yaml, or terrace/record.db in the user's state directory.
    #[arg(long, value_name = "URL")]
    record: Option<String>,
}

/// What the command line, the environment and the platform say about the record.
pub(crate) struct RecordPlace {
    pub(crate) location: Location,
    pub(crate) platform: Option<Platform>,
}

impl RecordArgs {
    /// Reads the platform file only where it is there.
    pub(crate) fn place(&self, session: &Session<'_>) -> Result<RecordPlace, Box<Diagnostic>> {
        let platform = find_platform().map(|directory| platform::read(session, &directory));
        let platform = platform
            .transpose()
            .map_err(|error| Box::new(Diagnostic::from(error)))?;
        let location = self.location(platform.as_ref())?;
        Ok(RecordPlace { location, platform })
    }

    /// The same with a platform that was read.
    pub(crate) fn location(&self, platform: Option<&Platform>) -> Result<Location, Box<Diagnostic>> {
        let parse = |text: &str| Location::parse(text).map_err(|error| Box::new(Diagnostic::from(error)));
        let variable = || std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
        if let Some(text) = self.record.clone().or_else(variable) {
            return Ok(parse(&text)?.below(&working_directory()));
        }
        let Some(platform) = platform else {
            return Ok(Location::File(state_directory()?.join("terrace/record.db")));
        };
        match &platform.spec.record.url {
            Some(url) => {
                let location = parse(url).map_err(|diagnostic| {
                    Box::new(Diagnostic {
                        mark: url.mark,
                        ..*diagnostic
                    })
                })?;
                Ok(location.below(&platform.root))
            }
            None => Ok(Location::File(platform.root.join(DEFAULT))),
        }
    }
}

/// Keeps Git away from a record that has no other place.
pub(crate) fn ignore_in_git(location: &Location) -> std::io::Result<()> {
    let Location::File(path) = location else {
        return Ok(());
    };
    let Some(directory) = path.parent().filter(|_| path.ends_with(DEFAULT)) else {
        return Ok(());
    };
    let file = directory.join(".gitignore");
    std::fs::create_dir_all(directory)?;
    if file.exists() {
        Ok(())
    } else {
        std::fs::write(file, "*\n")
    }
}

fn state_directory() -> Result<PathBuf, Box<Diagnostic>> {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    state.ok_or_else(|| {
        let error = Diagnostic::error("there is no place for the record: this user has no home");
        Box::new(error.hint("name one with --record"))
    })
}

/// A path that is not absolute, from the directory of the platform file.
pub(crate) fn below(platform: &Platform, path: &str) -> PathBuf {
    Path::new(&platform.root).join(path)
}
