//! A stack that is deep enough for any YAML that is accepted.

/// What the deepest tree that is accepted takes, several times over. The kernel leaves 128 MiB of address
/// space below the stack of a main thread at the least (`MIN_GAP` of `mmap_base`).
#[cfg(target_os = "linux")]
const STACK_BYTES: u64 = 96 << 20;

/// Runs `work` on a deep stack: that of this thread, which must be the main one, if it can be made deeper.
/// A thread of its own takes a tenth of the time of a small build.
pub(crate) fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if deepen_main_stack() {
        work()
    } else {
        build::parallel::with_deep_stack(work)
    }
}

/// On Linux the stack of the main thread grows page by page up to a limit, which a process may raise.
#[cfg(target_os = "linux")]
fn deepen_main_stack() -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Stack);
    let is_enough = |bytes: Option<u64>| bytes.is_none_or(|bytes| bytes >= STACK_BYTES);
    let deeper = Rlimit {
        current: Some(STACK_BYTES),
        ..limit
    };
    is_enough(limit.current) || (is_enough(limit.maximum) && setrlimit(Resource::Stack, deeper).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn deepen_main_stack() -> bool {
    false
}
