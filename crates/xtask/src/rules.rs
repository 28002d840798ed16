//! The pages of the rules, `docs/rules/*.md`, from the headers of their files.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use check::{RULES, Rule};

/// Writes every page, and removes those of rules that are gone.
pub(crate) fn generate() -> Result<(), Box<dyn Error>> {
    let directory = directory();
    fs::create_dir_all(&directory)?;
    let pages = pages();
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        if pages.iter().all(|(name, _)| directory.join(name) != path) {
            fs::remove_file(path)?;
        }
    }
    for (name, text) in pages {
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules")
}

/// The files and their texts: a list, and one page for each rule.
fn pages() -> Vec<(String, String)> {
    let mut list = String::from(
        "# Rules\n\nThe rules of `terrace check`, each with its severity unless `terrace.yaml` says otherwise.\n\n\
         | rule | severity | finds |\n|---|---|---|\n",
    );
    for rule in RULES {
        let (name, severity) = (rule.name, severity(rule));
        list.push_str(&format!("| [{name}]({name}.md) | {severity} | {} |\n", rule.summary()));
    }
    let mut pages = vec![("README.md".to_owned(), list)];
    pages.extend(RULES.iter().map(|rule| (format!("{}.md", rule.name), page(rule))));
    pages
}

fn page(rule: &Rule) -> String {
    let controls: Vec<String> = rule.controls.iter().map(ToString::to_string).collect();
    format!(
        "{}\n## Severity and controls\n\nThe severity is {} unless `terrace.yaml` says otherwise. The findings bear on {}.\n",
        rule.page(),
        severity(rule),
        controls.join(", ")
    )
}

fn severity(rule: &Rule) -> String {
    rule.severity
        .map_or_else(|| "off".to_owned(), |severity| format!("{severity:?}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_of_the_rules() {
        let found = fs::read_dir(directory()).into_iter().flatten();
        let mut names: Vec<String> = found
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        let mut pages = pages();
        pages.sort_unstable();
        let expected: Vec<String> = pages.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, expected, "run `cargo run -p xtask -- rules`");
        for (name, text) in pages {
            let found = fs::read_to_string(directory().join(&name)).unwrap();
            assert_eq!(
                found, text,
                "docs/rules/{name} is stale: run `cargo run -p xtask -- rules`"
            );
        }
    }
}
