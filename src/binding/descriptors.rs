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
        use std::net::UdpSocket;

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
