//! docker credential helpers.
