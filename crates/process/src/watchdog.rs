//! A shell beside this process that outlives it. When this process is killed, it ends the programs that still
//! run, removes the directories that are in use and does what is owed: nobody else could.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

/// Reads which groups and directories there are until its input ends, as it does with this process, however that
/// ends. What is left then is ended and removed.
///
/// What has a mark is looked for until nothing is found three times: a program may start others meanwhile, and one that
/// is about to become another program has no environment for a moment.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
set -f
groups=' '
marks=' '
undo=';'
while IFS=' ' read -r verb what; do
  case $verb in
  start) groups="$groups$what " ;;
  end) groups="${groups%% $what *} ${groups#* $what }" ;;
  mark) marks="$marks$what " ;;
  unmark) marks="${marks%% $what *} ${marks#* $what }" ;;
  owe) undo="$undo$what;" ;;
  settle) undo="${undo%%;$what;*};${undo#*;$what;}" ;;
  make) set -- "$@" "$what" ;;
  drop) for directory; do shift; [ "$directory" = "$what" ] || set -- "$@" "$directory"; done ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
any=
for mark in $marks; do any="$any|$mark"; done
quiet=0
rounds=0
while [ -n "$any" ] && [ $quiet -lt 3 ] && [ $rounds -lt 200 ]; do
  set +f
  found=$(grep -lasE "TERRACE_RUN=(${any#|})" /proc/[0-9]*/environ 2>/dev/null)
  set -f
  quiet=$((quiet + 1))
  rounds=$((rounds + 1))
  for file in $found; do
    quiet=0
    number=${file#/proc/}
    kill -s KILL "${number%/environ}" 2>/dev/null
  done
done
IFS=';'
for command in $undo; do IFS=' '; $command; done
[ $# = 0 ] || { sleep 1; rm -rf -- "$@"; }
for directory; do
  case $directory in */terrace-scratch-*/*) rmdir -- "${directory%/*}" 2>/dev/null ;; esac
done
"#;

/// The way to the shell.
pub(crate) struct Watchdog(ChildStdin);

impl Watchdog {
    pub(crate) fn start() -> io::Result<Watchdog> {
        let mut shell = Command::new("/bin/sh");
        let child = shell
            .args(["-c", SCRIPT, "terrace-watchdog"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        child
            .stdin
            .map(Watchdog)
            .ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// A group was started, or has ended.
    pub(crate) fn group(&mut self, number: i32, runs: bool) {
        let verb = if runs { "start" } else { "end" };
        self.tell(&format!("{verb} {number}\n"));
    }

    /// A directory was made, or is removed. One whose path the shell would read wrongly is not told.
    pub(crate) fn directory(&mut self, path: &Path, is_there: bool) {
        let verb = if is_there { "make" } else { "drop" };
        if let Some(path) = path
            .to_str()
            .filter(|path| path.starts_with('/') && !path.contains('\n') && !path.ends_with(' '))
        {
            self.tell(&format!("{verb} {path}\n"));
        }
    }

    /// What has a mark is to be ended in the end, or need not be any more.
    pub(crate) fn mark(&mut self, mark: &str, is_used: bool) {
        let verb = if is_used { "mark" } else { "unmark" };
        self.tell(&format!("{verb} {mark}\n"));
    }

    /// A command is to be run in the end, or need not be run any more.
    pub(crate) fn debt(&mut self, words: &[String], is_owed: bool) {
        let verb = if is_owed { "owe" } else { "settle" };
        self.tell(&format!("{verb} {}\n", words.join(" ")));
    }

    /// Where it was ended, there is nobody to tell, and this process goes on without it.
    fn tell(&mut self, line: &str) {
        let _ = self.0.write_all(line.as_bytes());
    }
}
