//! Maps many items, on all processors.

use std::num::NonZero;
use std::thread;

/// The results of `f` for the items, in their order.
///
/// Each thread gets at least `least` items, because for fewer, a thread costs more than it saves. If no
/// thread can be started, this one does all the work.
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
    let mut parts = items.chunks(items.len().div_ceil(threads));
    let own = parts.next().unwrap_or_default();
    let f = &f;
    thread::scope(|scope| {
        let others: Vec<_> = parts
            .map(|part| {
                let work = move || part.iter().map(f).collect::<Vec<_>>();
                (part, thread::Builder::new().spawn_scoped(scope, work))
            })
            .collect();
        let mut done = own.iter().map(f).collect::<Vec<_>>();
        for (part, thread) in others {
            match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(results)) => done.extend(results),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(_) => done.extend(part.iter().map(f)),
            }
        }
        done
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
