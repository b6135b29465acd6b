//! Sockets that Node does not poll: one thread of the process waits until there is something to read, and has JavaScript
//! called.

use super::waker::{Waker, Wakes, lock};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Milliseconds for which the thread waits before it looks whether anybody still needs it.
const PATIENCE: u16 = 10_000;

/// A socket, and whether it can be read. Each is reported once, until somebody has read all that was there.
pub(super) struct Watch {
    pub(super) socket: UdpSocket,
    epoll: Arc<Epoll>,
    key: u64,
    can_be_read: Arc<AtomicBool>,
}

/// Whom a socket is watched for.
struct Watcher {
    wakes: Arc<Wakes>,
    number: u32,
    can_be_read: Arc<AtomicBool>,
}

struct Watchers {
    epoll: Arc<Epoll>,
    by_key: HashMap<u64, Watcher>,
    last_key: u64,
    has_thread: bool,
}

static WATCHERS: Mutex<Option<Watchers>> = Mutex::new(None);

const ONCE: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLONESHOT);

impl Watch {
    /// The waker calls for this number when there is something to read.
    pub(super) fn new(socket: UdpSocket, waker: &Waker, number: u32) -> io::Result<Watch> {
        let mut watchers = lock(&WATCHERS);
        let watchers = match &mut *watchers {
            Some(watchers) => watchers,
            none => none.insert(Watchers::new()?),
        };
        watchers.start_thread()?;
        watchers.last_key += 1;
        let key = watchers.last_key;
        let can_be_read = Arc::new(AtomicBool::new(false));
        let watcher = Watcher { wakes: waker.wakes(), number, can_be_read: Arc::clone(&can_be_read) };
        watchers.epoll.add(&socket, EpollEvent::new(ONCE, key))?;
        watchers.by_key.insert(key, watcher);
        Ok(Watch { socket, epoll: Arc::clone(&watchers.epoll), key, can_be_read })
    }

    /// Whether it has been reported, and not been read to the end since.
    pub(super) fn can_be_read(&self) -> bool {
        self.can_be_read.load(Ordering::Acquire)
    }

    /// Everything has been read: the next datagram is reported. One that has come meanwhile is, too.
    pub(super) fn go_on(&self) {
        self.can_be_read.store(false, Ordering::Release);
        // It is there, as long as we are.
        let _ = self.epoll.modify(&self.socket, &mut EpollEvent::new(ONCE, self.key));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.epoll.delete(&self.socket);
        if let Some(watchers) = &mut *lock(&WATCHERS) {
            watchers.by_key.remove(&self.key);
        }
    }
}

impl Watchers {
    fn new() -> io::Result<Watchers> {
        let epoll = Arc::new(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?);
        Ok(Watchers { epoll, by_key: HashMap::new(), last_key: 0, has_thread: false })
    }

    fn start_thread(&mut self) -> io::Result<()> {
        if !self.has_thread {
            let epoll = Arc::clone(&self.epoll);
            thread::Builder::new().name("mbed-dtls udp".to_owned()).spawn(move || watch(&epoll))?;
            self.has_thread = true;
        }
        Ok(())
    }
}

/// The thread, which ends when nobody needs it any more.
fn watch(epoll: &Epoll) {
    let mut events = [EpollEvent::empty(); 16];
    loop {
        let count = match epoll.wait(&mut events, EpollTimeout::from(PATIENCE)) {
            Err(Errno::EINTR) => continue,
            count => count.unwrap_or(0),
        };
        let Some(watchers) = &mut *lock(&WATCHERS) else {
            return;
        };
        if count == 0 && watchers.by_key.is_empty() {
            watchers.has_thread = false;
            return;
        }
        for event in events.iter().take(count) {
            if let Some(watcher) = watchers.by_key.get(&event.data()) {
                watcher.can_be_read.store(true, Ordering::Release);
                watcher.wakes.wake(watcher.number);
            }
        }
    }
}
