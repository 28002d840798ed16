//! `terrace version`: what this program is, and whose results it reproduces.

use clap::Args;
use serde::Serialize;

use crate::args::version_text;
use crate::exit::Exit;
use crate::output::{self, AnswerFormat};

/// Print the version of this program and of the kustomize it reproduces.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  terrace version\n  terrace version -o json\n")]
pub(crate) struct VersionArgs {
    /// How to print it.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: AnswerFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    kustomize_version: &'static str,
    os: &'static str,
    arch: &'static str,
}

pub(crate) fn run(args: &VersionArgs) -> Exit {
    let text = match args.output {
        AnswerFormat::Text => format!("terrace {}\n", version_text()),
        AnswerFormat::Json => {
            let version = Version {
                version: env!("CARGO_PKG_VERSION"),
                kustomize_version: build::KUSTOMIZE_VERSION,
                os: go_os(),
                arch: go_arch(),
            };
            serde_json::to_string_pretty(&version).unwrap_or_default() + "\n"
        }
    };
    match output::print(&[text.as_bytes()]) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::WrongInput,
    }
}

/// The operating system as Go and Kubernetes name it.
pub(crate) fn go_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The processor as Go and Kubernetes name it.
pub(crate) fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
