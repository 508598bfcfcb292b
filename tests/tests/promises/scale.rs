//! The repetitions of a harness, and its reported figures.

use std::io::Write as _;
use std::thread;

use docker_credential_tests::requirement::environment;

/// Whether to run at full size, which takes minutes to hours.
pub(crate) fn full() -> bool {
    environment("DOCKER_CREDENTIAL_TEST_FULL").is_some_and(|value| value == "1")
}

/// The number of repetitions: `usual` in every test run, a quarter of it on a machine that only has to run
/// the tests, `long` for the published figure.
pub(crate) fn scale(usual: usize, long: usize) -> usize {
    let is_quick = environment("DOCKER_CREDENTIAL_TEST_QUICK").is_some_and(|value| value == "1");
    match () {
        () if full() => long,
        () if is_quick => usual.div_ceil(4),
        () => usual,
    }
}

/// Reports a figure, even if the test passes and libtest captures its output.
pub(crate) fn report(promise: &str, figure: &str) {
    let _ = std::io::stderr()
        .lock()
        .write_all(format!("promise: {promise}: {figure}\n").as_bytes());
}

/// Divides `count` runs among as many threads as processors, and returns the result of each.
pub(crate) fn share<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|index| {
                let work = &work;
                scope.spawn(move || work(count / threads + usize::from(index < count % threads)))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker that does not panic"))
            .collect()
    })
}
