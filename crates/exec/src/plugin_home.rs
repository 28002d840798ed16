//! The directory of the user's plugins (kustomize's `konfig.DefaultAbsPluginHome`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use build::ProgramError;

/// Where plugins may stand, the best place first.
#[derive(Clone, Debug, Default)]
pub struct PluginHome {
    /// Why a place was thought of, and the place, if there is one.
    candidates: Vec<(&'static str, Option<PathBuf>)>,
}

impl PluginHome {
    /// The places that an environment names.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> PluginHome {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("HOME");
        let below = |base: Option<PathBuf>, path: &str| base.map(|base| base.join(path));
        PluginHome {
            candidates: vec![
                ("$KUSTOMIZE_PLUGIN_HOME", set("KUSTOMIZE_PLUGIN_HOME")),
                ("$XDG_CONFIG_HOME", below(set("XDG_CONFIG_HOME"), "kustomize/plugin")),
                (
                    "the default of $XDG_CONFIG_HOME",
                    below(home.clone(), ".config/kustomize/plugin"),
                ),
                ("the home directory", below(home, "kustomize/plugin")),
            ],
        }
    }

    /// The executable at a path below the directory of plugins.
    pub(crate) fn find(&self, path: &str) -> Result<PathBuf, ProgramError> {
        let homes = self.candidates.iter().filter_map(|(_, home)| home.as_ref());
        let Some(home) = homes.clone().find(|home| home.exists()) else {
            let tried: Vec<String> = self
                .candidates
                .iter()
                .map(|(why, home)| match home {
                    Some(home) => format!("{} ({why})", home.display()),
                    None => format!("{why}, which is not set"),
                })
                .collect();
            return Err(ProgramError::new("unable to find plugin root")
                .hint(format!("it was looked for in {}", tried.join("; "))));
        };
        // Programs run in other directories.
        let file = std::path::absolute(home.join(path)).unwrap_or_else(|_| home.join(path));
        if file.is_file() {
            return match is_executable(&file) {
                true => Ok(file),
                false => Err(ProgramError::new(format!("unexecutable plugin at: {}", file.display()))
                    .hint(format!("make it executable: chmod +x {}", file.display()))),
            };
        }
        let library = PathBuf::from(format!("{}.so", file.display()));
        if library.is_file() {
            let message = format!(
                "the plugin {} is a Go plugin, and those cannot be run",
                library.display()
            );
            return Err(ProgramError::new(message).hint("build it as a program: an exec plugin, or a function"));
        }
        Err(ProgramError::new(format!("there is no plugin at {}", file.display()))
            .hint("put an executable file there, or say which function it is in an annotation"))
    }
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}
