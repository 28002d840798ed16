//! The programs that a build may run, as the flags have it.

use std::time::Duration;

use build::{HelmSettings, Permissions, PluginSettings};
use clap::Args;
use exec::{Executor, Limits, PluginHome};

use crate::args::BuildFlags;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Bytes that a program may print: as much as a file may hold.
const OUTPUT_LIMIT: usize = build::DEFAULT_FILE_LIMIT as usize;

/// Limits of programs: helm, functions, plugins.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ProgramArgs {
    /// How long helm, a function or a plugin may run: 90s, 5m, 1h.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    program_timeout: Duration,
}

impl Default for ProgramArgs {
    fn default() -> ProgramArgs {
        ProgramArgs {
            program_timeout: DEFAULT_TIMEOUT,
        }
    }
}

/// A whole number of seconds, minutes, hours or days.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "say a number and its unit, such as 90s, 5m or 1h".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

impl ProgramArgs {
    /// What runs programs within these limits.
    pub(crate) fn executor(self, helm: &str) -> Executor {
        let limits = Limits {
            time: self.program_timeout,
            output: OUTPUT_LIMIT,
        };
        let plugins = PluginHome::from_environment(|name| std::env::var_os(name));
        Executor::new(helm, limits, plugins)
    }
}

impl BuildFlags {
    /// What runs the programs that are permitted.
    pub(crate) fn executor(&self, args: ProgramArgs) -> Executor {
        args.executor(&self.helm_command)
    }

    /// Which programs are permitted.
    pub(crate) fn permissions(&self) -> Permissions {
        Permissions {
            helm: self.enable_helm.then(|| HelmSettings {
                api_versions: self.helm_api_versions.clone(),
                kube_version: self.helm_kube_version.clone().unwrap_or_default(),
                debug: self.helm_debug,
            }),
            plugins: self.enable_alpha_plugins.then(|| PluginSettings {
                exec: self.enable_exec,
                network: self.network,
                mounts: self.mount.clone(),
                variables: self.env.clone(),
                user: if self.as_current_user {
                    exec::current_user()
                } else {
                    "nobody".to_owned()
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h", Some(3600)),
            ("2d", Some(172_800)),
        ] {
            assert_eq!(duration(text).ok().map(|time| time.as_secs()), expected, "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "0s",
            "1.5s",
            "-1s",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
