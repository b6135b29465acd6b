//! Other threads call JavaScript back: one callback for all endpoints of an environment, which then asks who it is for.

use super::error::{CodedError, internal};
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::available_parallelism;

/// Threads of an endpoint that does not say how many.
const DEFAULT_LIMIT: usize = 8;

/// Tells JavaScript which endpoints have jobs that are done: one callback, however many there are.
#[napi]
pub struct Waker {
    wakes: Arc<Wakes>,
}

/// Weak: a job under way does not keep the process alive. The UDP socket does that, as long as its owner wants it to.
type Callback = ThreadsafeFunction<(), (), (), Status, false, true>;

/// What threads share of a waker.
pub(super) struct Wakes {
    callback: Callback,
    /// Endpoints that have something to take, each once.
    waiting: Mutex<VecDeque<u32>>,
}

#[napi]
impl Waker {
    /// One for all endpoints of an environment. `on_wake` is called with nothing: ask `next()` until it answers 0.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_wake: Function<'_, (), ()>) -> Result<Waker, CodedError> {
        let builder = on_wake.build_threadsafe_function::<()>().callee_handled::<false>().weak::<true>();
        let callback = builder.build().map_err(internal)?;
        Ok(Waker { wakes: Arc::new(Wakes { callback, waiting: Mutex::default() }) })
    }

    /// The number of an endpoint that has something to take; 0 when there is no more.
    #[napi(catch_unwind)]
    pub fn next(&self) -> u32 {
        lock(&self.wakes.waiting).pop_front().unwrap_or(0)
    }

    /// Threads of an endpoint whose options do not say how many: none where there is only one core to run on.
    #[napi(catch_unwind)]
    pub fn default_threads() -> u32 {
        static CORES: OnceLock<usize> = OnceLock::new();
        // Asks the system for affinity and quota.
        let cores = *CORES.get_or_init(|| available_parallelism().map_or(1, usize::from));
        if cores == 1 { 0 } else { cores.min(DEFAULT_LIMIT) as u32 }
    }
}

impl Waker {
    pub(super) fn wakes(&self) -> Arc<Wakes> {
        Arc::clone(&self.wakes)
    }
}

impl Wakes {
    /// Has JavaScript called for this endpoint.
    pub(super) fn wake(&self, number: u32) {
        let mut waiting = lock(&self.waiting);
        waiting.push_back(number);
        let is_first = waiting.len() == 1;
        drop(waiting);
        if is_first {
            // An environment that is being torn down hears nothing any more, and need not.
            self.callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// No holder of these locks panics. If one did, what it left is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
