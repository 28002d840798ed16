//! The tasks of a component in the order of what they depend on: those that wait for nothing run at the same time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::detail::TaskRun;
use super::input::{self, Ended, Passed, Scope};
use super::spec::{Component, Dag, Iterated, ParameterSelector, Strategy, Task};
use super::{Pipeline, condition, value};
use crate::error::{ApiError, Result, Status};
use crate::work::run::End;

/// Items of a loop that run at the same time, where nothing is said.
const LOOP_WORKERS: usize = 16;
/// How often a task that is to be tried again looks whether it should.
const PAUSE: Duration = Duration::from_millis(20);

/// What a component gave, and whether an earlier run had made it.
pub(super) struct Made {
    pub(super) outputs: Passed,
    pub(super) is_cached: bool,
}

impl Pipeline<'_> {
    /// Runs the tasks of a component to their ends.
    pub(super) fn run_dag(&self, dag: &Dag, given: &Passed, parent: &TaskRun) -> Result<Passed, End> {
        let mut waiting: BTreeMap<&str, &Task> = dag.tasks.iter().map(|(key, task)| (key.as_str(), task)).collect();
        let mut ended: BTreeMap<String, Ended> = BTreeMap::new();
        let mut failed: Vec<&str> = Vec::new();
        thread::scope(|scope| {
            let (over, is_over) = mpsc::channel::<(&str, Ended)>();
            let mut running = 0;
            loop {
                while let Some(key) = next(&waiting, &ended) {
                    let Some(task) = waiting.remove(key) else { break };
                    let run = self.task_run(task.name(key), parent).map_err(End::Failed)?;
                    if !self.may_start(task, &ended) {
                        self.note_task(&run, "system.ContainerExecution", &Passed::default())
                            .and_then(|()| self.note_end(&run, &Ended::NotTriggered, false))
                            .map_err(End::Failed)?;
                        ended.insert(key.to_owned(), Ended::NotTriggered);
                        continue;
                    }
                    let names = self.names(&run);
                    let inputs = input::resolve(
                        task,
                        self.spec.component(task),
                        &Scope {
                            given,
                            ended: &ended,
                            names: &names,
                            job: self.name,
                        },
                    );
                    let over = over.clone();
                    running += 1;
                    scope.spawn(move || {
                        let ended = self.run_task(task, &run, inputs);
                        // Whoever waited is gone only if it panicked.
                        let _ = over.send((key, ended));
                    });
                }
                if running == 0 {
                    return Ok(());
                }
                let Ok((key, how)) = is_over.recv() else { return Ok(()) };
                running -= 1;
                if matches!(how, Ended::Failed(_)) {
                    failed.push(dag.tasks.get(key).map_or(key, |task| task.name(key)));
                    self.has_failed.store(true, Ordering::Release);
                }
                ended.insert(key.to_owned(), how);
            }
        })?;
        if self.stop.is_wanted() {
            return Err(End::Cancelled);
        }
        if !failed.is_empty() {
            let failed = failed.join(", ");
            let message = format!("The DAG failed because some tasks failed. The failed tasks are: [{failed}].");
            return Err(End::Failed(ApiError::new(Status::FailedPrecondition, message)));
        }
        Ok(outputs(dag, &ended))
    }

    /// Whether a task runs whose upstream tasks are over.
    fn may_start(&self, task: &Task, ended: &BTreeMap<String, Ended>) -> bool {
        if self.stop.is_wanted() {
            return false;
        }
        match task.trigger_policy.strategy {
            Strategy::AllUpstreamTasksCompleted => true,
            Strategy::AllUpstreamTasksSucceeded => {
                let is_too_late = self.is_fast && self.has_failed.load(Ordering::Acquire);
                let mut upstream = task.upstream();
                !is_too_late && upstream.all(|key| matches!(ended.get(key), Some(Ended::Succeeded(_))))
            }
        }
    }

    /// One task, as often as its policy has it tried.
    fn run_task(&self, task: &Task, run: &TaskRun, inputs: Result<Passed, String>) -> Ended {
        let component = self.spec.component(task);
        let schema = match (&component.dag, self.spec.executor(component)) {
            (Some(_), _) => "system.DagExecution",
            (None, Some(executor)) if executor.importer.is_some() => "system.ImporterExecution",
            _ => "system.ContainerExecution",
        };
        let (given, problem) = match inputs {
            Ok(inputs) => (inputs, None),
            Err(problem) => (Passed::default(), Some(problem)),
        };
        let mut is_cached = false;
        let ended = self.note_task(run, schema, &given).map_err(End::Failed).and_then(|()| {
            if let Some(problem) = problem {
                let message = format!("The task {} cannot be started: {problem}.", run.name);
                return Err(End::Failed(ApiError::invalid(message)));
            }
            let condition = &task.trigger_policy.condition;
            if !condition.is_empty() {
                let holds = condition::holds(condition, &given);
                if !holds.map_err(|error| End::Failed(ApiError::invalid(error)))? {
                    return Ok(None);
                }
            }
            let made = self.try_task(task, component, run, &given)?;
            is_cached = made.is_cached;
            Ok(Some(made.outputs))
        });
        let ended = match ended {
            Ok(Some(outputs)) => Ended::Succeeded(outputs),
            Ok(None) => Ended::NotTriggered,
            Err(End::Failed(error)) => Ended::Failed(error),
            Err(End::Cancelled) => Ended::Cancelled,
        };
        match self.note_end(run, &ended, is_cached) {
            Ok(()) => ended,
            Err(error) => Ended::Failed(error),
        }
    }

    fn try_task(&self, task: &Task, component: &Component, run: &TaskRun, given: &Passed) -> Result<Made, End> {
        let policy = &task.retry_policy;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of tries"
        )]
        let mut left = policy.max_retry_count as usize;
        let mut pause = seconds(&policy.backoff_duration).unwrap_or_default();
        let longest = seconds(&policy.backoff_max_duration).unwrap_or(Duration::from_secs(3600));
        loop {
            let result = match (&task.parameter_iterator, &task.artifact_iterator) {
                (Some(iterated), _) | (None, Some(iterated)) => self.run_loop(task, iterated, component, run, given),
                (None, None) => self.run_component(task, component, run, given),
            };
            match result {
                Err(End::Failed(error)) if left > 0 && !self.stop.is_wanted() => {
                    left -= 1;
                    self.note_retry(run, &error).map_err(End::Failed)?;
                    self.pause(pause.min(longest))?;
                    pause = pause.mul_f64(policy.backoff_factor.clamp(1.0, 100.0)).min(longest);
                }
                result => return result,
            }
        }
    }

    fn run_component(&self, task: &Task, component: &Component, run: &TaskRun, given: &Passed) -> Result<Made, End> {
        let Some(dag) = &component.dag else {
            return self.execute(task, component, run, given);
        };
        self.note_start(run).map_err(End::Failed)?;
        let outputs = self.run_dag(dag, given, run)?;
        Ok(Made {
            outputs,
            is_cached: false,
        })
    }

    /// Runs a component once for each item. Its outputs are lists, in the order of the items.
    fn run_loop(
        &self,
        task: &Task,
        iterated: &Iterated,
        component: &Component,
        run: &TaskRun,
        given: &Passed,
    ) -> Result<Made, End> {
        self.note_start(run).map_err(End::Failed)?;
        let items = items(iterated, given).map_err(|problem| {
            let message = format!("The items of {} cannot be read: {problem}.", run.name);
            End::Failed(ApiError::invalid(message))
        })?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of items"
        )]
        let limit = match task.iterator_policy.parallelism_limit as usize {
            0 => LOOP_WORKERS,
            limit => limit.min(LOOP_WORKERS),
        };
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<Result<Passed, End>>>> = Mutex::new(items.iter().map(|_| None).collect());
        thread::scope(|scope| {
            for _ in 0..limit.min(items.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::AcqRel);
                        let Some(item) = items.get(at) else { return };
                        let result = self.run_item(task, component, run, (at, given, iterated, item));
                        results.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
                    }
                });
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut outputs = Passed::default();
        let names = &component.output_definitions;
        for name in names.parameters.keys() {
            outputs.parameters.insert(name.clone(), Json::Array(Vec::new()));
        }
        for name in names.artifacts.keys() {
            outputs.artifacts.insert(name.clone(), Vec::new());
        }
        let mut failed = Vec::new();
        for (at, result) in results.into_iter().enumerate() {
            match result {
                Some(Ok(passed)) => outputs.add(passed),
                Some(Err(End::Failed(_))) => failed.push(format!("{}-{at}", run.name)),
                Some(Err(End::Cancelled)) | None => return Err(End::Cancelled),
            }
        }
        if !failed.is_empty() {
            let failed = failed.join(", ");
            let message = format!("The DAG failed because some tasks failed. The failed tasks are: [{failed}].");
            return Err(End::Failed(ApiError::new(Status::FailedPrecondition, message)));
        }
        Ok(Made {
            outputs,
            is_cached: false,
        })
    }

    /// Runs a component for one item, as a task of its own.
    fn run_item(
        &self,
        task: &Task,
        component: &Component,
        parent: &TaskRun,
        (at, given, iterated, item): (usize, &Passed, &Iterated, &Item),
    ) -> Result<Passed, End> {
        let run = self
            .task_run(&format!("{}-{at}", parent.name), parent)
            .map_err(End::Failed)?;
        let mut inputs = given.clone();
        match item {
            Item::Parameter(value) => {
                inputs.parameters.insert(iterated.item_input.clone(), value.clone());
            }
            Item::Artifact(artifact) => {
                inputs
                    .artifacts
                    .insert(iterated.item_input.clone(), vec![artifact.clone()]);
            }
        }
        let complete = input::complete(&mut inputs, component, &[]);
        let schema = if component.dag.is_some() {
            "system.DagExecution"
        } else {
            "system.ContainerExecution"
        };
        self.note_task(&run, schema, &inputs).map_err(End::Failed)?;
        let result = match complete {
            Ok(()) if self.stop.is_wanted() => Err(End::Cancelled),
            Ok(()) => self.run_component(task, component, &run, &inputs),
            Err(problem) => Err(End::Failed(ApiError::invalid(format!(
                "The task {} cannot be started: {problem}.",
                run.name
            )))),
        };
        let (ended, is_cached, result) = match result {
            Ok(made) => (Ended::Succeeded(made.outputs.clone()), made.is_cached, Ok(made.outputs)),
            Err(End::Failed(error)) => (Ended::Failed(error.clone()), false, Err(End::Failed(error))),
            Err(End::Cancelled) => (Ended::Cancelled, false, Err(End::Cancelled)),
        };
        self.note_end(&run, &ended, is_cached).map_err(End::Failed)?;
        result
    }

    /// Waits, as long as nobody wants the pipeline to stop.
    fn pause(&self, time: Duration) -> Result<(), End> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.stop.is_wanted() {
                return Err(End::Cancelled);
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

/// What a loop goes over.
enum Item {
    Parameter(Json),
    Artifact(Json),
}

fn items(iterated: &Iterated, given: &Passed) -> Result<Vec<Item>, String> {
    let items = &iterated.items;
    if let Some(name) = &items.input_artifact {
        let list = given.artifacts.get(name).cloned().unwrap_or_default();
        return Ok(list.into_iter().map(Item::Artifact).collect());
    }
    let value = match (&items.raw, &items.input_parameter) {
        (Some(raw), _) => Json::String(raw.clone()),
        (None, Some(name)) => given.parameters.get(name).cloned().unwrap_or_default(),
        (None, None) => return Err("there are none".to_owned()),
    };
    let value = match value {
        Json::String(text) => serde_json::from_str(&text).map_err(|error| format!("{text:?} is no JSON: {error}"))?,
        other => other,
    };
    match value::plain(value) {
        Json::Array(items) => Ok(items.into_iter().map(Item::Parameter).collect()),
        other => Err(format!("{other} is no list")),
    }
}

/// A task that waits for nothing any more.
fn next<'t>(waiting: &BTreeMap<&'t str, &Task>, ended: &BTreeMap<String, Ended>) -> Option<&'t str> {
    let mut ready = waiting
        .iter()
        .filter(|(_, task)| task.upstream().all(|key| ended.contains_key(key)));
    ready.next().map(|(key, _)| *key)
}

