//! What a task is given: resolved from the component that it is a part of, and from the tasks that ran before it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::placeholder::Known;
use super::spec::{ArtifactInput, Component, OutputOf, ParameterInput, ParameterType, Task};
use super::{condition, value};
use crate::error::ApiError;

/// What components are given and give: parameters, and lists of artifacts (`RuntimeArtifact`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Passed {
    pub(super) parameters: BTreeMap<String, Json>,
    pub(super) artifacts: BTreeMap<String, Vec<Json>>,
}

/// How a task ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    Succeeded(Passed),
    Failed(ApiError),
    Cancelled,
    /// Its condition does not hold, or what it depends on did not succeed.
    NotTriggered,
}

/// What a task may refer to.
pub(super) struct Scope<'s> {
    /// The inputs of the component that the task is a part of.
    pub(super) given: &'s Passed,
    /// The tasks beside it that are over.
    pub(super) ended: &'s BTreeMap<String, Ended>,
    /// The names of the pipeline and the task, in placeholders.
    pub(super) names: &'s [(&'static str, String)],
    /// The resource name of the pipeline.
    pub(super) job: &'s str,
}

/// The inputs of a task of a component; items of a loop come later.
///
/// # Errors
/// If an input has no value and needs one, or one of another type.
pub(super) fn resolve(task: &Task, component: &Component, scope: &Scope<'_>) -> Result<Passed, String> {
    let mut inputs = Passed::default();
    let mut constants = Vec::new();
    for (name, input) in &task.inputs.parameters {
        let found = scope.parameter(input);
        let found = match input.parameter_expression_selector.as_str() {
            "" => found,
            selector => found.map(|found| condition::select(selector, &found)).transpose()?,
        };
        if let Some(found) = found {
            inputs.parameters.insert(name.clone(), value::plain(found));
        }
        if input.runtime_value.is_some() {
            constants.push(name);
        }
    }
    for (name, input) in &task.inputs.artifacts {
        if let Some(list) = scope.artifacts(input) {
            inputs.artifacts.insert(name.clone(), list);
        }
    }
    let input = inputs.shown();
    let known = Known {
        input: &input,
        names: scope.names,
    };
    for name in constants {
        if let Some(constant) = inputs.parameters.get_mut(name) {
            *constant = known.fill_all(constant);
        }
    }
    let item = [&task.parameter_iterator, &task.artifact_iterator];
    let items: Vec<&str> = item
        .into_iter()
        .flatten()
        .map(|iterated| iterated.item_input.as_str())
        .collect();
    complete(&mut inputs, component, &items)?;
    Ok(inputs)
}

/// Gives inputs their types and defaults; `later` are those that come later.
///
/// # Errors
/// If a value is missing or of another type.
pub(super) fn complete(inputs: &mut Passed, component: &Component, later: &[&str]) -> Result<(), String> {
    let definitions = &component.input_definitions;
    for (name, definition) in &definitions.parameters {
        let is_missing = |what: &str| format!("the input parameter {name:?} has no value{what}");
        let given = inputs.parameters.remove(name);
        let value = match given.filter(|value| !value.is_null()) {
            Some(value) => {
                value::fit(definition, value).map_err(|error| format!("the input parameter {name:?} {error}"))?
            }
            None => match &definition.default_value {
                Some(default) => value::plain(default.clone()),
                None if later.contains(&name.as_str()) => continue,
                None if definition.is_optional || definition.parameter_type == ParameterType::TaskConfig => continue,
                None => return Err(is_missing(" and no default")),
            },
        };
        inputs.parameters.insert(name.clone(), value);
    }
    for (name, definition) in &definitions.artifacts {
        let is_given = inputs.artifacts.contains_key(name) || later.contains(&name.as_str());
        if !is_given && !definition.is_optional {
            return Err(format!("the input artifact {name:?} is missing"));
        }
        if let Some(list) = inputs.artifacts.get_mut(name)
            && !definition.is_artifact_list
        {
            list.truncate(1);
        }
    }
    Ok(())
}

impl Passed {
    /// As the `inputs` of an `ExecutorInput`.
    pub(super) fn shown(&self) -> Json {
        let artifacts = self.artifacts.iter();
        let artifacts: serde_json::Map<String, Json> = artifacts
            .map(|(name, list)| (name.clone(), json!({"artifacts": list})))
            .collect();
        json!({"inputs": {"parameterValues": self.parameters, "artifacts": artifacts}})
    }
}

