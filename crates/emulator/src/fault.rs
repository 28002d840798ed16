//! Faults on demand: what goes wrong in a real cloud, when a test wants it to.
//!
//! `POST /emulator/faults` takes one, `DELETE` forgets all, `GET` lists those that are left.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Status;

/// What goes wrong, where, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    /// `POST`, or any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// A part of the path, such as `customJobs`; every path holds the empty one.
    #[serde(default)]
    pub(crate) path: String,
    pub(crate) effect: Effect,
    /// How many calls it is for.
    #[serde(default = "once")]
    pub(crate) times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Effect {
    /// The answer takes so many milliseconds longer.
    Latency(u64),
    /// 429: too many calls.
    RateLimited,
    /// 503.
    Unavailable,
    /// The call is carried out, and its answer is lost.
    LostAnswer,
    /// No machines: a job that is started fails for it.
    StockOut,
    /// The token of the call has expired.
    ExpiredToken,
}

impl Effect {
    /// What is answered in place of the call being carried out.
    pub(crate) fn status(self) -> Option<(Status, &'static str)> {
        match self {
            Effect::RateLimited => Some((
                Status::ResourceExhausted,
                "Quota exceeded for quota metric and limit of the service (asked for by a fault).",
            )),
            Effect::Unavailable => Some((
                Status::Unavailable,
                "The service is currently unavailable (asked for by a fault).",
            )),
            _ => None,
        }
    }

    pub(crate) fn latency(self) -> Option<Duration> {
        match self {
            Effect::Latency(millis) => Some(Duration::from_millis(millis)),
            _ => None,
        }
    }
}

/// The faults that wait for their calls.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    fn all(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.all().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.all().clone()
    }

    /// The effects for a call, each of which is used up by it once.
    pub(crate) fn take(&self, method: &str, path: &str) -> Vec<Effect> {
        let mut faults = self.all();
        if faults.is_empty() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for fault in faults.iter_mut() {
            let is_method = fault
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
            if is_method && path.contains(&fault.path) && fault.times > 0 {
                fault.times -= 1;
                effects.push(fault.effect);
            }
        }
        faults.retain(|fault| fault.times > 0);
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_for_so_many_calls() {
        let faults = Faults::default();
        let fault: Fault =
            serde_json::from_str(r#"{"method": "post", "path": "customJobs", "effect": "unavailable", "times": 2}"#)
                .unwrap();
        faults.add(fault);
        faults.add(serde_json::from_str(r#"{"effect": {"latency": 5}}"#).unwrap());
        assert_eq!(faults.take("GET", "/v1/x/customJobs"), [Effect::Latency(5)]);
        assert_eq!(faults.take("POST", "/v1/x/models"), []);
        assert_eq!(faults.take("POST", "/v1/x/customJobs"), [Effect::Unavailable]);
        assert_eq!(faults.take("POST", "/v1/x/customJobs"), [Effect::Unavailable]);
        assert_eq!(faults.take("POST", "/v1/x/customJobs"), []);
        assert_eq!(faults.list(), []);
    }
}
