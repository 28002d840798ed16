//! Reports of `terrace check`, one format a file.

pub(crate) mod compliance;
pub(crate) mod difference;
pub(crate) mod escape;
mod github;
mod html;
mod json;
mod junit;
mod page;
mod sarif;
mod text;

use check::Report;
use resource::Finding;
use yaml::Sources;

use crate::hidden::Hidden;

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For a person, with the lines of the files.
    #[default]
    Text,
    /// One JSON document, for a program.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI systems that show tests.
    Junit,
    /// Workflow commands of GitHub Actions.
    Github,
    /// One HTML page that needs nothing else.
    Html,
}

impl Format {
    /// The format of a file by the end of its name.
    pub(crate) fn of_extension(extension: &str) -> Option<Format> {
        Some(match extension {
            "txt" => Format::Text,
            "json" => Format::Json,
            "sarif" => Format::Sarif,
            "xml" => Format::Junit,
            "html" => Format::Html,
            _ => return None,
        })
    }
}

/// What is rendered, and how much of it may be shown.
pub(crate) struct Rendering<'a> {
    pub(crate) report: &'a Report<'a>,
    pub(crate) sources: &'a Sources,
    pub(crate) hidden: Hidden,
    /// Only the summary, where a person reads.
    pub(crate) quiet: bool,
    /// With the colours of a terminal.
    pub(crate) colour: bool,
}

/// The bytes of a report.
pub(crate) fn render(format: Format, of: &Rendering<'_>) -> Vec<u8> {
    match format {
        Format::Text => text::render(of).into_bytes(),
        Format::Json => json::render(of.report, of.sources),
        Format::Sarif => sarif::render(of),
        Format::Junit => junit::render(of).into_bytes(),
        Format::Github => github::render(of).into_bytes(),
        Format::Html => html::render(of).into_bytes(),
    }
}

/// The object of a finding and its field, in one line.
pub(crate) fn object(finding: &Finding) -> Option<String> {
    let object = finding.object.as_ref()?.full_name();
    Some(match finding.field.as_str() {
        "" => object,
        field => format!("{object} {field}"),
    })
}

#[cfg(test)]
mod tests {
    use check::{Report, State, TargetFindings};
    use resource::Severity;

    use super::*;

    /// A secret that is found is shown by no format, neither where it was found nor in the lines of another
    /// finding.
    #[test]
    fn no_format_shows_what_is_concealed() {
        let sources = Sources::new();
        let source = sources.add("a.yaml", "user: iris\npassword: hunter2\nhost: db\n".to_owned());
        let finding =
            |rule: &'static str, offset| Finding::new(rule, Severity::Error, source.mark(offset), "it is wrong");
        let found = [finding("plaintext_secret", 21).concealed(), finding("wrong_user", 6)];
        let report = Report::new(
            vec![TargetFindings {
                environment: "prod".to_owned(),
                directory: "prod".to_owned(),
                objects: 1,
                fail_on: Severity::Error,
                findings: found
                    .into_iter()
                    .map(|finding| check::Judged {
                        finding,
                        state: State::Open,
                    })
                    .collect(),
                is_built: true,
                rules: Vec::new(),
                secrets: Vec::new(),
            }],
            &sources,
        );
        let rendering = Rendering {
            report: &report,
            sources: &sources,
            hidden: Hidden::new(&sources, &report.hidden),
            quiet: false,
            colour: false,
        };
        for format in <Format as clap::ValueEnum>::value_variants() {
            let text = String::from_utf8(render(*format, &rendering)).unwrap();
            assert!(
                text.contains("it is wrong") && !text.contains("hunter2"),
                "{format:?}: {text}"
            );
        }
        let text = String::from_utf8(render(Format::Text, &rendering)).unwrap();
        let expected = "\
error[wrong_user]: it is wrong
 --> a.yaml:1:7
  |
1 | user: iris
  |       ^^^^
2 | (hidden)
  |

error[plaintext_secret]: it is wrong
--> a.yaml:2:11

1  plaintext_secret
1  wrong_user

2 errors in 1 target (1 object)
";
        assert_eq!(text, expected);
    }
}
