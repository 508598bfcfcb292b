//! The age helper.
fn main() {}
