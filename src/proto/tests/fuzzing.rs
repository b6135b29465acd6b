//! What fuzzers feed at this height, and what of the tests that takes. Compiled in place of all tests for `fuzz/`.

mod flights;
mod modes;
mod network;
mod stories;

pub(crate) use flights::TARGETS;
