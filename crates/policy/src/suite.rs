//! Gatekeeper's test files (`kind: Suite`), run as `gator verify` runs them.
//!
//! A suite names templates and constraints, objects, and how many violations each must have.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{Files, clean_join};
use regex::Regex;
use resource::split_api_version;
use yaml::{Mark, Node, Sources};

use crate::data::{items, text, texts};
use crate::policies::{Policies, PolicyError};
use crate::review::Review;

/// What became of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteResult {
    /// The file as the user knows it.
    pub file: String,
    pub is_skipped: bool,
    pub tests: Vec<TestResult>,
}

/// What became of a test: a template with a constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    pub name: String,
    pub outcome: Outcome,
    pub cases: Vec<CaseResult>,
}

/// What became of a case: an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    pub name: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Skipped,
    /// Why, and where.
    Failed(String, Mark),
}

impl Outcome {
    fn is_failure(&self) -> bool {
        matches!(self, Outcome::Failed(..))
    }
}

impl SuiteResult {
    /// Whether a test or a case of it failed.
    pub fn fails(&self) -> bool {
        let case_fails = |test: &TestResult| test.cases.iter().any(|case| case.outcome.is_failure());
        self.tests
            .iter()
            .any(|test| test.outcome.is_failure() || case_fails(test))
    }
}

/// Where suites are read from.
#[derive(Clone, Copy)]
pub struct Reader<'f> {
    pub files: &'f dyn Files,
    pub sources: &'f Arc<Sources>,
}

type Fallible<T> = Result<T, (String, Mark)>;

