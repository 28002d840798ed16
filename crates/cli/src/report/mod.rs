//! Reports of `terrace check`, one format a file.

mod json;
mod text;

use check::Report;
use yaml::Sources;

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For a person, with the lines of the files.
    #[default]
    Text,
    /// One JSON document, for a program.
    Json,
}

/// The bytes of a report.
pub(crate) fn render(format: Format, report: &Report<'_>, sources: &Sources) -> Vec<u8> {
    match format {
        Format::Text => text::render(report, sources).into_bytes(),
        Format::Json => json::render(report, sources),
    }
}
