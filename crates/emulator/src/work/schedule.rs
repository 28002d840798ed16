//! Schedules as time passes: what is due is started, and what comes next is written down.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value as Json, json};

use super::cron::Cron;
use super::job;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::time;
use crate::vertex::{PIPELINE_JOB, SCHEDULE, number, pipeline_job};

/// The longest that nobody looks: the clock of a machine may be set, or stand still.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a run that waits for its place looks for it.
const QUEUE_PAUSE: Duration = Duration::from_millis(250);
/// The longest name of a run without the time.
const LONGEST_ID: usize = 100;

/// Starts what schedules want when its time comes.
pub(crate) async fn serve(cloud: Arc<Cloud>) {
    loop {
        let pause = match fire(&cloud) {
            Ok(pause) => pause.min(LONGEST_PAUSE),
            Err(error) => {
                crate::log::warn(&format!("the schedules cannot be read: {}", error.message));
                LONGEST_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cloud.schedules.notified() => {}
        }
    }
}

/// Leaves out what was due while the cloud was stopped, but for what a schedule is to catch up.
pub(crate) fn skip_missed(cloud: &Cloud) -> Result<()> {
    for (name, schedule) in cloud.store.all(SCHEDULE)? {
        let is_behind = schedule["state"] == "ACTIVE" && schedule["catchUp"] != true;
        if is_behind && due(&schedule).is_some_and(|due| due <= now()) {
            crate::log::warn(&format!(
                "{name} was due while the cloud was stopped: those runs are left out"
            ));
            change(cloud, &name, |schedule| plan(schedule, now()))?;
        }
    }
    Ok(())
}

/// Starts all that is due; how long there is nothing more to do.
fn fire(cloud: &Arc<Cloud>) -> Result<Duration> {
    let mut pause = LONGEST_PAUSE;
    for (name, schedule) in cloud.store.all(SCHEDULE)? {
        let Some(at) = due(&schedule).filter(|_| schedule["state"] == "ACTIVE") else {
            continue;
        };
        let wait = at - now();
        if wait > 0 {
            // To the moment itself: seconds have parts.
            let micros = u64::try_from(at)
                .unwrap_or(0)
                .saturating_mul(1_000_000)
                .saturating_sub(time::now());
            pause = pause.min(Duration::from_micros(micros + 1));
            continue;
        }
        let limit = number(&schedule["maxConcurrentActiveRunCount"]).filter(|limit| *limit > 0);
        let is_full = match limit {
            Some(limit) => active(cloud, &name)? >= usize::try_from(limit).unwrap_or(usize::MAX),
            None => false,
        };
        if is_full && schedule["allowQueueing"] == true {
            pause = pause.min(QUEUE_PAUSE);
            continue;
        }
        let started = match is_full {
            true => Err(ApiError::new(
                Status::ResourceExhausted,
                "The run was skipped: as many runs as max_concurrent_active_run_count are active.",
            )),
            false => start(cloud, &name, &schedule, at),
        };
        change(cloud, &name, |schedule| {
            let answer = match &started {
                Ok(()) => "OK",
                Err(error) => &error.message,
            };
            schedule["lastScheduledRunResponse"] = json!({"scheduledRunTime": text(at), "runResponse": answer});
            if started.is_ok() {
                let count = number(&schedule["startedRunCount"]).unwrap_or(0) + 1;
                schedule["startedRunCount"] = count.to_string().into();
            }
            // What was missed is made up where that is wanted, and runs that waited for their places are.
            let is_late = schedule["catchUp"] == true || schedule["allowQueueing"] == true;
            plan(schedule, if is_late { at } else { now().max(at) });
        })?;
        if let Err(error) = started {
            crate::log::warn(&format!("a run of {name} was not started: {}", error.message));
        }
        // The next one may be due, too.
        pause = Duration::ZERO;
    }
    Ok(pause)
}

/// Starts the run of a time. It has a name of its own, so that it is not started twice.
fn start(cloud: &Arc<Cloud>, name: &str, schedule: &Json, at: i64) -> Result<()> {
    let request = &schedule["createPipelineJobRequest"];
    let mut job = request["pipelineJob"].clone();
    let base = match request["pipelineJobId"].as_str().filter(|id| !id.is_empty()) {
        Some(id) => id,
        None => job["pipelineSpec"]["pipelineInfo"]["name"]
            .as_str()
            .unwrap_or("pipeline"),
    };
    let base: String = base
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let base: String = base.trim_matches('-').chars().take(LONGEST_ID).collect();
    let moment: String = text(at).chars().filter(char::is_ascii_digit).collect();
    let number = name.rsplit('/').next().unwrap_or_default();
    let id = format!("{base}-{moment}-{}", &number[number.len().saturating_sub(6)..]);
    let (place, _) = name.split_once("/schedules/").unwrap_or((name, ""));
    job["scheduleName"] = name.into();
    cloud
        .store
        .put(SCHEDULED, &format!("{place}/{PIPELINE_JOB}/{id}"), &text(at).into())?;
    match pipeline_job::start(cloud, place, Some(id), job, false) {
        Err(error) if error.status == Status::AlreadyExists => Ok(()),
        started => started.map(|_| ()),
    }
}

/// Documents with the times that pipelines were scheduled for, by their names.
pub(super) const SCHEDULED: &str = "scheduled time";

/// How many runs of a schedule are not over.
fn active(cloud: &Cloud, name: &str) -> Result<usize> {
    let jobs = cloud.store.all(PIPELINE_JOB)?;
    let active = jobs
        .iter()
        .filter(|(_, job)| job["scheduleName"] == name && !job::is_over(job));
    Ok(active.count())
}

fn change(cloud: &Cloud, name: &str, change: impl FnOnce(&mut Json)) -> Result<()> {
    cloud.store.change(SCHEDULE, name, |document| {
        if let Some(schedule) = document {
            change(schedule);
        }
        Ok(())
    })
}

/// Writes when a schedule runs next after a moment, or that it never will again.
pub(crate) fn plan(schedule: &mut Json, after: i64) {
    let seconds = |field: &str| schedule[field].as_str().and_then(seconds);
    let cron = Cron::parse(schedule["cron"].as_str().unwrap_or_default()).ok();
    let start = seconds("startTime").map_or(after, |start| after.max(start - 1));
    let next = cron.and_then(|cron| cron.next(start));
    let next = next.filter(|next| seconds("endTime").is_none_or(|end| *next <= end));
    let most = number(&schedule["maxRunCount"]).filter(|most| *most > 0);
    let is_done = most.is_some_and(|most| number(&schedule["startedRunCount"]).unwrap_or(0) >= most);
    match next.filter(|_| !is_done) {
        Some(next) => schedule["nextRunTime"] = text(next).into(),
        None => {
            schedule["state"] = "COMPLETED".into();
            if let Some(fields) = schedule.as_object_mut() {
                fields.remove("nextRunTime");
            }
        }
    }
}

/// When a schedule runs next, in seconds since 1970.
fn due(schedule: &Json) -> Option<i64> {
    seconds(schedule["nextRunTime"].as_str()?)
}

/// A moment in seconds since 1970.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp())
}

