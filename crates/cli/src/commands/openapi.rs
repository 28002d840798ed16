//! `openapi`, under the name `kustomize`: which schema of Kubernetes is used, and that of a cluster.

use build::{Call, Program, Programs, Word};
use clap::{Args, Subcommand};

use crate::diagnostic::Reporter;
use crate::exit::Exit;
use crate::output;
use crate::programs::ProgramArgs;

/// The schema that kustomize v5.8.1 has built in.
const BUILT_IN: &str = "{title:Kubernetes,version:v1.21.2}\n";

/// Commands for interacting with the OpenAPI data.
#[derive(Args, Debug)]
pub(crate) struct OpenApiArgs {
    #[command(subcommand)]
    command: OpenApi,
}

#[derive(Debug, Subcommand)]
enum OpenApi {
    /// Print the schema of the cluster that kubectl speaks to.
    Fetch {
        /// 'json' or 'yaml'.
        #[arg(long, value_name = "FORMAT", default_value = "json")]
        format: String,
    },
    /// Print which schema is built in.
    Info,
}

pub(crate) fn run(args: &OpenApiArgs, reporter: &Reporter) -> Exit {
    let text = match &args.command {
        OpenApi::Info => Ok(BUILT_IN.to_owned()),
        OpenApi::Fetch { format } => fetch(format),
    };
    let printed = text.and_then(|text| output::print(&[text.as_bytes()]).map_err(|error| error.to_string()));
    match printed {
        Ok(()) => Exit::Done,
        Err(message) => {
            reporter.plain_error(&message);
            Exit::WrongInput
        }
    }
}

fn fetch(format: &str) -> Result<String, String> {
    if !matches!(format, "json" | "yaml") {
        return Err("format must be either 'json' or 'yaml'".to_owned());
    }
    let call = Call {
        program: Program::Path("kubectl".to_owned()),
        arguments: ["get", "--raw", "/openapi/v2"].map(Word::from).into(),
        variables: Vec::new(),
        directory: None,
        stdin: None,
        files: Vec::new(),
        scratch: "terrace-openapi-",
        fills: None,
    };
    let advice = "Error fetching schema from cluster.\nPlease make sure kubectl is installed, its context is set \
                  correctly, and your cluster is up.";
    let ran = ProgramArgs::default().executor("helm").run(&call);
    let ran = ran.map_err(|error| format!("{error}\n{advice}"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if let Some(failure) = &ran.failure {
        let failure = failure.replace("exit code", "exit status");
        return Err(format!("{failure}\n{said}\n{advice}"));
    }
    if ran.stdout.is_empty() {
        return Err(format!("{said}\n{advice}"));
    }
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let malformed = |said: String| format!("kubectl gave no schema: {said}");
    if format == "json" {
        let schema: serde_json::Value = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let text = serde_json::to_string_pretty(&schema).map_err(|error| malformed(error.to_string()))?;
        return Ok(format!("{text}\n"));
    }
    let source = yaml::Sources::new().add("openapi", text);
    let documents = yaml::read_documents(&source).map_err(|error| malformed(error.to_string()))?;
    let mut out = Vec::new();
    for node in &documents.nodes {
        yaml::emit(node, &mut out).map_err(|error| malformed(error.to_string()))?;
    }
    Ok(format!("{}\n", String::from_utf8_lossy(&out)))
}
