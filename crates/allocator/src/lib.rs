//! The system's allocator, and what each thread holds of it.
//!
//! The Rego engine `regorus` can stop a policy that takes too much memory, but it asks its own build of mimalloc
//! how much that is: C code that makes every start of the program slower. This crate answers instead, under the
//! name and with the functions that the engine knows. It counts by thread: a policy is run by one thread, and
//! pays for nobody else's builds.

#[doc(hidden)]
pub mod mimalloc;

use std::cell::Cell;

pub use crate::mimalloc::Mimalloc;

thread_local! {
    /// Bytes that the thread took and did not give back since [`begin`].
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// Counts from nothing again on this thread.
pub fn begin() {
    HELD.set(0);
}

fn add(bytes: i64) {
    HELD.set(HELD.get().wrapping_add(bytes));
}

/// Makes the allocator that of the program.
#[macro_export]
macro_rules! assign_global {
    () => {
        #[global_allocator]
        static GLOBAL: $crate::Mimalloc = $crate::Mimalloc;
    };
}

/// What the engine asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub allocated: u64,
}

/// What this thread holds, as what the engine takes for the whole program's and for the thread's.
pub fn allocation_stats_snapshot() -> (Stats, Stats) {
    let stats = Stats {
        allocated: u64::try_from(HELD.get()).unwrap_or_default(),
    };
    (stats, stats)
}

pub fn current_thread_live_bytes() -> i64 {
    HELD.get()
}

/// What the engine tells an allocator that gathers its counts from time to time. This one is always exact.
#[doc(hidden)]
pub mod limits {
    pub fn flush_thread_counters() {}

    pub fn set_thread_flush_threshold(_: Option<u64>) {}

    pub fn thread_flush_threshold() -> Option<u64> {
        None
    }

    pub fn take_thread_flushed_since_check_flag() -> bool {
        true
    }

    pub fn thread_allocation_pending_delta() -> i64 {
        0
    }

    pub fn with_unowned_memory_budget_scope<R>(operation: impl FnOnce() -> R) -> R {
        operation()
    }
}

#[cfg(test)]
mod tests {
    #[global_allocator]
    static GLOBAL: crate::Mimalloc = crate::Mimalloc;

    fn held() -> u64 {
        crate::allocation_stats_snapshot().0.allocated
    }

    #[test]
    fn a_thread_holds_what_it_took_and_did_not_give_back() {
        crate::begin();
        let mut bytes: Vec<u8> = Vec::with_capacity(1000);
        assert_eq!(held(), 1000);
        bytes.reserve_exact(5000);
        assert_eq!(held(), 5000);
        let other = std::thread::spawn(|| {
            crate::begin();
            drop(vec![0_u8; 1 << 20]);
            held()
        });
        assert_eq!(other.join().ok(), Some(0));
        drop(bytes);
        crate::begin();
        drop(vec![1_u64; 10]);
        assert_eq!(held(), 0);
    }
}
