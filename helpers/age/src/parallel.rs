//! Maps many items, on all processors.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The number of items that a thread takes at once.
const BLOCK: usize = 8;

/// The results of `f` for the items, in their order.
///
/// A thread takes the next items whenever it is ready, because another one may start late or run slowly.
/// There is a thread for each `least` items at most, because for fewer, it costs more than it saves. If none
/// can be started, this one does all the work.
pub(crate) fn map<'a, T: Sync, R: Send>(
    items: &'a [T],
    least: NonZero<usize>,
    f: impl Fn(&'a T) -> R + Sync,
) -> Vec<R> {
    let most = items.len() / least;
    // Only now, because the answer is in files.
    if most < 2 {
        return items.iter().map(f).collect();
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(most);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match items.chunks(BLOCK).nth(index) {
                Some(block) => done.push((index, block.iter().map(&f).collect::<Vec<_>>())),
                None => return done,
            }
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for thread in others {
            match thread.join() {
                Ok(blocks) => done.extend(blocks),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().flat_map(|(_, block)| block).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_the_order_of_the_items() {
        for count in [0, 1, 2, 7, 100, 101] {
            let items: Vec<usize> = (0..count).collect();
            for least in [1, 3, 200] {
                let doubled = map(&items, NonZero::new(least).unwrap(), |item| item * 2);
                assert!(doubled.into_iter().eq((0..count).map(|item| item * 2)));
            }
        }
    }

    #[test]
    fn a_thread_gets_as_many_items_as_it_is_worth() {
        let here = thread::current().id();
        let ids = map(&[0; 9], NonZero::new(5).unwrap(), |_| thread::current().id());
        assert!(ids.iter().all(|id| *id == here));
    }

    #[test]
    #[should_panic(expected = "item 7")]
    fn a_panic_is_handed_on() {
        let items: Vec<usize> = (0..8).collect();
        map(&items, NonZero::new(1).unwrap(), |item| {
            assert!(*item != 7, "item {item}");
        });
    }
}
