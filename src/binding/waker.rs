//! Other threads call JavaScript back: one callback for all endpoints of an environment, which then asks who it is for.

use super::error::{CodedError, internal};
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
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

/// The number of an endpoint, and whether there are more.
type Woken = (u32, bool);

/// Weak: a job under way does not keep the process alive. The UDP socket does that, as long as its owner wants it to.
type Callback = ThreadsafeFunction<(), (), FnArgs<Woken>, Status, false, true>;

/// Has JavaScript called, from any thread.
pub(super) type Wake = Box<dyn Fn() + Send>;

/// What threads share of a waker.
#[derive(Default)]
pub(super) struct Wakes {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` while no endpoint has a UDP socket: nobody would look for its jobs.
    callback: Option<Callback>,
    /// Endpoints that have something to take, each once. JavaScript is being called while there are some.
    waiting: VecDeque<u32>,
}

#[napi]
impl Waker {
    /// One for all endpoints of an environment.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Waker {
        Waker { wakes: Arc::default() }
    }

    /// From now on, `on_wake` is called with the number of an endpoint that has something to take, and whether there are more: then
    /// ask `next()` until it answers 0.
    // Strict, because napi loses 40 bytes for a value that turns out to be no function.
    #[napi(catch_unwind, strict)]
    pub fn open(&self, on_wake: Function<'_, FnArgs<Woken>, ()>) -> Result<(), CodedError> {
        let wakes = Arc::downgrade(&self.wakes);
        let builder = on_wake.build_threadsafe_function::<()>().callee_handled::<false>().weak::<true>();
        let callback =
            builder.build_callback(move |_| Ok(FnArgs::from(wakes.upgrade().map_or((0, false), |wakes| wakes.take()))));
        lock(&self.wakes.state).callback = Some(callback.map_err(internal)?);
        Ok(())
    }

    /// Nothing is called any more, and nothing is left that could be taken for what keeps a process alive.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        *lock(&self.wakes.state) = State::default();
    }

    /// The number of the next endpoint that has something to take; 0 when there is no more.
    #[napi(catch_unwind)]
    pub fn next(&self) -> u32 {
        self.wakes.take().0
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
        let State { callback, waiting } = &mut *lock(&self.state);
        let Some(callback) = callback else { return };
        waiting.push_back(number);
        if waiting.len() == 1 {
            // An environment that is being torn down hears nothing any more, and need not.
            callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Names one that waits, or 0.
    fn take(&self) -> Woken {
        let waiting = &mut lock(&self.state).waiting;
        (waiting.pop_front().unwrap_or(0), !waiting.is_empty())
    }
}

/// No holder of these locks panics. If one did, what it left is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
