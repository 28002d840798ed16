//! Outputs of earlier executions: a task with the same container, inputs and kinds of outputs is not run again
//! (<https://cloud.google.com/vertex-ai/docs/pipelines/configure-caching>).

use std::fmt::Write;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::Pipeline;
use super::input::Passed;
use super::spec::{Component, Container, Task};
use crate::error::Result;

/// Documents of executions, by what they depend on.
const KIND: &str = "execution cache";

impl Pipeline<'_> {
    /// What an execution depends on. Pipelines of other names share nothing.
    pub(super) fn cache_key(
        &self,
        task: &Task,
        component: &Component,
        container: &Container,
        given: &Passed,
    ) -> String {
        let variables = container
            .env
            .iter()
            .map(|variable| json!([variable.name, variable.value]));
        let artifacts = given.artifacts.iter().map(|(name, list)| {
            let list = list.iter().map(|artifact| json!([artifact["name"], artifact["uri"]]));
            json!([name, list.collect::<Vec<_>>()])
        });
        let outputs = &component.output_definitions;
        let made = outputs
            .artifacts
            .iter()
            .map(|(name, output)| json!([name, output.artifact_type]));
        let told = outputs.parameters.iter();
        let told = told.map(|(name, output)| json!([name, format!("{:?}", output.parameter_type)]));
        let whole = json!([
            [self.project, self.location, self.spec.pipeline_info.name, self.root],
            [container.image, container.command, container.args],
            variables.collect::<Vec<_>>(),
            given.parameters,
            artifacts.collect::<Vec<_>>(),
            made.collect::<Vec<_>>(),
            told.collect::<Vec<_>>(),
            task.caching_options.cache_key,
        ]);
        let mut key = String::new();
        for byte in Sha256::digest(whole.to_string()) {
            // To a text nothing fails to be written.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    pub(super) fn cached(&self, key: &str) -> Result<Option<Passed>> {
        let Some(document) = self.cloud.store.get(KIND, key)? else {
            return Ok(None);
        };
        let fields = |name: &str| document[name].as_object().into_iter().flatten();
        let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
        Ok(Some(Passed {
            parameters: fields("parameters")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            artifacts: fields("artifacts")
                .map(|(name, value)| (name.clone(), list(value)))
                .collect(),
        }))
    }

    pub(super) fn keep(&self, key: &str, outputs: &Passed) -> Result<()> {
        let document = json!({"parameters": outputs.parameters, "artifacts": outputs.artifacts});
        self.cloud.store.put(KIND, key, &document)?;
        Ok(())
    }
}
