//! A compiled pipeline: the `PipelineSpec` of Kubeflow Pipelines
//! (<https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto>), read and checked, so that what
//! runs it finds every name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

/// Names with what they stand for.
pub(crate) type Named<T> = BTreeMap<String, T>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) pipeline_info: Info,
    pub(crate) root: Component,
    #[serde(default)]
    pub(crate) components: Named<Component>,
    #[serde(default)]
    pub(crate) deployment_spec: Deployment,
    #[serde(default)]
    pub(crate) default_pipeline_root: String,
    #[serde(default)]
    schema_version: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Info {
    pub(crate) name: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Deployment {
    #[serde(default)]
    pub(crate) executors: Named<Executor>,
}

/// What runs: one of these is set.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Executor {
    pub(crate) container: Option<Container>,
    pub(crate) importer: Option<Importer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<Variable>,
    pub(crate) resources: Json,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Importer {
    pub(crate) artifact_uri: Constant,
    #[serde(default)]
    pub(crate) type_schema: Json,
    #[serde(default)]
    pub(crate) metadata: Json,
}

/// A value that is written out, or the name of a parameter that has it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Constant {
    pub(crate) constant: Option<Json>,
    pub(crate) runtime_parameter: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Component {
    pub(crate) input_definitions: Definitions,
    pub(crate) output_definitions: Definitions,
    pub(crate) dag: Option<Dag>,
    pub(crate) executor_label: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Definitions {
    pub(crate) artifacts: Named<ArtifactDefinition>,
    pub(crate) parameters: Named<ParameterDefinition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ArtifactDefinition {
    pub(crate) artifact_type: Json,
    pub(crate) is_artifact_list: bool,
    pub(crate) is_optional: bool,
    pub(crate) metadata: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ParameterDefinition {
    pub(crate) parameter_type: ParameterType,
    pub(crate) default_value: Option<Json>,
    pub(crate) is_optional: bool,
    pub(crate) literals: Vec<Json>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ParameterType {
    #[default]
    #[serde(rename = "PARAMETER_TYPE_ENUM_UNSPECIFIED")]
    Unspecified,
    NumberDouble,
    NumberInteger,
    String,
    Boolean,
    List,
    Struct,
    TaskFinalStatus,
    TaskConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Dag {
    pub(crate) tasks: Named<Task>,
    pub(crate) outputs: DagOutputs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DagOutputs {
    pub(crate) artifacts: Named<ArtifactSelectors>,
    pub(crate) parameters: Named<ParameterSelector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ArtifactSelectors {
    pub(crate) artifact_selectors: Vec<ArtifactSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ArtifactSource {
    pub(crate) producer_subtask: String,
    pub(crate) output_artifact_key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ParameterSelector {
    ValueFromParameter(ParameterSource),
    #[serde(rename_all = "camelCase")]
    ValueFromOneof {
        parameter_selectors: Vec<ParameterSource>,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ParameterSource {
    pub(crate) producer_subtask: String,
    pub(crate) output_parameter_key: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Task {
    pub(crate) task_info: Info,
    pub(crate) inputs: TaskInputs,
    pub(crate) dependent_tasks: Vec<String>,
    pub(crate) caching_options: Caching,
    pub(crate) component_ref: Info,
    pub(crate) trigger_policy: Trigger,
    pub(crate) artifact_iterator: Option<Iterated>,
    pub(crate) parameter_iterator: Option<Iterated>,
    pub(crate) retry_policy: Retry,
    pub(crate) iterator_policy: IteratorPolicy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Caching {
    pub(crate) enable_cache: bool,
    pub(crate) cache_key: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Trigger {
    pub(crate) condition: String,
    pub(crate) strategy: Strategy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Strategy {
    #[default]
    #[serde(alias = "TRIGGER_STRATEGY_UNSPECIFIED")]
    AllUpstreamTasksSucceeded,
    AllUpstreamTasksCompleted,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Iterated {
    pub(crate) items: Items,
    pub(crate) item_input: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Items {
    pub(crate) raw: Option<String>,
    pub(crate) input_parameter: Option<String>,
    pub(crate) input_artifact: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Retry {
    pub(crate) max_retry_count: f64,
    pub(crate) backoff_duration: String,
    pub(crate) backoff_factor: f64,
    pub(crate) backoff_max_duration: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IteratorPolicy {
    pub(crate) parallelism_limit: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TaskInputs {
    pub(crate) parameters: Named<ParameterInput>,
    pub(crate) artifacts: Named<ArtifactInput>,
}

/// Where an input parameter comes from: one of the first four is set.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ParameterInput {
    pub(crate) task_output_parameter: Option<OutputOf>,
    pub(crate) runtime_value: Option<Constant>,
    pub(crate) component_input_parameter: Option<String>,
    pub(crate) task_final_status: Option<OutputOf>,
    pub(crate) parameter_expression_selector: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ArtifactInput {
    pub(crate) task_output_artifact: Option<OutputOf>,
    pub(crate) component_input_artifact: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OutputOf {
    pub(crate) producer_task: String,
    pub(crate) output_parameter_key: String,
    pub(crate) output_artifact_key: String,
}

impl Spec {
    /// Reads a compiled pipeline.
    ///
    /// # Errors
    /// What is wrong with it: a field of the wrong type, a name that is not there, tasks that wait for one another.
    pub(crate) fn read(spec: &Json) -> Result<Spec, String> {
        let spec = Spec::deserialize(spec).map_err(|error| format!("pipeline_spec is no pipeline: {error}"))?;
        if spec.schema_version == "2.0.0" {
            return Err("pipeline_spec.schema_version 2.0.0 is not known here: compile it with kfp 2".to_owned());
        }
        if spec.root.dag.is_none() {
            return Err("pipeline_spec.root has no dag".to_owned());
        }
        spec.check("root", &spec.root, &mut Vec::new(), &mut BTreeSet::new())?;
        Ok(spec)
    }

    /// The component of a task, which [`Spec::read`] has found.
    pub(crate) fn component(&self, task: &Task) -> &Component {
        self.components.get(&task.component_ref.name).unwrap_or(&self.root)
    }

    pub(crate) fn executor(&self, component: &Component) -> Option<&Executor> {
        self.deployment_spec.executors.get(component.executor_label.as_ref()?)
    }

    /// Checks a component and all that it consists of; `within` are those that it is a part of.
    fn check<'s>(
        &'s self,
        name: &'s str,
        component: &'s Component,
        within: &mut Vec<&'s str>,
        checked: &mut BTreeSet<&'s str>,
    ) -> Result<(), String> {
        if within.contains(&name) {
            return Err(format!("the component {name} is a part of itself"));
        }
        if !checked.insert(name) {
            return Ok(());
        }
        let Some(dag) = &component.dag else {
            return self.check_executor(name, component);
        };
        within.push(name);
        for (key, task) in &dag.tasks {
            let at = format!("the task {key} of the component {name}");
            let reference = task.component_ref.name.as_str();
            let Some((reference, inner)) = self.components.get_key_value(reference) else {
                return Err(format!("{at} is of the component {reference:?}, which is not there"));
            };
            if let Some(missing) = task.upstream().find(|upstream| !dag.tasks.contains_key(*upstream)) {
                return Err(format!("{at} depends on {missing:?}, which is no task there"));
            }
            self.check(reference, inner, within, checked)?;
        }
        within.pop();
        dag.check_order(name)
    }

    fn check_executor(&self, name: &str, component: &Component) -> Result<(), String> {
        let Some(executor) = self.executor(component) else {
            let label = component.executor_label.as_deref().unwrap_or_default();
            return Err(format!(
                "the component {name} has the executor {label:?}, which is not there"
            ));
        };
        match (&executor.container, &executor.importer) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            _ => Err(format!(
                "the executor of the component {name} is neither a container nor an importer: no other kind runs here"
            )),
        }
    }
}

impl Dag {
    /// # Errors
    /// If tasks wait for one another.
    fn check_order(&self, name: &str) -> Result<(), String> {
        let mut waiting: BTreeMap<&str, &Task> = self.tasks.iter().map(|(key, task)| (key.as_str(), task)).collect();
        loop {
            let before = waiting.len();
            let blocked: BTreeSet<&str> = waiting.keys().copied().collect();
            waiting.retain(|_, task| task.upstream().any(|upstream| blocked.contains(upstream)));
            if waiting.is_empty() {
                return Ok(());
            }
            if waiting.len() == before {
                let names: Vec<&str> = waiting.into_keys().collect();
                let names = names.join(", ");
                return Err(format!(
                    "in the component {name} these tasks wait for one another: {names}"
                ));
            }
        }
    }
}

impl Task {
    /// The tasks that must be over before this one starts; one may be there twice.
    pub(crate) fn upstream(&self) -> impl Iterator<Item = &str> {
        let parameters = self.inputs.parameters.values();
        let of_parameters = parameters.flat_map(|input| [&input.task_output_parameter, &input.task_final_status]);
        let of_artifacts = self.inputs.artifacts.values().map(|input| &input.task_output_artifact);
        let producers = of_parameters.chain(of_artifacts).flatten();
        let producers = producers.map(|output| output.producer_task.as_str());
        self.dependent_tasks.iter().map(String::as_str).chain(producers)
    }

    /// What it is called for people; `key` is its name in the specification.
    pub(crate) fn name<'t>(&'t self, key: &'t str) -> &'t str {
        match self.task_info.name.as_str() {
            "" => key,
            name => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(tasks: Json, components: Json) -> Json {
        json!({
            "pipelineInfo": {"name": "p"},
            "schemaVersion": "2.1.0",
            "root": {"dag": {"tasks": tasks}},
            "components": components,
            "deploymentSpec": {"executors": {"e": {"container": {"image": "i", "command": ["true"]}}, "r": {"resolver": {}}}},
        })
    }

    fn wrong(tasks: Json, components: Json) -> String {
        Spec::read(&spec(tasks, components)).unwrap_err()
    }

    #[test]
    fn what_cannot_be_run_is_told() {
        let components = json!({"c": {"executorLabel": "e"}});
        let task = json!({"componentRef": {"name": "c"}});
        let one = Spec::read(&spec(json!({"a": task}), components.clone())).unwrap();
        assert_eq!(one.root.dag.unwrap().tasks["a"].name("a"), "a");
        assert_eq!(
            wrong(json!({"a": {"componentRef": {"name": "d"}}}), components.clone()),
            "the task a of the component root is of the component \"d\", which is not there"
        );
        let input =
            json!({"parameters": {"x": {"taskOutputParameter": {"producerTask": "b", "outputParameterKey": "o"}}}});
        let waits = json!({"componentRef": {"name": "c"}, "inputs": input});
        assert_eq!(
            wrong(json!({"a": waits}), components.clone()),
            "the task a of the component root depends on \"b\", which is no task there"
        );
        let back = json!({"componentRef": {"name": "c"}, "dependentTasks": ["a"]});
        assert_eq!(
            wrong(json!({"a": waits, "b": back, "free": task}), components),
            "in the component root these tasks wait for one another: a, b"
        );
        let itself = json!({"c": {"dag": {"tasks": {"t": task}}}});
        assert_eq!(wrong(json!({"a": task}), itself), "the component c is a part of itself");
        let none = wrong(json!({"a": task}), json!({"c": {"executorLabel": "r"}}));
        assert!(none.contains("neither a container nor an importer"), "{none}");
        let types =
            json!({"c": {"executorLabel": "e", "inputDefinitions": {"parameters": {"x": {"parameterType": "TEXT"}}}}});
        assert!(wrong(json!({"a": task}), types).contains("unknown variant `TEXT`"));
    }
}
