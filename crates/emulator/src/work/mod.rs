//! The work itself: jobs and servers, which run as programs of this machine.

pub(crate) mod batch;
mod buckets;
pub(crate) mod container;
pub(crate) mod cron;
pub(crate) mod custom;
pub(crate) mod job;
pub(crate) mod package;
pub(crate) mod pipeline;
pub(crate) mod replica;
mod run;
pub(crate) mod schedule;
pub(crate) mod serving;
pub(crate) mod study;
pub(crate) mod tuning;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What goes on now, by the names of the resources.
#[derive(Debug, Default)]
pub(crate) struct Works(Mutex<HashMap<String, Arc<Stop>>>);

/// How work that goes on is told to stop.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    is_wanted: AtomicBool,
    /// What this is a part of: it stops when that does.
    above: Option<Arc<Stop>>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        self.is_wanted.store(true, Ordering::Release);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        let is_above = self.above.as_ref().is_some_and(|above| above.is_wanted());
        is_above || self.is_wanted.load(Ordering::Acquire)
    }
}

impl Works {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Stop>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, name: &str) -> Arc<Stop> {
        self.add_below(name, "")
    }

    /// Adds work that is a part of other work, and stops with it.
    pub(crate) fn add_below(&self, name: &str, above: &str) -> Arc<Stop> {
        let mut all = self.all();
        let stop = Arc::new(Stop {
            is_wanted: AtomicBool::new(false),
            above: all.get(above).cloned(),
        });
        all.insert(name.to_owned(), Arc::clone(&stop));
        stop
    }

    pub(crate) fn remove(&self, name: &str) {
        self.all().remove(name);
    }

    /// Tells work to stop; false if there is none of the name.
    pub(crate) fn stop(&self, name: &str) -> bool {
        let found = self.all().get(name).cloned();
        found.is_some_and(|stop| {
            stop.stop();
            true
        })
    }
}
