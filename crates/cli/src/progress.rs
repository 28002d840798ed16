//! One line on the terminal that says how far a long run is. Nothing anywhere else.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// Between two drawings, so that the terminal does not slow the work down.
const INTERVAL: Duration = Duration::from_millis(50);
const WIDTH: usize = 60;
/// Between two drawings of what is fetched.
const TICK: Duration = Duration::from_millis(200);
/// A fetch that is over so soon is not worth a word.
const SHORT: Duration = Duration::from_millis(400);

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

/// What is fetched, and for how long: drawn by a thread of its own, since who fetches waits.
#[derive(Default)]
struct Fetches {
    /// How many go on at the same time.
    count: usize,
    url: String,
    since: Option<Instant>,
    is_drawn: bool,
    has_thread: bool,
}

/// What says what is fetched, to somebody who reads it: a URL when it begins, nothing when it is over.
pub(crate) fn fetching() -> impl Fn(Option<&str>) + Send + Sync {
    let fetches: Arc<Mutex<Fetches>> = Arc::default();
    move |url| {
        let Ok(mut now) = fetches.lock() else { return };
        match url {
            Some(url) => {
                now.count += 1;
                url.clone_into(&mut now.url);
                now.since.get_or_insert_with(Instant::now);
                if !std::mem::replace(&mut now.has_thread, true) {
                    let fetches = Arc::downgrade(&fetches);
                    std::thread::spawn(move || tick(&fetches));
                }
            }
            None => {
                now.count = now.count.saturating_sub(1);
                if now.count == 0 {
                    now.since = None;
                    if std::mem::take(&mut now.is_drawn) {
                        clear();
                    }
                }
            }
        }
    }
}

fn tick(fetches: &Weak<Mutex<Fetches>>) {
    loop {
        std::thread::sleep(TICK);
        let Some(fetches) = fetches.upgrade() else { return };
        let Ok(mut now) = fetches.lock() else { return };
        if let Some(elapsed) = now
            .since
            .map(|since| since.elapsed())
            .filter(|elapsed| *elapsed > SHORT)
        {
            let more = match now.count {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            draw(&format!("fetching{more} ({}s) ", elapsed.as_secs()), &now.url);
            now.is_drawn = true;
        }
    }
}

/// Whether lines that say how far it is can be read.
pub(crate) fn is_readable() -> bool {
    std::io::stderr().is_terminal()
}

fn draw(step: &str, name: &str) {
    let name: Vec<char> = crate::excerpt::visible(name).chars().collect();
    let name: String = match name.len().checked_sub(WIDTH) {
        None | Some(0) => name.iter().collect(),
        // Names differ at their ends.
        Some(_) => {
            let (start, end) = (&name[..WIDTH / 3], &name[name.len() - (WIDTH - WIDTH / 3 - 1)..]);
            start.iter().chain(&['…']).chain(end).collect()
        }
    };
    // What is wider than the terminal is cut there: a second line would stay.
    let _ = write!(std::io::stderr(), "\r\x1b[K\x1b[?7l{step}{name}\x1b[?7h");
}

fn clear() {
    let _ = write!(std::io::stderr(), "\r\x1b[K");
}
