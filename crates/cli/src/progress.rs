//! One line on the terminal that says how far a long run is. Nothing anywhere else.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// Between two drawings, so that the terminal does not slow the work down.
const INTERVAL: Duration = Duration::from_millis(50);
/// Columns of a terminal that does not say how many it has.
const USUAL_WIDTH: usize = 80;
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
    /// What stands on the terminal: the step and the URL.
    drawn: Option<(String, String)>,
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
                    if now.drawn.take().is_some() {
                        clear();
                    }
                }
            }
        }
    }
}

/// What says what Google is asked for, one thing after the other, to somebody who reads it.
pub(crate) fn asking() -> impl Fn(&str) {
    let fetching = is_readable().then(fetching);
    let asked = Asked { fetching };
    move |what| {
        if let Some(fetching) = &asked.fetching {
            fetching(None);
            fetching(Some(what));
        }
    }
}

/// Takes the line away when there is no more to ask.
struct Asked<F: Fn(Option<&str>)> {
    fetching: Option<F>,
}

impl<F: Fn(Option<&str>)> Drop for Asked<F> {
    fn drop(&mut self) {
        if let Some(fetching) = &self.fetching {
            fetching(None);
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
            let step = format!("fetching{more} ({}s) ", elapsed.as_secs());
            let line = Some((step.clone(), now.url.clone()));
            if now.drawn != line {
                draw(&step, &now.url);
                now.drawn = line;
            }
        }
    }
}

/// Whether lines that say how far it is can be read: by a person, at a terminal that can take them back.
pub(crate) fn is_readable() -> bool {
    let is = |name: &str, wanted: &dyn Fn(&str) -> bool| std::env::var(name).is_ok_and(|value| wanted(&value));
    let is_dumb = is("TERM", &|term| term == "dumb");
    let is_job = is("CI", &|value| !matches!(value, "" | "0" | "false"));
    std::io::stderr().is_terminal() && !is_dumb && !is_job
}

/// Draws a step and its name in the place of what was drawn before.
fn draw(step: &str, name: &str) {
    let line = fit(step, &crate::excerpt::visible(name), width());
    let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
}

/// As much of a line as fits into a terminal of so many columns; what is wider would begin a second line, which stays.
fn fit(step: &str, name: &str, width: usize) -> String {
    let mut room = width.saturating_sub(1);
    let step: String = step.chars().take(room).collect();
    room -= step.chars().count();
    let name: Vec<char> = name.chars().collect();
    if name.len() <= room {
        return step + &name.iter().collect::<String>();
    }
    let Some(shown) = room.checked_sub(1).filter(|shown| *shown > 2) else {
        return step;
    };
    // Names differ at their ends.
    let (start, end) = (&name[..shown / 3], &name[name.len() - (shown - shown / 3)..]);
    step + &start.iter().chain(&['…']).chain(end).collect::<String>()
}

#[cfg(target_os = "linux")]
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|&columns| columns > 0)
        .unwrap_or(USUAL_WIDTH)
}

#[cfg(not(target_os = "linux"))]
fn width() -> usize {
    USUAL_WIDTH
}

fn clear() {
    let _ = write!(std::io::stderr(), "\r\x1b[K");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_into_the_terminal() {
        let url = "https://example.com/organization/repository";
        for (width, expected) in [
            (80, "fetching (3s) https://example.com/organization/repository"),
            (40, "fetching (3s) https://…ation/repository"),
            (20, "fetching (3s) h…ory"),
            (15, "fetching (3s) "),
            (5, "fetc"),
            (0, ""),
        ] {
            let line = fit("fetching (3s) ", url, width);
            assert_eq!(line, expected);
            assert!(line.chars().count() < width.max(1));
        }
    }
}
