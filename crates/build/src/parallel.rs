//! Threads for independent pieces of work, with stacks deep enough for any YAML that is accepted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, available_parallelism, scope};

/// Address space only: pages are used when a tree is that deep.
const STACK_BYTES: usize = 256 << 20;

/// Runs `work` on a deep stack and waits for it.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    scope(|scope| {
        let thread = Builder::new()
            .name("main".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        thread
            .expect("the system gives one thread")
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How many threads to use when nobody said.
pub fn default_jobs() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// `work(0)` to `work(count - 1)` on up to `jobs` threads; the results in that order.
pub fn map<T: Send + Sync>(count: usize, jobs: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = jobs.min(count).max(1);
    if threads == 1 {
        return (0..count).map(work).collect();
    }
    let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let run = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = results.get(at) else { break };
            // Each index is taken once, so that the slot is empty.
            let _ = slot.set(work(at));
        }
    };
    scope(|scope| {
        let workers: Vec<_> = (1..threads)
            .filter_map(|_| Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run).ok())
            .collect();
        run();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_order() {
        let squares: Vec<usize> = (0..100).map(|n| n * n).collect();
        assert_eq!(super::map(100, 4, |n| n * n), squares);
        assert_eq!(super::map(0, 4, |n| n), Vec::<usize>::new());
    }
}
