//! Threads for handshake steps: tokio's blocking pool, one for the process, and the bell that calls JavaScript back.

use super::error::{CodedError, internal};
use crate::proto::{ConnectionHandle, Endpoint, Job, JobDone};
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// Threads of the process, whatever its endpoints ask for.
const THREADS_LIMIT: usize = 64;

/// Threads of an endpoint that does not say how many.
const DEFAULT_LIMIT: usize = 8;

/// Jobs that wait beside a thread while the event loop is busy elsewhere. What has left can no longer be withdrawn, and
/// takes no more records with it.
const JOBS_PER_THREAD: usize = 8;

/// The threads of the process: as many as the endpoint that asks for most.
struct Pool {
    limit: usize,
    busy: usize,
    /// Crews with something to do, in the order of their turns.
    turns: VecDeque<Arc<Crew>>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { limit: 0, busy: 0, turns: VecDeque::new() });

/// Made with the first job; an idle thread ends by itself. Never shut down: the process ends with jobs under way, too.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let build =
        || Builder::new_current_thread().thread_name("mbed-dtls").max_blocking_threads(THREADS_LIMIT).build().ok();
    RUNTIME.get_or_init(build).as_ref()
}

/// Has one more thread work, unless all do.
fn call_thread() {
    let mut pool = lock(&POOL);
    if pool.busy >= pool.limit {
        return;
    }
    pool.busy += 1;
    drop(pool);
    // tokio panics when the system gives it not one thread.
    let spawned = catch_unwind(|| runtime().map(|runtime| runtime.spawn_blocking(work)));
    if !matches!(spawned, Ok(Some(_))) {
        work();
    }
}

/// One thread, until there is nothing left to do. The crews take turns, one job each.
fn work() {
    loop {
        let mut pool = lock(&POOL);
        let Some(crew) = pool.turns.pop_front() else {
            // Not exactly counted where the system had no thread for a task, and had one for it later.
            pool.busy = pool.busy.saturating_sub(1);
            return;
        };
        drop(pool);
        crew.take_turn();
    }
}

/// Tells JavaScript which endpoints have jobs that are done: one callback, however many have rung.
#[napi]
pub struct Bell {
    rope: Arc<Rope>,
}

/// Weak: a job under way does not keep the process alive. The UDP socket does that, as long as its owner wants it to.
type Callback = ThreadsafeFunction<(), (), (), Status, false, true>;

/// What threads pull.
struct Rope {
    callback: Callback,
    /// Endpoints that have rung, each once.
    rung: Mutex<VecDeque<u32>>,
}

#[napi]
impl Bell {
    /// One for all endpoints of an environment. `on_ring` is called with nothing: ask `next()` until it answers 0.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_ring: Function<'_, (), ()>) -> Result<Bell, CodedError> {
        let builder = on_ring.build_threadsafe_function::<()>().callee_handled::<false>().weak::<true>();
        let callback = builder.build().map_err(internal)?;
        Ok(Bell { rope: Arc::new(Rope { callback, rung: Mutex::default() }) })
    }

    /// The number of an endpoint that has rung; 0 when there is no more.
    #[napi(catch_unwind)]
    pub fn next(&self) -> u32 {
        lock(&self.rope.rung).pop_front().unwrap_or(0)
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

impl Rope {
    fn pull(&self, number: u32) {
        let mut rung = lock(&self.rung);
        rung.push_back(number);
        let is_first = rung.len() == 1;
        drop(rung);
        if is_first {
            // An environment that is being torn down hears nothing any more, and need not.
            self.callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// The jobs of one endpoint, on their way to threads and back.
pub(super) struct Crew {
    rope: Arc<Rope>,
    number: u32,
    /// That may be at it at a time.
    threads: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// What a failed thread had is a handle alone.
    done: Vec<Result<JobDone, ConnectionHandle>>,
    /// Threads that are at it, or will be when it is the crew's turn.
    turns: usize,
}

/// An endpoint's hold of its crew.
pub(super) struct Foreman {
    crew: Arc<Crew>,
    /// Jobs that have been handed over and not been given back.
    under_way: usize,
}

impl Foreman {
    /// `number`: by which the bell tells the endpoint from others.
    pub(super) fn new(bell: &Bell, number: u32, threads: u32) -> Foreman {
        let threads = (threads as usize).min(THREADS_LIMIT);
        let mut pool = lock(&POOL);
        pool.limit = pool.limit.max(threads);
        drop(pool);
        let crew = Crew { rope: Arc::clone(&bell.rope), number, threads, state: Mutex::default() };
        Foreman { crew: Arc::new(crew), under_way: 0 }
    }

    pub(super) fn job_limit(&self) -> usize {
        self.crew.threads * JOBS_PER_THREAD
    }

    pub(super) fn has_jobs(&self) -> bool {
        self.under_way > 0
    }

    /// Hands over what the endpoint has for other threads.
    pub(super) fn dispatch(&mut self, now: Instant, endpoint: &mut Endpoint) {
        while let Some(job) = endpoint.poll_job(now) {
            self.under_way += 1;
            let mut state = lock(&self.crew.state);
            state.jobs.push_back(job);
            if state.turns < self.crew.threads {
                state.turns += 1;
                drop(state);
                lock(&POOL).turns.push_back(Arc::clone(&self.crew));
                call_thread();
            }
        }
    }

    /// Gives the endpoint what is done.
    pub(super) fn collect(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let done = std::mem::take(&mut lock(&self.crew.state).done);
        self.under_way = self.under_way.saturating_sub(done.len());
        for done in done {
            match done {
                Ok(done) => endpoint.handle_job(now, done),
                Err(connection) => endpoint.handle_lost_job(connection),
            }
        }
    }
}

impl Drop for Foreman {
    /// The endpoint is gone: what no thread has begun need not be done.
    fn drop(&mut self) {
        let jobs = std::mem::take(&mut lock(&self.crew.state).jobs);
        drop(jobs);
    }
}

impl Crew {
    /// Does one job; waits for another turn when there are more.
    fn take_turn(self: Arc<Crew>) {
        let job = lock(&self.state).jobs.pop_front();
        if let Some(job) = job {
            let connection = job.connection();
            let done = catch_unwind(AssertUnwindSafe(|| job.run())).map_err(|_| connection);
            let mut state = lock(&self.state);
            state.done.push(done);
            let is_first = state.done.len() == 1;
            drop(state);
            if is_first {
                self.rope.pull(self.number);
            }
        }
        let mut state = lock(&self.state);
        if state.jobs.is_empty() {
            state.turns -= 1;
            return;
        }
        drop(state);
        lock(&POOL).turns.push_back(self);
    }
}

/// No holder of these locks panics; if one did, what it left is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