impl Reader<'_> {
    /// The documents of a file.
    ///
    /// # Errors
    /// A text, and the place of what is wrong in the file.
    pub fn documents(&self, path: &Path) -> Fallible<Vec<Node>> {
        let shown = self.files.display(path);
        let bytes = self
            .files
            .read(path, build::DEFAULT_FILE_LIMIT)
            .map_err(|error| (format!("cannot read {shown}: {error}"), Mark::NONE))?;
        let text = yaml::decode(bytes).map_err(|error| (format!("{shown}: {error}"), Mark::NONE))?;
        let source = self.sources.add(shown, yaml::normalize_newlines(text));
        let documents = yaml::read_documents(&source).map_err(|error| (error.to_string(), error.mark))?;
        Ok(documents
            .nodes
            .into_iter()
            .filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
            .collect())
    }

    fn one(&self, path: &Path) -> Fallible<Node> {
        let mut documents = self.documents(path)?;
        match documents.len() {
            1 => Ok(documents.remove(0)),
            count => Err((
                format!("{} holds {count} objects: it must hold one", self.files.display(path)),
                Mark::NONE,
            )),
        }
    }

    /// Every suite below a directory, or the file itself, in the order of their paths.
    ///
    /// # Errors
    /// A text where a directory or a file cannot be read.
    pub fn find(&self, path: &Path) -> Fallible<Vec<(PathBuf, Node)>> {
        let cannot = |error: std::io::Error| (format!("cannot read {}: {error}", self.files.display(path)), Mark::NONE);
        let paths = self.files_below(path)?;
        let mut suites = Vec::new();
        for path in paths {
            let shown = self.files.display(&path);
            let bytes = self.files.read(&path, build::DEFAULT_FILE_LIMIT).map_err(cannot)?;
            // Most files of a library are none: only what names the group is parsed.
            if !String::from_utf8_lossy(&bytes).contains("test.gatekeeper.sh") {
                continue;
            }
            for node in self
                .documents(&path)
                .map_err(|(message, mark)| (format!("{shown}: {message}"), mark))?
            {
                let is_suite = text(&node, &["kind"]) == Some("Suite")
                    && text(&node, &["apiVersion"])
                        .is_some_and(|version| split_api_version(version).0 == "test.gatekeeper.sh");
                if is_suite {
                    suites.push((path.clone(), node));
                }
            }
        }
        Ok(suites)
    }

    /// Every YAML file below a directory, or the file itself, sorted.
    ///
    /// # Errors
    /// A text where a directory cannot be read.
    pub fn files_below(&self, path: &Path) -> Fallible<Vec<PathBuf>> {
        let shown = self.files.display(path);
        let cannot = |error: std::io::Error| (format!("cannot read {shown}: {error}"), Mark::NONE);
        let absolute = self.files.absolute(path).map_err(cannot)?;
        let (path, kind) = self.files.resolve(&absolute).map_err(cannot)?;
        let mut paths = Vec::new();
        if kind == build::FileKind::File {
            paths.push(path);
        } else {
            self.walk(&path, &mut paths).map_err(cannot)?;
        }
        paths.sort();
        Ok(paths)
    }

    fn walk(&self, directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for name in self.files.list(directory)? {
            let path = directory.join(&name);
            match self.files.entry_kind(&path)? {
                build::EntryKind::Directory if !name.starts_with('.') => self.walk(&path, found)?,
                build::EntryKind::File if name.ends_with(".yaml") || name.ends_with(".yml") => found.push(path),
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs a suite.
    pub fn run(&self, path: &Path, suite: &Node) -> SuiteResult {
        let is_skipped = is_true(suite, "skip");
        let directory = path.parent().unwrap_or(path);
        let tests = items(suite, &["tests"]).filter(|_| !is_skipped);
        SuiteResult {
            file: self.files.display(path),
            is_skipped,
            tests: tests.map(|test| self.test(directory, test)).collect(),
        }
    }

    fn test(&self, directory: &Path, test: &Node) -> TestResult {
        let mut result = TestResult {
            name: text(test, &["name"]).unwrap_or_default().to_owned(),
            outcome: Outcome::Skipped,
            cases: Vec::new(),
        };
        if is_true(test, "skip") {
            return result;
        }
        result.outcome = match self.policies(directory, test) {
            Ok(policies) => {
                let error = policies.errors().first();
                match (is_true(test, "invalid"), error) {
                    (
                        true,
                        Some(PolicyError {
                            is_constraint: true, ..
                        }),
                    ) => Outcome::Passed,
                    (true, _) => Outcome::Failed("the constraint is valid, which it must not be".to_owned(), test.mark),
                    (false, Some(error)) => Outcome::Failed(error.message.clone(), error.mark),
                    (false, None) => {
                        let cases = items(test, &["cases"]);
                        result.cases = cases.map(|case| self.case(directory, &policies, case)).collect();
                        Outcome::Passed
                    }
                }
            }
            Err((message, mark)) => Outcome::Failed(message, mark),
        };
        result
    }

    fn policies(&self, directory: &Path, test: &Node) -> Fallible<Policies> {
        if let Some(expansion) = test
            .get("expansion")
            .filter(|node| node.as_str().is_some_and(|text| !text.is_empty()))
        {
            return Err(("expansions are not known here".to_owned(), expansion.mark));
        }
        let mut nodes = Vec::new();
        for field in ["template", "constraint"] {
            let file = text(test, &[field]).filter(|file| !file.is_empty());
            let file = file.ok_or_else(|| (format!("the test lacks its {field}"), test.mark))?;
            let node = self.one(&clean_join(directory, file))?;
            if !Policies::is_policy(&node) {
                let mark = test.get(field).map_or(test.mark, |node| node.mark);
                return Err((format!("{file} is no {field}"), mark));
            }
            nodes.push(node);
        }
        Ok(Policies::read(&nodes))
    }

    fn case(&self, directory: &Path, policies: &Policies, case: &Node) -> CaseResult {
        let outcome = if is_true(case, "skip") {
            Outcome::Skipped
        } else {
            match self.judge(directory, policies, case) {
                Ok(()) => Outcome::Passed,
                Err((message, mark)) => Outcome::Failed(message, mark),
            }
        };
        CaseResult {
            name: text(case, &["name"]).unwrap_or_default().to_owned(),
            outcome,
        }
    }

    fn judge(&self, directory: &Path, policies: &Policies, case: &Node) -> Fallible<()> {
        let file = text(case, &["object"]).ok_or_else(|| ("the case lacks its object".to_owned(), case.mark))?;
        let mut assertions = items(case, &["assertions"]).peekable();
        if assertions.peek().is_none() {
            return Err(("the case has no assertions".to_owned(), case.mark));
        }
        let object = self.one(&clean_join(directory, file))?;
        let mut inventory = Vec::new();
        for file in texts(case, &["inventory"]) {
            inventory.extend(self.documents(&clean_join(directory, &file))?);
        }
        let is_review = text(&object, &["kind"]) == Some("AdmissionReview")
            && text(&object, &["apiVersion"]).is_some_and(|version| split_api_version(version).0 == "admission.k8s.io");
        let ground = policies.ground(inventory.iter());
        let mut run = ground.start();
        let mut review = if is_review {
            Review::of_admission_review(&object).map_err(|message| (message, object.mark))?
        } else {
            Review::of_object(&object, None)
        };
        review.namespace_object = ground.namespace(&review.namespace).cloned();
        let answers = run.review(&review);
        let messages: Vec<&str> = answers.iter().map(|answer| &*answer.violation.message).collect();
        for assertion in assertions {
            assert(assertion, &messages)?;
        }
        Ok(())
    }
}

fn is_true(node: &Node, field: &str) -> bool {
    text(node, &[field]) == Some("true")
}

/// Compares what an assertion asks for with the messages of the violations.
fn assert(assertion: &Node, messages: &[&str]) -> Fallible<()> {
    let pattern = match assertion.get("message").and_then(|node| Some((node, node.as_str()?))) {
        Some((node, text)) => {
            Some(Regex::new(text).map_err(|_| (format!("\"{text}\" is no regular expression"), node.mark))?)
        }
        None => None,
    };
    let count = messages
        .iter()
        .filter(|message| pattern.as_ref().is_none_or(|pattern| pattern.is_match(message)))
        .count();
    let wanted = text(assertion, &["violations"]).unwrap_or("yes");
    let mark = assertion.get("violations").map_or(assertion.mark, |node| node.mark);
    let (fits, words) = match wanted {
        "yes" => (count > 0, "at least 1".to_owned()),
        "no" => (count == 0, "none".to_owned()),
        number => match number.parse::<usize>() {
            Ok(number) => (count == number, format!("exactly {number}")),
            Err(_) => return Err((format!("violations is yes, no or a number, not \"{number}\""), mark)),
        },
    };
    if fits {
        return Ok(());
    }
    let about = pattern
        .map(|pattern| format!(" with a message like \"{pattern}\""))
        .unwrap_or_default();
    let shown = if messages.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are: {}", messages.join("; "))
    };
    Err((format!("{count} violations{about}, {words} wanted; {shown}"), mark))
}
