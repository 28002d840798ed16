//! The work itself: jobs and servers, which run as programs of this machine.

pub(crate) mod batch;
mod buckets;
pub(crate) mod custom;
pub(crate) mod job;
pub(crate) mod replica;
mod run;
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
pub(crate) struct Stop(AtomicBool);

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Works {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Stop>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, name: &str) -> Arc<Stop> {
        let stop = Arc::new(Stop::default());
        self.all().insert(name.to_owned(), Arc::clone(&stop));
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
