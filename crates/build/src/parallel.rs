//! Threads for independent pieces of work, with stacks deep enough for any YAML that is accepted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
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

/// How many threads to use when nobody said. The system is asked once: it reads files to answer.
pub fn default_jobs() -> usize {
    static JOBS: OnceLock<usize> = OnceLock::new();
    *JOBS.get_or_init(|| available_parallelism().map_or(1, usize::from))
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

/// Both, on two threads where `jobs` allows.
pub fn both<A: Send, B: Send>(jobs: usize, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    if jobs < 2 {
        return (first(), second());
    }
    scope(|scope| {
        let thread = Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, first);
        let second = second();
        let first = thread.expect("the system gives one thread").join();
        (first.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
    })
}

/// As many items are worth threads of their own: less is done sooner than threads are there.
const WORTH_THREADS: usize = 1000;

/// Changes every item, on several threads where there are many: `change` gets the position and the item.
///
/// # Errors
/// That of the first item that has one; which of the later items were changed is not said then.
pub(crate) fn change_each<T: Send, E: Send + Sync>(
    items: &mut [T],
    threads: fn() -> usize,
    change: impl Fn(usize, &mut T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    if items.len() < WORTH_THREADS {
        let mut items = items.iter_mut().enumerate();
        return items.try_for_each(|(at, item)| change(at, item));
    }
    const PART: usize = 250;
    let parts: Vec<Mutex<&mut [T]>> = items.chunks_mut(PART).map(Mutex::new).collect();
    let results = map(parts.len(), threads(), |part| {
        // Each part is taken once.
        let mut items = parts[part].lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = items.iter_mut().enumerate();
        items.try_for_each(|(at, item)| change(part * PART + at, item))
    });
    results.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_order() {
        let squares: Vec<usize> = (0..100).map(|n| n * n).collect();
        assert_eq!(super::map(100, 4, |n| n * n), squares);
        assert_eq!(super::map(0, 4, |n| n), Vec::<usize>::new());
    }

    #[test]
    fn both_are_done() {
        let text = String::from("a");
        for jobs in [1, 2] {
            assert_eq!(
                super::both(jobs, || text.len(), || text.clone() + "b"),
                (1, "ab".to_owned())
            );
        }
    }

    #[test]
    fn each_item_is_changed_and_the_first_error_counts() {
        let mut items: Vec<usize> = (0..5000).collect();
        let doubled = super::change_each(
            &mut items,
            || 4,
            |at, item| {
                assert_eq!(at, *item);
                *item *= 2;
                Ok::<(), usize>(())
            },
        );
        assert_eq!(doubled, Ok(()));
        assert_eq!(items, (0..10_000).step_by(2).collect::<Vec<_>>());
        let refuse = |at: usize, _: &mut usize| if at % 1300 == 1299 { Err(at) } else { Ok(()) };
        assert_eq!(super::change_each(&mut items, || 4, refuse), Err(1299));
        assert_eq!(super::change_each(&mut items[..10], || 4, refuse), Ok(()));
    }
}
