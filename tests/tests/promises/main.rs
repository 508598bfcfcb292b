//! The promises of SECURITY.md, each with a control: the same test must fail with a helper that is broken on
//! purpose. A harness whose control passes shows nothing.
//!
//! By default each runs as long as a test suite can afford. `DOCKER_CREDENTIAL_TEST_FULL=1` runs them as long as
//! the figures in docs/promises.md were measured, for one promise at a time:
//!
//! ```text
//! DOCKER_CREDENTIAL_TEST_FULL=1 tests/run --test promises kill:: -- --nocapture
//! ```
#![cfg(target_os = "linux")]

mod advice;
mod bounded_work;
mod bounds;
mod broken;
mod explained;
mod faults;
mod full_disk;
mod identity;
mod injection;
mod kill;
mod markers;
mod matching;
mod memory;
mod model;
mod oracle;
mod other_user;
mod parallel;
mod power;
mod released;
mod scale;
mod shared_store;
mod swapped;
mod system_calls;
mod trust;
mod unreadable;
mod values;
mod vectors;
