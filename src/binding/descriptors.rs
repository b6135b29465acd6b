//! A UDP socket on its way from one process to another: its descriptor travels in a datagram of a Unix socket (SCM_RIGHTS).

use super::error::{CodedError, internal};
use napi_derive::napi;

#[cfg(unix)]
use unix::{Inbox, send};

#[cfg(not(unix))]
use elsewhere::{Inbox, send};

/// Where one descriptor is received, at a path of the file system.
#[napi]
pub struct DescriptorInbox {
    inbox: Inbox,
}

#[napi]
impl DescriptorInbox {
    /// Binds the path, which must be a new one. The caller removes it.
    #[napi(constructor, catch_unwind)]
    pub fn new(path: String) -> Result<DescriptorInbox, CodedError> {
        Inbox::bind(&path).map(|inbox| DescriptorInbox { inbox }).map_err(internal)
    }

    /// The descriptor that has come together with these bytes, whose owner is the caller; null when none has. Others are closed.
    #[napi(catch_unwind)]
    pub fn receive(&self, token: &[u8]) -> Option<i32> {
        self.inbox.receive(token)
    }

    /// Sends a descriptor to the inbox at a path, with these bytes. It stays open here.
    #[napi(catch_unwind)]
    pub fn send(path: String, token: &[u8], descriptor: i32) -> Result<(), CodedError> {
        send(&path, token, descriptor).map_err(internal)
    }
}

#[cfg(unix)]
mod unix {
    use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
    use nix::unistd::close;
    use std::io::{self, IoSlice, IoSliceMut};
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixDatagram;

    /// Bytes that are read of a datagram: one more than a token has.
    const ROOM: usize = 64;

    /// No program that we start inherits the socket.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const FLAGS: MsgFlags = MsgFlags::MSG_CMSG_CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const FLAGS: MsgFlags = MsgFlags::empty();

    pub(super) struct Inbox(UnixDatagram);

    impl Inbox {
        pub(super) fn bind(path: &str) -> io::Result<Inbox> {
            let socket = UnixDatagram::bind(path)?;
            socket.set_nonblocking(true)?;
            Ok(Inbox(socket))
        }

        pub(super) fn receive(&self, token: &[u8]) -> Option<RawFd> {
            while let Ok((is_ours, descriptors)) = self.next(token) {
                let mut descriptors = descriptors.into_iter();
                let wanted = if is_ours { descriptors.next() } else { None };
                descriptors.for_each(drop_descriptor);
                if wanted.is_some() {
                    return wanted;
                }
            }
            None
        }

        /// Whether the next datagram has these bytes, and the descriptors in it.
        fn next(&self, token: &[u8]) -> nix::Result<(bool, Vec<RawFd>)> {
            let mut bytes = [0; ROOM];
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let mut space = nix::cmsg_space!([RawFd; 4]);
            let message = recvmsg::<UnixAddr>(self.0.as_raw_fd(), &mut parts, Some(&mut space), FLAGS)?;
            let mut descriptors = Vec::new();
            for control in message.cmsgs()? {
                if let ControlMessageOwned::ScmRights(received) = control {
                    descriptors.extend(received);
                }
            }
            let length = message.bytes;
            Ok((bytes.get(..length) == Some(token), descriptors))
        }
    }

    /// Nobody else has it, and if it cannot be closed there is nothing left to do.
    fn drop_descriptor(descriptor: RawFd) {
        let _ = close(descriptor);
    }

    pub(super) fn send(path: &str, token: &[u8], descriptor: RawFd) -> nix::Result<()> {
        let socket = UnixDatagram::unbound().map_err(|_| nix::errno::Errno::EMFILE)?;
        let to = UnixAddr::new(path)?;
        let rights = [descriptor];
        let control = [ControlMessage::ScmRights(&rights)];
        sendmsg(socket.as_raw_fd(), &[IoSlice::new(token)], &control, MsgFlags::empty(), Some(&to)).map(drop)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::io::Read;
        use std::net::UdpSocket;
        use std::os::unix::net::UnixStream;
        use std::time::Duration;

        /// An inbox of this test, and its path, which is gone again.
        fn with_inbox(name: &str, act: impl FnOnce(&Inbox, &str)) {
            let path = std::env::temp_dir().join(format!("mbed-dtls-{name}-{}", std::process::id()));
            let path = path.to_str().unwrap();
            act(&Inbox::bind(path).unwrap(), path);
            std::fs::remove_file(path).unwrap();
        }

        /// A descriptor, and the other end of what it is of, which ends when nobody has the first one any more.
        fn stream() -> (UnixStream, UnixStream) {
            let (one, other) = UnixStream::pair().unwrap();
            other.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            (one, other)
        }

        fn has_ended(mut other: &UnixStream) -> bool {
            matches!(other.read(&mut [0]), Ok(0))
        }

        #[test]
        fn what_has_another_token_is_closed() {
            with_inbox("others", |inbox, path| {
                let (one, other) = stream();
                send(path, b"another", one.as_raw_fd()).unwrap();
                drop(one);
                assert!(!has_ended(&other));
                assert_eq!(inbox.receive(b"token"), None);
                assert!(has_ended(&other));
            });
        }

        #[test]
        fn the_first_of_several_is_taken_and_the_others_are_closed() {
            with_inbox("several", |inbox, path| {
                let (first, first_end) = stream();
                let (second, second_end) = stream();
                let rights = [first.as_raw_fd(), second.as_raw_fd()];
                let socket = UnixDatagram::unbound().unwrap();
                let to = UnixAddr::new(path).unwrap();
                let send_all = |bytes: &[u8], control: &[ControlMessage<'_>]| {
                    let flags = MsgFlags::empty();
                    sendmsg(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, Some(&to)).unwrap();
                };
                // The right token without any descriptor comes before it.
                send_all(b"token", &[]);
                send_all(b"token", &[ControlMessage::ScmRights(&rights)]);
                drop((first, second));
                let taken = inbox.receive(b"token").unwrap();
                assert!(has_ended(&second_end) && !has_ended(&first_end));
                drop_descriptor(taken);
                assert!(has_ended(&first_end));
            });
        }

        #[test]
        fn a_descriptor_arrives_with_its_token_and_with_no_other() {
            let path = std::env::temp_dir().join(format!("mbed-dtls-inbox-{}", std::process::id()));
            let path = path.to_str().unwrap();
            let inbox = Inbox::bind(path).unwrap();
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            assert_eq!(inbox.receive(b"token"), None);
            send(path, b"another", udp.as_raw_fd()).unwrap();
            send(path, b"token and more", udp.as_raw_fd()).unwrap();
            assert_eq!(inbox.receive(b"token"), None);
            send(path, b"token", udp.as_raw_fd()).unwrap();
            let received = inbox.receive(b"token").unwrap();
            assert_ne!(received, udp.as_raw_fd());
            drop_descriptor(received);
            assert!(send("/nowhere/at all", b"token", udp.as_raw_fd()).is_err());
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    /// Nothing: this system passes no descriptors on.
    pub(super) enum Inbox {}

    impl Inbox {
        pub(super) fn bind(_: &str) -> io::Result<Inbox> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn receive(&self, _: &[u8]) -> Option<i32> {
            match *self {}
        }
    }

    pub(super) fn send(_: &str, _: &[u8], _: i32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
