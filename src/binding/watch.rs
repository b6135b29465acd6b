//! Sockets that Node does not poll: one thread of the process waits until there is something to read, and has JavaScript
//! called.

use super::waker::{Wake, lock};
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
    wake: Wake,
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
    /// `wake` is called when there is something to read, by another thread.
    pub(super) fn new(socket: UdpSocket, wake: Wake) -> io::Result<Watch> {
        let mut watchers = lock(&WATCHERS);
        let watchers = match &mut *watchers {
            Some(watchers) => watchers,
            none => none.insert(Watchers::new()?),
        };
        watchers.start_thread()?;
        watchers.last_key += 1;
        let key = watchers.last_key;
        let can_be_read = Arc::new(AtomicBool::new(false));
        let watcher = Watcher { wake, can_be_read: Arc::clone(&can_be_read) };
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
            thread::Builder::new()
                .name("mbed-dtls udp".to_owned())
                .spawn(move || watch(&WATCHERS, &epoll, PATIENCE))?;
            self.has_thread = true;
        }
        Ok(())
    }
}

/// The thread, which ends when nobody needs it any more.
fn watch(all: &Mutex<Option<Watchers>>, epoll: &Epoll, patience: u16) {
    let mut events = [EpollEvent::empty(); 16];
    loop {
        // A wait that is interrupted is one in which nothing has come.
        let count = epoll.wait(&mut events, EpollTimeout::from(patience)).unwrap_or(0);
        let Some(watchers) = &mut *lock(all) else {
            return;
        };
        if count == 0 && watchers.by_key.is_empty() {
            watchers.has_thread = false;
            return;
        }
        for event in events.iter().take(count) {
            if let Some(watcher) = watchers.by_key.get(&event.data()) {
                watcher.can_be_read.store(true, Ordering::Release);
                (watcher.wake)();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::proc::threads;
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, Instant};

    fn sockets() -> (UdpSocket, UdpSocket) {
        let [own, peer] = [0; 2].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
        own.set_nonblocking(true).unwrap();
        peer.connect(own.local_addr().unwrap()).unwrap();
        (own, peer)
    }

    /// Waits until it is so, for a few seconds.
    fn comes_true(is_so: impl Fn() -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        while !is_so() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        is_so()
    }

    /// What counts its calls.
    fn counting() -> (Wake, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let wake = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        (Box::new(wake), calls)
    }

    #[test]
    fn a_socket_is_reported_once_until_it_has_been_read() {
        let (own, peer) = sockets();
        let (silent, _quiet) = sockets();
        let (wake, calls) = counting();
        let silent = Watch::new(silent, Box::new(|| panic!("nothing has come"))).unwrap();
        let watch = Watch::new(own, wake).unwrap();
        let calls = || calls.load(Ordering::Relaxed);
        assert!(!watch.can_be_read());
        peer.send(b"one").unwrap();
        assert!(comes_true(|| watch.can_be_read() && calls() == 1));
        peer.send(b"two").unwrap();
        thread::sleep(Duration::from_millis(20));
        assert_eq!(calls(), 1);
        watch.go_on();
        // Both are still there, and so they are reported again.
        assert!(comes_true(|| watch.can_be_read() && calls() == 2));
        let mut buffer = [0; 10];
        while watch.socket.recv(&mut buffer).is_ok() {}
        watch.go_on();
        thread::sleep(Duration::from_millis(20));
        assert_eq!((watch.can_be_read(), calls()), (false, 2));
        peer.send(b"three").unwrap();
        assert!(comes_true(|| watch.can_be_read() && calls() == 3));
        assert!(!silent.can_be_read());
        assert_eq!(threads("mbed-dtls udp"), 1);
    }

    #[test]
    fn a_socket_that_is_gone_is_watched_no_more() {
        let (own, _peer) = sockets();
        let watch = Watch::new(own, Box::new(|| ())).unwrap();
        let key = watch.key;
        let is_watched = || lock(&WATCHERS).as_ref().unwrap().by_key.contains_key(&key);
        assert!(is_watched());
        drop(watch);
        assert!(!is_watched());
    }

    #[test]
    fn the_thread_ends_when_nobody_needs_it_any_more() {
        let all: &'static Mutex<Option<Watchers>> = Box::leak(Box::new(Mutex::new(Some(Watchers::new().unwrap()))));
        let epoll = {
            let watchers = &mut *lock(all);
            let watchers = watchers.as_mut().unwrap();
            assert!(!watchers.has_thread);
            watchers.has_thread = true;
            let can_be_read = Arc::new(AtomicBool::new(false));
            watchers.by_key.insert(7, Watcher { wake: Box::new(|| ()), can_be_read });
            Arc::clone(&watchers.epoll)
        };
        let waits = {
            let epoll = Arc::clone(&epoll);
            thread::spawn(move || watch(all, &epoll, 1))
        };
        thread::sleep(Duration::from_millis(30));
        assert!(!waits.is_finished());
        let (own, peer) = sockets();
        epoll.add(&own, EpollEvent::new(EpollFlags::EPOLLIN, 7)).unwrap();
        peer.send(b"one").unwrap();
        let can_be_read = Arc::clone(&lock(all).as_ref().unwrap().by_key[&7].can_be_read);
        assert!(comes_true(|| can_be_read.load(Ordering::Acquire)));
        // As long as something comes, it goes on.
        lock(all).as_mut().unwrap().by_key.clear();
        thread::sleep(Duration::from_millis(30));
        assert!(!waits.is_finished());
        own.recv(&mut [0; 10]).unwrap();
        assert!(comes_true(|| waits.is_finished()));
        assert!(!lock(all).as_ref().unwrap().has_thread);
        *lock(all) = None;
        watch(all, &epoll, 1);
    }
}
