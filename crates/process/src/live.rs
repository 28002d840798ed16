//! The programs that run and the directories that are in use, so that an interrupt of this process ends
//! and removes them, and so does its watchdog when it is killed. Signals belong to the whole process: this table is the one global thing here.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::debt;
use crate::group::{self, Ending, Group};
#[cfg(unix)]
use crate::{mark, scratch};

struct Table {
    groups: Vec<Group>,
    directories: Vec<PathBuf>,
    debts: Vec<Vec<String>>,
    marks: Vec<String>,
    watched: bool,
    #[cfg(unix)]
    watchdog: Option<crate::watchdog::Watchdog>,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    groups: Vec::new(),
    directories: Vec::new(),
    debts: Vec::new(),
    marks: Vec::new(),
    watched: false,
    #[cfg(unix)]
    watchdog: None,
});

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds before a program whose file is still open for writing is tried again.
const BUSY_PAUSES: [u64; 6] = [1, 5, 20, 50, 100, 200];

/// A program that runs.
pub(crate) struct Live {
    child: Child,
    group: Group,
    is_reaped: bool,
}

impl Live {
    pub(crate) fn start(command: &mut Command) -> io::Result<Live> {
        group::lead(command);
        let mut pauses = BUSY_PAUSES.iter();
        loop {
            match Live::spawn(command) {
                // A file that was just written: a program that another thread was starting holds it open until it runs.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => match pauses.next() {
                    Some(&pause) => std::thread::sleep(Duration::from_millis(pause)),
                    None => return Err(error),
                },
                started => return started,
            }
        }
    }

    fn spawn(command: &mut Command) -> io::Result<Live> {
        // No interrupt comes between the start of a program and its entry in the table.
        let mut table = table();
        table.watch();
        let child = command.spawn()?;
        let group = Group::of(&child);
        table.add_group(group);
        let is_reaped = false;
        Ok(Live {
            child,
            group,
            is_reaped,
        })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn has_exited(&mut self) -> io::Result<bool> {
        self.group.has_exited(&mut self.child)
    }

    /// Asks the program to end, and ends it with all it started if it does not.
    pub(crate) fn end(&mut self, grace: Duration) {
        self.group.end(Ending::Asked);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && matches!(self.has_exited(), Ok(false)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What it says about its end is not asked for.
        let _ = self.finish();
    }

    /// Ends what is left of the group, and reaps the program.
    pub(crate) fn finish(&mut self) -> io::Result<ExitStatus> {
        self.group.end(Ending::Forced);
        // Its state is kept where it has ended.
        let _ = self.child.kill();
        table().remove_group(self.group);
        self.is_reaped = true;
        self.child.wait()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.is_reaped {
            let _ = self.finish();
        }
    }
}

/// Notes a directory that is removed on an interrupt.
pub(crate) fn note_directory(path: &Path) {
    let mut table = table();
    table.watch();
    table.add_directory(path);
}

pub(crate) fn forget_directory(path: &Path) {
    table().remove_directory(path);
}

/// Notes a command that is run on an interrupt.
pub(crate) fn note_debt(words: &[String]) {
    let mut table = table();
    table.watch();
    table.debts.push(words.to_owned());
    #[cfg(unix)]
    table.watchdog.iter_mut().for_each(|dog| dog.debt(words, true));
}

pub(crate) fn forget_debt(words: &[String]) {
    let mut table = table();
    table.debts.retain(|noted| noted != words);
    #[cfg(unix)]
    table.watchdog.iter_mut().for_each(|dog| dog.debt(words, false));
}

/// Notes a mark whose bearers are ended on an interrupt.
pub(crate) fn note_mark(mark: &str) {
    let mut table = table();
    table.watch();
    table.marks.push(mark.to_owned());
    #[cfg(unix)]
    table.watchdog.iter_mut().for_each(|dog| dog.mark(mark, true));
}

pub(crate) fn forget_mark(mark: &str) {
    let mut table = table();
    table.marks.retain(|noted| noted != mark);
    #[cfg(unix)]
    table.watchdog.iter_mut().for_each(|dog| dog.mark(mark, false));
}

impl Table {
    /// Listens for interrupts, from the first program on.
    fn watch(&mut self) {
        if !std::mem::replace(&mut self.watched, true) {
            #[cfg(unix)]
            {
                interrupt::watch();
                // Without a shell, a kill leaves what an interrupt would not.
                self.watchdog = crate::watchdog::Watchdog::start().ok();
            }
        }
    }

    fn add_group(&mut self, group: Group) {
        self.groups.push(group);
        #[cfg(unix)]
        self.watchdog.iter_mut().for_each(|dog| dog.group(group.number(), true));
    }

    fn remove_group(&mut self, group: Group) {
        self.groups.retain(|known| *known != group);
        #[cfg(unix)]
        self.watchdog
            .iter_mut()
            .for_each(|dog| dog.group(group.number(), false));
    }

    fn add_directory(&mut self, path: &Path) {
        self.directories.push(path.to_owned());
        #[cfg(unix)]
        self.watchdog.iter_mut().for_each(|dog| dog.directory(path, true));
    }

    fn remove_directory(&mut self, path: &Path) {
        self.directories.retain(|known| known != path);
        #[cfg(unix)]
        self.watchdog.iter_mut().for_each(|dog| dog.directory(path, false));
    }

    #[cfg(unix)]
    fn end_all(&mut self) {
        self.groups.iter().for_each(|group| group.end(Ending::Asked));
        if !self.groups.is_empty() {
            std::thread::sleep(interrupt::GRACE);
        }
        self.groups.iter().for_each(|group| group.end(Ending::Forced));
        self.marks.iter().for_each(|mark| mark::end(mark));
        for words in &self.debts {
            debt::pay(words);
        }
        for directory in &self.directories {
            // Nobody is left to hear that it stays.
            let _ = scratch::remove(directory);
        }
    }
}

#[cfg(unix)]
mod interrupt {
    use std::ffi::c_int;
    use std::time::Duration;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    /// How long programs may take to end when this one is interrupted.
    pub(super) const GRACE: Duration = Duration::from_millis(100);

    pub(super) fn watch() {
        let wanted = [SIGHUP, SIGINT, SIGTERM]
            .into_iter()
            .filter(|signal| !is_ignored(*signal));
        // Without it, an interrupt ends this process alone, as it would have before.
        let Ok(mut signals) = Signals::new(wanted) else {
            return;
        };
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Never released: nothing is started any more.
                let mut table = super::table();
                table.end_all();
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
    }

    /// Whether whoever started this process wants it to live through a signal (`nohup`).
    fn is_ignored(signal: c_int) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }
}