impl Scope<'_> {
    fn outputs(&self, task: &str) -> Option<&Passed> {
        match self.ended.get(task) {
            Some(Ended::Succeeded(outputs)) => Some(outputs),
            _ => None,
        }
    }

    /// The value that a parameter has, if it has one.
    fn parameter(&self, input: &ParameterInput) -> Option<Json> {
        let value = if let Some(output) = &input.task_output_parameter {
            let outputs = self.outputs(&output.producer_task)?;
            outputs.parameters.get(&output.output_parameter_key).cloned()
        } else if let Some(name) = &input.component_input_parameter {
            self.given.parameters.get(name).cloned()
        } else if let Some(constant) = &input.runtime_value {
            match (&constant.constant, &constant.runtime_parameter) {
                (None, Some(name)) => self.given.parameters.get(name).cloned(),
                (constant, _) => constant.clone(),
            }
        } else {
            input.task_final_status.as_ref().map(|output| self.final_status(output))
        };
        value.filter(|value| !value.is_null())
    }

    fn artifacts(&self, input: &ArtifactInput) -> Option<Vec<Json>> {
        if let Some(output) = &input.task_output_artifact {
            let outputs = self.outputs(&output.producer_task)?;
            return outputs.artifacts.get(&output.output_artifact_key).cloned();
        }
        self.given
            .artifacts
            .get(input.component_input_artifact.as_ref()?)
            .cloned()
    }

    /// A `PipelineTaskFinalStatus`.
    fn final_status(&self, output: &OutputOf) -> Json {
        let task = &output.producer_task;
        let mut status = json!({"pipelineJobResourceName": self.job, "pipelineTaskName": task});
        let state = match self.ended.get(task) {
            Some(Ended::Succeeded(_)) => "SUCCEEDED",
            Some(Ended::Failed(error)) => {
                status["error"] = error.rpc_status();
                "FAILED"
            }
            Some(Ended::Cancelled) => "CANCELLED",
            Some(Ended::NotTriggered) | None => "NOT_TRIGGERED",
        };
        status["state"] = state.into();
        status
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn resolved(task: &Json, definitions: &Json) -> Result<Passed, String> {
        let task = Task::deserialize(task).unwrap();
        let component = Component::deserialize(json!({"inputDefinitions": definitions})).unwrap();
        let given = Passed {
            parameters: [("n".to_owned(), json!(3)), ("nothing".to_owned(), Json::Null)].into(),
            artifacts: BTreeMap::new(),
        };
        let made = Passed {
            parameters: [("out".to_owned(), json!("{\"a\": 7}"))].into(),
            artifacts: [(
                "data".to_owned(),
                vec![json!({"uri": "gs://a"}), json!({"uri": "gs://b"})],
            )]
            .into(),
        };
        let error = ApiError::invalid("no");
        let ended = [
            ("made".to_owned(), Ended::Succeeded(made)),
            ("failed".to_owned(), Ended::Failed(error)),
        ];
        let scope = Scope {
            given: &given,
            ended: &ended.into(),
            names: &[("pipeline_job_name", "iris-1".to_owned())],
            job: "projects/p/locations/l/pipelineJobs/iris-1",
        };
        resolve(&task, &component, &scope)
    }

    #[test]
    fn inputs_come_from_all_sides() {
        let task = json!({"inputs": {
            "parameters": {
                "n": {"componentInputParameter": "n"},
                "a": {
                    "taskOutputParameter": {"producerTask": "made", "outputParameterKey": "out"},
                    "parameterExpressionSelector": "parseJson(string_value)['a']",
                },
                "text": {"runtimeValue": {"constant": "{{$.inputs.parameters['n']}} of {{$.pipeline_job_name}}"}},
                "status": {"taskFinalStatus": {"producerTask": "failed"}},
            },
            "artifacts": {"data": {"taskOutputArtifact": {"producerTask": "made", "outputArtifactKey": "data"}}},
        }});
        let definitions = json!({
            "parameters": {
                "a": {"parameterType": "NUMBER_INTEGER"},
                "text": {"parameterType": "STRING"},
                "status": {"parameterType": "TASK_FINAL_STATUS"},
                "rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5, "isOptional": true},
                "other": {"parameterType": "STRING", "isOptional": true},
            },
            "artifacts": {"data": {}},
        });
        let inputs = resolved(&task, &definitions).unwrap();
        let expected = json!({
            "n": 3, "a": 7, "text": "3 of iris-1", "rate": 0.5,
            "status": {
                "state": "FAILED", "error": {"code": 3, "message": "no", "details": []}, "pipelineTaskName": "failed",
                "pipelineJobResourceName": "projects/p/locations/l/pipelineJobs/iris-1",
            },
        });
        assert_eq!(json!(inputs.parameters), expected);
        assert_eq!(inputs.artifacts["data"], [json!({"uri": "gs://a"})]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let input = |parameter: Json| json!({"inputs": {"parameters": {"x": parameter}}});
        let definition = |kind: &str| json!({"parameters": {"x": {"parameterType": kind}}});
        let of_failed = json!({"taskOutputParameter": {"producerTask": "failed", "outputParameterKey": "out"}});
        assert_eq!(
            resolved(&input(of_failed.clone()), &definition("STRING")).unwrap_err(),
            "the input parameter \"x\" has no value and no default"
        );
        let optional =
            json!({"parameters": {"x": {"parameterType": "STRING", "isOptional": true, "defaultValue": "d"}}});
        assert_eq!(resolved(&input(of_failed), &optional).unwrap().parameters["x"], "d");
        let nothing = json!({"componentInputParameter": "nothing"});
        assert!(resolved(&input(nothing), &definition("STRING")).is_err());
        assert_eq!(
            resolved(&input(json!({"componentInputParameter": "n"})), &definition("LIST")).unwrap_err(),
            "the input parameter \"x\" must be a list, and is a number: 3"
        );
        assert_eq!(
            resolved(&json!({}), &json!({"artifacts": {"data": {}}})).unwrap_err(),
            "the input artifact \"data\" is missing"
        );
    }
}