pub(crate) fn now() -> i64 {
    i64::try_from(time::now_seconds()).unwrap_or(i64::MAX)
}

fn text(seconds: i64) -> String {
    time::rfc3339_seconds(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Iam, Settings};

    fn cloud(state: &std::path::Path) -> Arc<Cloud> {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            state: state.to_owned(),
            iam: Iam::Off,
            granted: identity::State::default(),
            tokens: Vec::new(),
            project: "acme-dev".to_owned(),
            account: None,
        };
        Arc::new(Cloud::new(settings, "127.0.0.1:1".parse().unwrap()).unwrap())
    }

    const NAME: &str = "projects/acme-dev/locations/l/schedules/123456789";

    /// A schedule that was due three times.
    fn behind() -> Json {
        let first = now() - now() % 60 - 120;
        let task = json!({"componentRef": {"name": "c"}});
        json!({
            "name": NAME, "cron": "* * * * *", "state": "ACTIVE", "startedRunCount": "0", "nextRunTime": text(first),
            "createPipelineJobRequest": {"pipelineJob": {
                "runtimeConfig": {"gcsOutputDirectory": "gs://iris"},
                "serviceAccount": "trainer@acme-dev.iam.gserviceaccount.com",
                "pipelineSpec": {
                    "pipelineInfo": {"name": "Nightly Run"},
                    "root": {"dag": {"tasks": {"a": task}}},
                    "components": {"c": {"executorLabel": "e"}},
                    "deploymentSpec": {"executors": {"e": {"container": {"image": "i", "command": ["sleep", "600"]}}}},
                },
            }},
        })
    }

    /// Fires once; how many runs there are, and the schedule.
    async fn fired(cloud: &Arc<Cloud>) -> (usize, Json) {
        fire(cloud).unwrap();
        let jobs = cloud.store.all(PIPELINE_JOB).unwrap().len();
        (jobs, cloud.store.get(SCHEDULE, NAME).unwrap().unwrap())
    }

    fn stop(cloud: &Cloud) {
        for (name, _) in cloud.store.all(PIPELINE_JOB).unwrap() {
            cloud.works.stop(&name);
        }
    }

    #[tokio::test]
    async fn what_was_missed_is_made_up_where_that_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let cloud = cloud(directory.path());
        let mut schedule = behind();
        cloud.store.put(SCHEDULE, NAME, &schedule).unwrap();
        let (jobs, after) = fired(&cloud).await;
        assert_eq!((jobs, &after["startedRunCount"]), (1, &json!("1")));
        assert!(due(&after).unwrap() > now() - 1);
        let first = cloud.store.all(PIPELINE_JOB).unwrap().remove(0);
        assert!(
            first.0.contains("/pipelineJobs/nightly-run-2") && first.0.ends_with("-456789"),
            "{}",
            first.0
        );
        assert_eq!(first.1["scheduleName"], NAME);

        schedule["catchUp"] = true.into();
        cloud.store.put(SCHEDULE, NAME, &schedule).unwrap();
        fired(&cloud).await;
        fired(&cloud).await;
        let (jobs, after) = fired(&cloud).await;
        // The first of the three was started before, and is not started again.
        assert_eq!((jobs, &after["startedRunCount"]), (3, &json!("3")));
        stop(&cloud);
    }

    #[tokio::test]
    async fn runs_beyond_the_limit_are_skipped_or_wait() {
        let directory = tempfile::tempdir().unwrap();
        let cloud = cloud(directory.path());
        let mut schedule = behind();
        schedule["maxConcurrentActiveRunCount"] = "1".into();
        schedule["catchUp"] = true.into();
        cloud.store.put(SCHEDULE, NAME, &schedule).unwrap();
        let active = json!({"scheduleName": NAME, "state": "PIPELINE_STATE_RUNNING"});
        let over = json!({"scheduleName": NAME, "state": "PIPELINE_STATE_FAILED"});
        cloud.store.put(PIPELINE_JOB, "active", &active).unwrap();
        let (jobs, after) = fired(&cloud).await;
        let response = after["lastScheduledRunResponse"]["runResponse"].as_str().unwrap();
        assert_eq!((jobs, &after["startedRunCount"]), (1, &json!("0")));
        assert!(response.contains("skipped"), "{response}");
        assert_eq!(due(&after).unwrap() - due(&schedule).unwrap(), 60);

        schedule["allowQueueing"] = true.into();
        cloud.store.put(SCHEDULE, NAME, &schedule).unwrap();
        let (jobs, after) = fired(&cloud).await;
        assert_eq!((jobs, due(&after)), (1, due(&schedule)));
        cloud.store.put(PIPELINE_JOB, "active", &over).unwrap();
        let (jobs, after) = fired(&cloud).await;
        assert_eq!((jobs, &after["startedRunCount"]), (2, &json!("1")));
        stop(&cloud);
    }

    #[tokio::test]
    async fn what_was_due_while_the_cloud_was_stopped_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let cloud = cloud(directory.path());
        let mut schedule = behind();
        cloud.store.put(SCHEDULE, NAME, &schedule).unwrap();
        skip_missed(&cloud).unwrap();
        assert!(due(&cloud.store.get(SCHEDULE, NAME).unwrap().unwrap()).unwrap() > now() - 1);
        schedule["catchUp"] = true.into();
        cloud.store.put(SCHEDULE, NAME, &schedule).unwrap();
        skip_missed(&cloud).unwrap();
        assert_eq!(cloud.store.get(SCHEDULE, NAME).unwrap().unwrap(), schedule);
    }

    fn planned(mut schedule: Json, after: &str) -> (Json, Json) {
        plan(&mut schedule, seconds(after).unwrap());
        (schedule["nextRunTime"].clone(), schedule["state"].clone())
    }

    #[test]
    fn a_schedule_runs_between_its_times_and_so_often() {
        let after = "2026-11-22T06:37:30Z";
        let hourly = json!({"cron": "0 * * * *", "state": "ACTIVE"});
        assert_eq!(
            planned(hourly.clone(), after),
            (json!("2026-11-22T07:00:00Z"), json!("ACTIVE"))
        );
        let mut later = hourly.clone();
        later["startTime"] = "2026-12-01T10:00:00+01:00".into();
        assert_eq!(planned(later, after).0, "2026-12-01T09:00:00Z");
        let mut over = hourly.clone();
        over["endTime"] = "2026-11-22T06:59:59Z".into();
        assert_eq!(planned(over, after), (Json::Null, json!("COMPLETED")));
        let mut often = hourly;
        often["maxRunCount"] = "2".into();
        often["startedRunCount"] = "1".into();
        assert_eq!(planned(often.clone(), after).1, "ACTIVE");
        often["startedRunCount"] = "2".into();
        assert_eq!(planned(often, after), (Json::Null, json!("COMPLETED")));
    }
}
