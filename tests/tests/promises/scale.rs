//! How long a harness runs, and what it says it saw.

use std::io::Write as _;
use std::thread;

use docker_credential_tests::requirement::environment;

/// Whether to go for the full figure, which takes minutes to hours.
pub(crate) fn full() -> bool {
    environment("DOCKER_CREDENTIAL_TEST_FULL").is_some_and(|value| value == "1")
}

/// How often to repeat: `usual` as a part of every test run, a quarter of it on a machine that is only to be seen to run the
/// tests, `long` for the figure that is published.
pub(crate) fn scale(usual: usize, long: usize) -> usize {
    let is_quick = environment("DOCKER_CREDENTIAL_TEST_QUICK").is_some_and(|value| value == "1");
    match () {
        () if full() => long,
        () if is_quick => usual.div_ceil(4),
        () => usual,
    }
}

/// Tells a figure, also where the test passes and libtest keeps its output.
pub(crate) fn report(promise: &str, figure: &str) {
    let _ = std::io::stderr()
        .lock()
        .write_all(format!("promise: {promise}: {figure}\n").as_bytes());
}

/// Divides `count` runs among as many threads as there are processors, and returns what each of them found.
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
