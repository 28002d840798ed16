//! The exit codes: one table, used by every command and printed by `--help`.

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done,
    WrongInput,
    WrongUsage,
    Refused,
    OutsideFailed,
    JobFailed,
    NotRecorded,
}

/// Each exit, its code, and what it means.
pub(crate) const TABLE: [(Exit, u8, &str); 7] = [
    (Exit::Done, 0, "done"),
    (Exit::WrongInput, 1, "the input or the target is wrong"),
    (Exit::WrongUsage, 2, "wrong usage of the command line"),
    (Exit::Refused, 3, "the outside said no: permission, quota, not found"),
    (Exit::OutsideFailed, 4, "the outside failed or timed out: try again"),
    (Exit::JobFailed, 5, "a job ran and failed"),
    (Exit::NotRecorded, 6, "the record could not be written"),
];

impl Exit {
    pub(crate) fn code(self) -> i32 {
        let row = TABLE.iter().find(|(exit, _, _)| *exit == self);
        row.map_or(1, |(_, code, _)| i32::from(*code))
    }

    /// The exit for an error of a build.
    pub(crate) fn of(kind: build::ErrorKind) -> Exit {
        use build::ErrorKind::{Config, File, Object, OutsideFailed, Program, Refused, Syntax, Transform, Unsupported};
        match kind {
            Refused => Exit::Refused,
            OutsideFailed => Exit::OutsideFailed,
            Syntax | File | Config | Object | Transform | Program | Unsupported => Exit::WrongInput,
        }
    }
}

/// The table as a section of the help.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (_, code, meaning) in TABLE {
        text.push_str(&format!("  {code}  {meaning}\n"));
    }
    text
}
