//! Process groups, where the system has them; elsewhere a program stands for its group.

use std::io;
use std::process::{Child, Command};

/// How to end a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is asked, and may tidy up.
    Asked,
    /// It is not asked.
    Forced,
}

#[cfg(unix)]
mod system {
    use super::{Child, Command, Ending, io};
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

    /// The group that a child leads. Its number is its own until the child is reaped.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Group(Pid);

    pub(crate) fn lead(command: &mut Command) {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }

    impl Group {
        pub(crate) fn of(child: &Child) -> Group {
            Group(Pid::from_child(child))
        }

        pub(crate) fn number(self) -> i32 {
            self.0.as_raw_nonzero().get()
        }

        pub(crate) fn end(self, ending: Ending) {
            let signal = match ending {
                Ending::Asked => Signal::TERM,
                Ending::Forced => Signal::KILL,
            };
            // It may have ended already.
            let _ = kill_process_group(self.0, signal);
        }

        /// Whether the child has ended; it is not reaped, so that the number of the group stays.
        pub(crate) fn has_exited(self, _child: &mut Child) -> io::Result<bool> {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            Ok(waitid(WaitId::Pid(self.0), options)?.is_some())
        }
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Child, Command, Ending, io};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Group(u32);

    pub(crate) fn lead(_command: &mut Command) {}

    impl Group {
        pub(crate) fn of(child: &Child) -> Group {
            Group(child.id())
        }

        pub(crate) fn end(self, _ending: Ending) {}

        pub(crate) fn has_exited(self, child: &mut Child) -> io::Result<bool> {
            Ok(child.try_wait()?.is_some())
        }
    }
}

pub(crate) use system::{Group, lead};
