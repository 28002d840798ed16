//! Trying again what may work the next time.

use std::thread::sleep;
use std::time::Duration;

use build::FetchError;

/// Before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];

/// An error, and whether it may pass.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) error: FetchError,
    is_passing: bool,
}

impl Trouble {
    pub(crate) fn passing(error: FetchError) -> Trouble {
        let is_passing = true;
        Trouble { error, is_passing }
    }

    pub(crate) fn lasting(error: FetchError) -> Trouble {
        let is_passing = false;
        Trouble { error, is_passing }
    }
}

/// The first success; or the last error, when it does not pass or there were enough tries.
pub(crate) fn retry<T>(mut attempt: impl FnMut() -> Result<T, Trouble>) -> Result<T, FetchError> {
    for pause in PAUSES {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(trouble) if trouble.is_passing => sleep(pause),
            Err(trouble) => return Err(trouble.error),
        }
    }
    attempt().map_err(|trouble| trouble.error)
}
