//! What the tests share: places to run a helper in, and the services that a real client needs.

pub mod conformance;
