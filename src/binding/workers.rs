//! Threads for handshake steps: tokio's blocking pool, one for the process, and a queue of jobs for each endpoint.

use super::waker::{Waker, Wakes, lock};
use crate::proto::{ConnectionHandle, Endpoint, Job, JobDone};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// Threads of the process, whatever its endpoints ask for.
const THREADS_LIMIT: usize = 64;

/// Jobs that wait beside a thread while the event loop is busy elsewhere. A job that has left can no longer be withdrawn,
/// and takes no more records with it.
const JOBS_PER_THREAD: usize = 8;

/// The threads of the process. The pool grows to the largest `handshakeThreads` of any endpoint.
struct Pool<Queue> {
    limit: usize,
    busy: usize,
    /// Queues with something to do, in the order of their turns.
    turns: VecDeque<Queue>,
}

impl<Queue> Pool<Queue> {
    fn grow(&mut self, threads: usize) {
        self.limit = self.limit.max(threads);
    }

    /// Whether one more thread may be busy; then it is.
    fn admit(&mut self) -> bool {
        let is_admitted = self.busy < self.limit;
        self.busy += usize::from(is_admitted);
        is_admitted
    }

    /// The queue whose turn it is. Without any, one thread less is busy.
    fn next(&mut self) -> Option<Queue> {
        let queue = self.turns.pop_front();
        if queue.is_none() {
            // Not exactly counted where the system had no thread for a task, and had one for it later.
            self.busy = self.busy.saturating_sub(1);
        }
        queue
    }
}

static POOL: Mutex<Pool<Arc<SharedQueue>>> = Mutex::new(Pool { limit: 0, busy: 0, turns: VecDeque::new() });

/// Made with the first job. An idle thread ends by itself. The runtime is never shut down: the process may end while jobs
/// are under way.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let build =
        || Builder::new_current_thread().thread_name("mbed-dtls").max_blocking_threads(THREADS_LIMIT).build().ok();
    RUNTIME.get_or_init(build).as_ref()
}

/// Starts one more thread, unless as many are busy as there may be.
fn start_thread() {
    if !lock(&POOL).admit() {
        return;
    }
    // tokio panics when the system gives it not one thread.
    let spawned = catch_unwind(|| runtime().map(|runtime| runtime.spawn_blocking(work)));
    if !matches!(spawned, Ok(Some(_))) {
        work();
    }
}

/// The work of one thread, until there is nothing left to do. The queues take turns, one job each.
fn work() {
    // The pool is not locked while a queue has its turn.
    let next = || lock(&POOL).next();
    while let Some(queue) = next() {
        queue.take_turn();
    }
}

/// The jobs of one endpoint, on their way to threads and back.
struct SharedQueue {
    wakes: Arc<Wakes>,
    /// By which the waker tells the endpoint from others.
    number: u32,
    /// Threads that may take its jobs at a time.
    threads: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// All that a failed thread leaves is the handle of the connection.
    done: Vec<Result<JobDone, ConnectionHandle>>,
    /// Threads that take its jobs, or will when it is the queue's turn.
    turns: usize,
}

impl State {
    /// Whether one more of so many threads may take a job; then it will.
    fn begin_turn(&mut self, threads: usize) -> bool {
        let has_turn = self.turns < threads;
        self.turns += usize::from(has_turn);
        has_turn
    }

    /// Whether there are more jobs. Without any, one thread less takes them.
    fn goes_on(&mut self) -> bool {
        let goes_on = !self.jobs.is_empty();
        self.turns -= usize::from(!goes_on);
        goes_on
    }
}

/// An endpoint's end of its queue.
pub(super) struct JobQueue {
    queue: Arc<SharedQueue>,
    /// Jobs that have been handed over and not been given back.
    under_way: usize,
}

impl JobQueue {
    /// `number`: by which the waker tells the endpoint from others.
    pub(super) fn new(waker: &Waker, number: u32, threads: u32) -> JobQueue {
        let threads = (threads as usize).min(THREADS_LIMIT);
        lock(&POOL).grow(threads);
        let queue = SharedQueue { wakes: waker.wakes(), number, threads, state: Mutex::default() };
        JobQueue { queue: Arc::new(queue), under_way: 0 }
    }

    /// Jobs that may be under way at a time.
    pub(super) fn limit(&self) -> usize {
        self.queue.threads * JOBS_PER_THREAD
    }

    pub(super) fn has_jobs(&self) -> bool {
        self.under_way > 0
    }

    /// Hands over what the endpoint has for other threads.
    pub(super) fn hand_over(&mut self, now: Instant, endpoint: &mut Endpoint) {
        while let Some(job) = endpoint.poll_job(now) {
            self.under_way += 1;
            if self.queue.add(job) {
                lock(&POOL).turns.push_back(Arc::clone(&self.queue));
                start_thread();
            }
        }
    }

    /// Gives the endpoint what is done.
    pub(super) fn collect(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let done = std::mem::take(&mut lock(&self.queue.state).done);
        self.under_way = self.under_way.saturating_sub(done.len());
        for done in done {
            match done {
                Ok(done) => endpoint.handle_job(now, done),
                Err(connection) => endpoint.handle_lost_job(now, connection),
            }
        }
    }
}

impl Drop for JobQueue {
    /// The endpoint is gone: jobs that no thread has begun need not be done.
    fn drop(&mut self) {
        let _jobs = std::mem::take(&mut lock(&self.queue.state).jobs);
    }
}

impl SharedQueue {
    /// Answers whether one more thread may take a job.
    fn add(&self, job: Job) -> bool {
        let mut state = lock(&self.state);
        state.jobs.push_back(job);
        state.begin_turn(self.threads)
    }

    /// Does one job, and waits for another turn when there are more.
    fn take_turn(self: Arc<SharedQueue>) {
        let job = lock(&self.state).jobs.pop_front();
        if let Some(job) = job {
            let connection = job.connection();
            let done = catch_unwind(AssertUnwindSafe(|| job.run())).map_err(|_| connection);
            if self.note(done) {
                self.wakes.wake(self.number);
            }
        }
        let goes_on = lock(&self.state).goes_on();
        if goes_on {
            lock(&POOL).turns.push_back(self);
        }
    }

    /// Answers whether nobody has been told of others yet.
    fn note(&self, done: Result<JobDone, ConnectionHandle>) -> bool {
        let mut state = lock(&self.state);
        state.done.push(done);
        state.done.len() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_threads_are_busy_as_may_be_and_one_that_ends_leaves_room_for_one() {
        let mut pool = Pool::<()> { limit: 0, busy: 0, turns: VecDeque::new() };
        assert!(!pool.admit());
        pool.grow(3);
        pool.grow(2);
        assert_eq!([(); 4].map(|()| pool.admit()), [true, true, true, false]);
        assert!(pool.next().is_none());
        assert_eq!([(); 2].map(|()| pool.admit()), [true, false]);
    }

    #[test]
    fn an_endpoint_has_as_many_threads_as_it_asks_for_and_one_that_ends_leaves_room_for_one() {
        let mut state = State::default();
        let begin = |state: &mut State| [(); 3].map(|()| state.begin_turn(2));
        assert_eq!(begin(&mut state), [true, true, false]);
        assert!(!state.goes_on());
        assert_eq!(begin(&mut state), [true, false, false]);
    }
}
