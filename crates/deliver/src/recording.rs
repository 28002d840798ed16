//! Changes of Google Cloud as acts of the record.

use google::{Change, Error, ErrorKind, Witness};
use record::{Entry, Hash, Intent, Outcome, RecordError, Recorder, Status, Time, What, Who, Why};
use serde_json::Value;

/// Who acts, as whom and why: the same for all changes of a run.
#[derive(Clone, Debug)]
pub struct Actor {
    pub who: Who,
    /// The Google principal, where it is known.
    pub as_whom: Option<String>,
    pub why: Why,
    /// Projects and the environments that are in them.
    pub environments: Vec<(String, String)>,
}

/// Records every change, and refuses those that it cannot record.
pub struct Recording<'r> {
    recorder: &'r Recorder,
    actor: Actor,
}

/// No call takes so long, with all that is tried again.
const LONGEST: i64 = 60 * 60 * 1_000_000;

const HINT: &str = "nothing is changed that cannot be recorded";

impl<'r> Recording<'r> {
    pub fn new(recorder: &'r Recorder, actor: Actor) -> Recording<'r> {
        Recording { recorder, actor }
    }

    /// Finishes what runs before this one began and did not finish, because they were killed or could not record it. What
    /// came of it nobody knows; how many there were.
    ///
    /// # Errors
    /// [`RecordError`] where the record cannot be read or written.
    pub fn finish_abandoned(&self, now: Time) -> Result<usize, RecordError> {
        let is_abandoned = |entry: &Entry| now.micros() - entry.time.micros() > LONGEST;
        let open = self.recorder.open_intents()?;
        let abandoned: Vec<Entry> = open.into_iter().filter(is_abandoned).collect();
        for entry in &abandoned {
            let outcome = Outcome {
                status: Status::Unknown,
                message: Some("whoever began it ended without an answer; a later run found it".to_owned()),
                answer: None,
            };
            match self.recorder.resume(entry.sequence).finish(&outcome) {
                // Another run was quicker.
                Err(error) if error.kind == record::ErrorKind::Refused => {}
                finished => drop(finished?),
            }
        }
        Ok(abandoned.len())
    }

    /// The environment of a resource: the only one in its project.
    fn environment(&self, resource: &str) -> Option<String> {
        let mut segments = resource.split('/');
        segments.find(|segment| *segment == "projects")?;
        let project = segments.next()?;
        let mut found = self
            .actor
            .environments
            .iter()
            .filter(|(of, _)| of == project)
            .map(|(_, name)| name);
        // A bucket does not say its project; where there is one environment, it is in that.
        let only = || match &self.actor.environments[..] {
            [(_, name)] if project == "_" => Some(name),
            _ => None,
        };
        match (found.next(), found.next()) {
            (Some(name), None) => Some(name.clone()),
            (None, _) => only().cloned(),
            _ => None,
        }
    }
}

impl Witness for Recording<'_> {
    fn before(&self, change: &Change<'_>) -> Result<u64, Error> {
        let intent = Intent {
            who: self.actor.who.clone(),
            what: What {
                verb: change.verb.to_owned(),
                resource: change.resource.to_owned(),
                changes: change.words.to_vec(),
                // As it is sent.
                body: Some(Hash::of(change.body.to_string().as_bytes())),
            },
            as_whom: self.actor.as_whom.clone(),
            environment: self.environment(change.resource),
            why: self.actor.why.clone(),
        };
        let pending = self.recorder.begin(&intent);
        let pending = pending.map_err(|error| {
            let unrecorded = Error::unrecorded(format!("it cannot be recorded: {}", error.message));
            unrecorded.hint(error.hint.unwrap_or_else(|| HINT.to_owned()))
        })?;
        Ok(pending.sequence())
    }

    fn after(&self, number: u64, answer: Result<&str, &Error>) -> Result<(), Error> {
        let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let outcome = match answer {
            Ok(body) => Outcome {
                status: Status::Succeeded,
                message: None,
                answer: Some(body).filter(|body| !body.is_empty()).map(value),
            },
            Err(error) => Outcome {
                // A server that failed, or did not answer, may have done it.
                status: match error.kind {
                    ErrorKind::Refused | ErrorKind::Credentials | ErrorKind::Unrecorded => Status::Failed,
                    ErrorKind::Failed => Status::Unknown,
                },
                message: Some(error.message.clone()),
                answer: error.answer.as_deref().map(value),
            },
        };
        let finished = self.recorder.resume(number).finish(&outcome);
        finished.map(drop).map_err(|error| {
            let what = match answer {
                Ok(_) => "it was done, but what came of it",
                Err(_) => "it was tried, and what came of it",
            };
            let unrecorded = Error::unrecorded(format!("{what} cannot be recorded: {}", error.message));
            unrecorded.hint(format!(
                "entry {number} of the record stays without an outcome until a later run"
            ))
        })
    }
}