/// What the tasks give that their component gives on.
fn outputs(dag: &Dag, ended: &BTreeMap<String, Ended>) -> Passed {
    let of = |task: &str| match ended.get(task) {
        Some(Ended::Succeeded(passed)) => Some(passed),
        _ => None,
    };
    let mut outputs = Passed::default();
    for (name, selector) in &dag.outputs.parameters {
        let sources = match selector {
            ParameterSelector::ValueFromParameter(source) => std::slice::from_ref(source),
            ParameterSelector::ValueFromOneof { parameter_selectors } => parameter_selectors,
        };
        let mut found = sources.iter().filter_map(|source| {
            let passed = of(&source.producer_subtask)?;
            passed.parameters.get(&source.output_parameter_key)
        });
        if let Some(value) = found.next() {
            outputs.parameters.insert(name.clone(), value.clone());
        }
    }
    for (name, selectors) in &dag.outputs.artifacts {
        let sources = selectors.artifact_selectors.iter();
        let lists =
            sources.filter_map(|source| of(&source.producer_subtask)?.artifacts.get(&source.output_artifact_key));
        let list: Vec<Json> = lists.flatten().cloned().collect();
        if !list.is_empty() {
            outputs.artifacts.insert(name.clone(), list);
        }
    }
    outputs
}

impl Passed {
    /// Adds what one item of a loop gave.
    fn add(&mut self, item: Passed) {
        for (name, value) in item.parameters {
            if let Some(list) = self.parameters.get_mut(&name).and_then(Json::as_array_mut) {
                list.push(value);
            }
        }
        for (name, list) in item.artifacts {
            self.artifacts.entry(name).or_default().extend(list);
        }
    }
}

/// A duration of protocol buffers: `1.5s`.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}
