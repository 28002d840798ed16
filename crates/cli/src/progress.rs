//! One line on the terminal that says how far a long run is. Nothing anywhere else.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two drawings, so that the terminal does not slow the work down.
const INTERVAL: Duration = Duration::from_millis(50);
const WIDTH: usize = 60;

/// The line; it is gone when this is dropped.
pub(crate) struct Progress {
    total: usize,
    state: Option<Mutex<State>>,
}

struct State {
    done: usize,
    drawn_at: Option<Instant>,
}

impl Progress {
    /// A line that counts to `total`, if there is somebody to read it.
    pub(crate) fn new(total: usize, wanted: bool) -> Progress {
        let visible = wanted && total > 1 && is_readable();
        Progress {
            total,
            state: visible.then(|| {
                Mutex::new(State {
                    done: 0,
                    drawn_at: None,
                })
            }),
        }
    }

    /// One more is done.
    pub(crate) fn step(&self, name: &str) {
        let Some(state) = &self.state else { return };
        let Ok(mut state) = state.lock() else { return };
        state.done += 1;
        if state.drawn_at.is_some_and(|at| at.elapsed() < INTERVAL) {
            return;
        }
        state.drawn_at = Some(Instant::now());
        draw(&format!("building {}/{} ", state.done, self.total), name);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.state.is_some() {
            clear();
        }
    }
}

/// Says what is fetched, if there is somebody to read it; nothing takes it away again.
pub(crate) fn fetching(url: Option<&str>) {
    match url {
        Some(url) => draw("fetching ", url),
        None => clear(),
    }
}

/// Whether lines that say how far it is can be read.
pub(crate) fn is_readable() -> bool {
    std::io::stderr().is_terminal()
}

fn draw(step: &str, name: &str) {
    let name: String = crate::excerpt::visible(name).chars().take(WIDTH).collect();
    let _ = write!(std::io::stderr(), "\r\x1b[K{step}{name}");
}

fn clear() {
    let _ = write!(std::io::stderr(), "\r\x1b[K");
}
