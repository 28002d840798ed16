//! A hyperparameter tuning job: trials, so many at once, each a run of its own.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::Stop;
use super::job;
use super::run::{End, Run, internal};
use super::study::Study;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::time;
use crate::vertex::{TUNING_JOB, number};

/// Runs the trials of a job.
pub(crate) fn run(cloud: &Arc<Cloud>, runtime: &Handle, name: &str, stop: &Stop) -> std::result::Result<(), End> {
    let document = cloud.store.get(TUNING_JOB, name).map_err(internal)?;
    let document = document.ok_or_else(|| internal("the job is gone"))?;
    let study = Study::new(&document["studySpec"]).map_err(End::Failed)?;
    let count = |field: &str| {
        number(&document[field])
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0)
    };
    let points = study.points(count("maxTrialCount").max(1));
    job::update(cloud, TUNING_JOB, name, |job| {
        job["state"] = "JOB_STATE_RUNNING".into();
        job["startTime"] = time::now_text().into();
        job["trials"] = points
            .iter()
            .enumerate()
            .map(|(at, point)| trial(&study, at + 1, point))
            .collect();
    })
    .map_err(End::Failed)?;
    let most_failures = count("maxFailedTrialCount");
    let trials = Trials {
        name,
        study: &study,
        spec: &document["trialJobSpec"],
        progress: Mutex::new(Progress::default()),
        most_failures: if most_failures == 0 { usize::MAX } else { most_failures },
        count: points.len(),
    };
    std::thread::scope(|scope| {
        for _ in 0..count("parallelTrialCount").clamp(1, points.len()) {
            scope.spawn(|| trials.work(cloud, runtime, stop, &points));
        }
    });
    let failed = trials.progress.lock().unwrap_or_else(PoisonError::into_inner).failed;
    if stop.is_wanted() {
        return Err(End::Cancelled);
    }
    if failed >= trials.most_failures || failed == points.len() {
        let message = format!("The hyperparameter tuning job failed: {failed} of its trials failed.");
        return Err(End::Failed(ApiError::invalid(message)));
    }
    Ok(())
}

fn trial(study: &Study, id: usize, point: &[Json]) -> Json {
    let parameters: Vec<Json> = study
        .ids()
        .zip(point)
        .map(|(id, value)| json!({"parameterId": id, "value": value}))
        .collect();
    json!({"id": id.to_string(), "state": "REQUESTED", "parameters": parameters})
}

/// What the threads of a job share.
struct Trials<'t> {
    name: &'t str,
    study: &'t Study,
    spec: &'t Json,
    progress: Mutex<Progress>,
    most_failures: usize,
    count: usize,
}

#[derive(Default)]
struct Progress {
    begun: usize,
    failed: usize,
}

impl Trials<'_> {
    /// Takes one trial after the other.
    fn work(&self, cloud: &Arc<Cloud>, runtime: &Handle, stop: &Stop, points: &[Vec<Json>]) {
        loop {
            let at = {
                let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
                let is_over = progress.begun == self.count || progress.failed >= self.most_failures || stop.is_wanted();
                if is_over {
                    return;
                }
                progress.begun += 1;
                progress.begun - 1
            };
            let result = self.one(cloud, runtime, stop, at, &points[at]);
            if matches!(result, Err(End::Failed(_))) {
                self.progress.lock().unwrap_or_else(PoisonError::into_inner).failed += 1;
            }
            if let Err(error) = self.note_end(cloud, at, &result) {
                crate::log::warn(&format!(
                    "the end of a trial of {} cannot be written: {}",
                    self.name, error.message
                ));
            }
        }
    }

    fn change(&self, cloud: &Cloud, at: usize, change: impl FnOnce(&mut Json)) -> Result<()> {
        job::update(cloud, TUNING_JOB, self.name, |job| change(&mut job["trials"][at]))
    }

    fn one(
        &self,
        cloud: &Arc<Cloud>,
        runtime: &Handle,
        stop: &Stop,
        at: usize,
        point: &[Json],
    ) -> std::result::Result<Vec<(String, f64, i64)>, End> {
        let id = (at + 1).to_string();
        let mut run = Run::new(cloud, self.name, self.spec)?;
        run.directory = run.directory.join(&id);
        let metrics = run.directory.join("hypertune").join("output.metrics");
        run.arguments = self
            .study
            .ids()
            .zip(point)
            .map(|(id, value)| match value {
                Json::String(text) => format!("--{id}={text}"),
                other => format!("--{id}={other}"),
            })
            .collect();
        run.environment = vec![
            ("CLOUD_ML_TRIAL_ID".to_owned(), id.clone()),
            (
                "CLOUD_ML_HP_METRIC_FILE".to_owned(),
                metrics.to_string_lossy().into_owned(),
            ),
        ];
        let mut running = || {
            self.change(cloud, at, |trial| {
                trial["state"] = "ACTIVE".into();
                trial["startTime"] = time::now_text().into();
            })
            .map_err(End::Failed)
        };
        let mut measured = Vec::new();
        run.go_and(cloud, runtime, stop, &mut running, &mut || {
            measured = self.read(&metrics)
        })?;
        match measured.is_empty() {
            false => Ok(measured),
            true => {
                let names: Vec<&str> = self.study.metrics().collect();
                Err(End::Failed(ApiError::invalid(format!(
                    "The trial {id} reported none of the metrics {}: write them to the file of CLOUD_ML_HP_METRIC_FILE, as \
                     cloudml-hypertune does.",
                    names.join(", ")
                ))))
            }
        }
    }

    /// The last value of each metric in the file: its name, its value, the step.
    fn read(&self, file: &Path) -> Vec<(String, f64, i64)> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<Json> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let last = |name: &str| {
            lines.iter().rev().find_map(|line| {
                let value = match &line[name] {
                    Json::String(text) => text.parse().ok()?,
                    other => other.as_f64()?,
                };
                Some((name.to_owned(), value, number(&line["global_step"]).unwrap_or(0)))
            })
        };
        self.study.metrics().filter_map(last).collect()
    }

    fn note_end(
        &self,
        cloud: &Cloud,
        at: usize,
        result: &std::result::Result<Vec<(String, f64, i64)>, End>,
    ) -> Result<()> {
        self.change(cloud, at, |trial| {
            trial["endTime"] = time::now_text().into();
            match result {
                Ok(measured) => {
                    trial["state"] = "SUCCEEDED".into();
                    let step = measured.iter().map(|(_, _, step)| *step).max().unwrap_or(0);
                    let metrics: Vec<Json> = measured
                        .iter()
                        .map(|(name, value, _)| json!({"metricId": name, "value": value}))
                        .collect();
                    trial["finalMeasurement"] = json!({"stepCount": step.to_string(), "metrics": metrics});
                }
                Err(End::Cancelled) => trial["state"] = "STOPPING".into(),
                Err(End::Failed(error)) => {
                    trial["state"] = "INFEASIBLE".into();
                    trial["infeasibleReason"] = error.message.clone().into();
                }
            }
        })
    }
}
