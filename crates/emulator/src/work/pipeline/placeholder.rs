//! Placeholders in commands, arguments and constants: `{{$.inputs.parameters['rate']}}` and its like
//! (`ExecutorInput` in <https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto>).

use serde_json::Value as Json;

use super::value;

/// What placeholders stand for.
#[derive(Debug)]
pub(super) struct Known<'k> {
    /// An `ExecutorInput`.
    pub(super) input: &'k Json,
    /// Names of the pipeline and the task: `pipeline_job_name` and its like.
    pub(super) names: &'k [(&'static str, String)],
}

impl Known<'_> {
    /// A text with what its placeholders stand for. One that stands for nothing is left as it is.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{$") {
            let (before, from) = rest.split_at(start);
            filled.push_str(before);
            let Some(end) = from.find("}}") else {
                rest = from;
                break;
            };
            let (placeholder, after) = from.split_at(end + 2);
            match self.of(&placeholder[3..end]) {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(placeholder),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// The same for all texts of a value.
    pub(super) fn fill_all(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => self.fill(text).into(),
            Json::Array(items) => items.iter().map(|item| self.fill_all(item)).collect(),
            Json::Object(fields) => {
                let filled = fields
                    .iter()
                    .map(|(name, value)| (self.fill(name), self.fill_all(value)));
                filled.collect()
            }
            other => other.clone(),
        }
    }

    /// The words of a command, in which a word may stand for several, or for none.
    pub(super) fn words(&self, words: &[String]) -> Vec<String> {
        let mut filled = Vec::new();
        for word in words {
            let is_structure = word.starts_with("{\"Concat\":") || word.starts_with("{\"IfPresent\":");
            match serde_json::from_str::<Json>(word) {
                Ok(structure) if is_structure => self.push(&structure, &mut filled),
                _ => filled.push(self.fill(word)),
            }
        }
        filled
    }

    /// The words that a structure stands for.
    fn push(&self, structure: &Json, words: &mut Vec<String>) {
        if let Some(parts) = structure["Concat"].as_array() {
            let mut whole = Vec::new();
            parts.iter().for_each(|part| self.push(part, &mut whole));
            words.push(whole.concat());
        } else if structure["IfPresent"].is_object() {
            let choice = &structure["IfPresent"];
            let is_present = choice["InputName"].as_str().is_some_and(|name| self.has(name));
            self.push(&choice[if is_present { "Then" } else { "Else" }], words);
        } else {
            match structure {
                Json::String(text) => words.push(self.fill(text)),
                Json::Array(items) => items.iter().for_each(|item| self.push(item, words)),
                _ => {}
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        let inputs = &self.input["inputs"];
        ["parameterValues", "artifacts"]
            .iter()
            .any(|kind| !inputs[kind][name].is_null())
    }

    /// What a path stands for: `.inputs.parameters['rate']`.
    fn of(&self, path: &str) -> Option<String> {
        let (path, escapes) = match path.split_once(".json_escape[") {
            Some((path, count)) => (path, count.strip_suffix(']')?.parse().ok()?),
            None => (path, 0),
        };
        let mut text = self.value(path)?;
        for _ in 0..escapes {
            let quoted = Json::String(text).to_string();
            text = quoted[1..quoted.len() - 1].to_owned();
        }
        Some(text)
    }

    fn value(&self, path: &str) -> Option<String> {
        let parts = parts(path)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let of = |value: &Json| (!value.is_null()).then(|| value::text(value));
        match parts.as_slice() {
            [] => Some(self.input.to_string()),
            ["inputs", "parameters", name] => of(&self.input["inputs"]["parameterValues"][name]),
            ["outputs", "parameters", name, "output_file"] => {
                of(&self.input["outputs"]["parameters"][name]["outputFile"])
            }
            ["outputs", "output_file"] | ["outputMetadataUri"] => of(&self.input["outputs"]["outputFile"]),
            [side @ ("inputs" | "outputs"), "artifacts", name, rest @ ..] => {
                let list = &self.input[side]["artifacts"][name]["artifacts"];
                let artifact = list.get(0)?;
                match rest {
                    [] => of(list),
                    ["path"] => artifact["uri"].as_str().map(path_of),
                    ["metadata" | "properties" | "custom_properties", field] => of(&artifact["metadata"][field]),
                    [field @ ("uri" | "name" | "metadata")] => of(&artifact[field]),
                    _ => None,
                }
            }
            [name] => {
                let known = self.names.iter().find(|(known, _)| known == name);
                known.map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }
}

/// Where a container finds what is at a URI.
pub(super) fn path_of(uri: &str) -> String {
    match uri.strip_prefix("gs://") {
        Some(rest) => format!("/gcs/{rest}"),
        None => uri.to_owned(),
    }
}

/// The parts of a path: `.inputs.parameters['a.b']` is `inputs`, `parameters` and `a.b`.
fn parts(path: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            parts.push(after[..end].to_owned());
            rest = &after[end..];
        } else {
            let after = rest.strip_prefix('[')?;
            let quote = after.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
            let (name, after) = after[1..].split_once(&format!("{quote}]"))?;
            parts.push(name.to_owned());
            rest = after;
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(words: &[&str]) -> Vec<String> {
        let input = json!({
            "inputs": {
                "parameterValues": {"rate": 0.5, "who": "a \"b\"", "list": [1, "x"], "a.b": true},
                "artifacts": {"data": {"artifacts": [{"name": "n", "uri": "gs://iris/data", "metadata": {"rows": 3}}]}},
            },
            "outputs": {
                "outputFile": "/gcs/iris/out.json",
                "parameters": {"acc": {"outputFile": "/gcs/iris/acc"}},
                "artifacts": {"model": {"artifacts": [{"uri": "gs://iris/model"}]}},
            },
        });
        let names = [("pipeline_job_name", "iris-1".to_owned())];
        let known = Known {
            input: &input,
            names: &names,
        };
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        known.words(&words)
    }

    #[test]
    fn placeholders_are_filled_wherever_they_stand() {
        let text =
            "--rate={{$.inputs.parameters['rate']}},{{$.inputs.parameters['list']}},{{$.inputs.parameters['a.b']}}";
        assert_eq!(filled(&[text]), ["--rate=0.5,[1,\"x\"],true"]);
        let paths = [
            "{{$.inputs.artifacts['data'].uri}} {{$.inputs.artifacts['data'].path}} {{$.inputs.artifacts['data'].metadata['rows']}}",
            "{{$.outputs.artifacts['model'].path}} {{$.outputs.parameters['acc'].output_file}} {{$.outputs.output_file}}",
            "{{$.pipeline_job_name}}",
        ];
        assert_eq!(
            filled(&paths),
            [
                "gs://iris/data /gcs/iris/data 3",
                "/gcs/iris/model /gcs/iris/acc /gcs/iris/out.json",
                "iris-1"
            ]
        );
        assert_eq!(
            filled(&["{{$.inputs.parameters['who'].json_escape[1]}}"]),
            ["a \\\"b\\\""]
        );
        assert!(filled(&["{{$}}"])[0].starts_with("{\"inputs\":"));
    }

    #[test]
    fn what_stands_for_nothing_stays() {
        for text in [
            "{{$.inputs.parameters['none']}}",
            "{{$.unknown}} {{",
            "{{$",
            "{{$.a[b]}}",
            "{{x}}",
            "ü{{$",
        ] {
            assert_eq!(filled(&[text]), [text]);
        }
    }

    #[test]
    fn a_word_may_be_several_or_none() {
        let words = [
            "{\"IfPresent\": {\"InputName\": \"rate\", \"Then\": [\"--rate\", \"{{$.inputs.parameters['rate']}}\"]}}",
            "{\"IfPresent\": {\"InputName\": \"none\", \"Then\": \"x\"}}",
            "{\"IfPresent\": {\"InputName\": \"none\", \"Then\": \"x\", \"Else\": {\"Concat\": [\"a\", \"{{$.pipeline_job_name}}\"]}}}",
            "{\"json\": 1}",
        ];
        assert_eq!(filled(&words), ["--rate", "0.5", "airis-1", "{\"json\": 1}"]);
    }
}
