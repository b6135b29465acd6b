//! The UDP socket without the detour through `node:dgram`, where the system allows it: made here, handed to Node, which
//! polls and owns it, and kept as a second descriptor to receive and send on while Node's callback runs.
//!
//! Calls one by one: `recvmmsg` and `sendmmsg` measured no faster (docs/performance.md), and not every system has them.

use crate::proto::Route;

#[cfg(unix)]
pub(super) use unix::Udp;

#[cfg(not(unix))]
pub(super) use elsewhere::Udp;

/// How a socket takes its address.
#[derive(Clone, Copy)]
pub(super) struct Sharing {
    /// A socket at `::` leaves IPv4 alone.
    pub(super) ipv6_only: bool,
    /// Other processes of this user may have the same address. The system then gives each peer to one of them.
    pub(super) by_peer: bool,
}

/// The family of an open socket; `None` for what is none.
pub(super) fn family(descriptor: i32) -> Option<u8> {
    #[cfg(unix)]
    return unix::family(descriptor);
    #[cfg(not(unix))]
    return None;
}

/// Datagrams, end to end in one allocation that is used again and again.
#[derive(Default)]
pub(super) struct Datagrams {
    bytes: Vec<u8>,
    entries: Vec<(Route, usize)>,
}

impl Datagrams {
    pub(super) fn push(&mut self, route: Route, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.entries.push((route, self.bytes.len()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Route, &[u8])> {
        let starts = std::iter::once(0).chain(self.entries.iter().map(|&(_, end)| end));
        starts.zip(&self.entries).filter_map(|(start, &(route, end))| Some((route, self.bytes.get(start..end)?)))
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

#[cfg(unix)]
mod unix {
    use super::{Datagrams, Sharing};
    use crate::binding::aside::Aside;
    #[cfg(target_os = "linux")]
    use crate::binding::pktinfo;
    use crate::binding::waker::Wake;
    use crate::proto::Route;
    use nix::errno::Errno;
    use nix::sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind, getsockname, setsockopt, socket,
        sockopt,
    };
    use std::io;
    use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
    use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

    /// Our descriptor of a UDP socket.
    pub(in crate::binding) struct Udp {
        socket: UdpSocket,
        is_ipv6: bool,
        /// The system knows the one peer: some refuse to be told it again with every datagram.
        is_connected: bool,
        /// Others have the same address, and some peers.
        is_shared: bool,
        /// Where datagrams come whose address of ours has to be asked for.
        aside: Option<Aside>,
        /// Whether it is the turn of the socket aside.
        looks_aside: bool,
    }

    impl Udp {
        /// A socket at this address, and a descriptor of it for its new owner, who closes it.
        pub(in crate::binding) fn bind(local: SocketAddr, sharing: Sharing) -> io::Result<(Udp, i32)> {
            let ours = UdpSocket::from(unbound(local, sharing)?);
            bind(ours.as_raw_fd(), &SockaddrStorage::from(local))?;
            let theirs = ours.try_clone()?.into_raw_fd();
            let udp = Udp {
                socket: ours,
                is_ipv6: local.is_ipv6(),
                is_connected: false,
                is_shared: sharing.by_peer,
                aside: None,
                looks_aside: false,
            };
            Ok((udp, theirs))
        }

        /// Ours, which closes with this.
        pub(in crate::binding) fn descriptor(&self) -> i32 {
            self.socket.as_raw_fd()
        }

        /// Node has connected the socket to its peer.
        pub(in crate::binding) fn note_connected(&mut self) {
            self.is_connected = true;
        }

        /// From now on each datagram's route has the address of ours that it was sent to. False where the system does not tell.
        /// `wake` is called when datagrams have arrived where Node does not look.
        #[cfg(target_os = "linux")]
        pub(in crate::binding) fn tell_addresses_apart(&mut self, wake: Wake) -> bool {
            if !self.is_shared && !self.is_connected && self.aside.is_none() {
                self.aside = Aside::new(&self.socket, self.is_ipv6, wake).ok();
            }
            self.aside.is_some()
        }

        #[cfg(not(target_os = "linux"))]
        pub(in crate::binding) fn tell_addresses_apart(&mut self, _: Wake) -> bool {
            false
        }

        /// The route of a datagram that has come to Node's socket.
        pub(in crate::binding) fn route_at_node(&mut self, remote: SocketAddr) -> Route {
            Route { remote, local: self.aside.as_mut().and_then(|aside| aside.asked_at_node(remote)) }
        }

        /// A datagram that has arrived, if there is one. Errors are left for Node to meet.
        pub(in crate::binding) fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, Route)> {
            let Some(aside) = &self.aside else {
                return self.receive_at_node(buffer);
            };
            // By turns, so that neither socket can keep the other waiting.
            self.looks_aside = !self.looks_aside && aside.can_be_read();
            if self.looks_aside {
                self.receive_aside(buffer).or_else(|| self.receive_at_node(buffer))
            } else {
                self.receive_at_node(buffer).or_else(|| self.receive_aside(buffer))
            }
        }

        fn receive_at_node(&mut self, buffer: &mut [u8]) -> Option<(usize, Route)> {
            let (length, remote) = self.socket.recv_from(buffer).ok()?;
            Some((length, self.route_at_node(peer(remote))))
        }

        /// A datagram that has arrived where Node does not look.
        pub(in crate::binding) fn receive_aside(&mut self, buffer: &mut [u8]) -> Option<(usize, Route)> {
            let aside = self.aside.as_mut().filter(|aside| aside.can_be_read())?;
            let (length, remote, local) = aside.receive(buffer)?;
            Some((length, Route { remote: peer(remote), local }))
        }

        /// Takes what has arrived where Node does not look, to the last. What arrives from now on is for Node's socket, and for
        /// whoever has it next.
        pub(in crate::binding) fn leave_aside(&mut self, buffer: &mut [u8], mut hold: impl FnMut(Route, &[u8])) {
            let Some(mut aside) = self.aside.take() else { return };
            while let Some((length, remote, local)) = aside.receive(buffer) {
                hold(Route { remote: peer(remote), local }, buffer.get(..length).unwrap_or_default());
            }
        }

        /// False when the system does not take the datagram, now or at all.
        pub(in crate::binding) fn send(&self, route: Route, datagram: &[u8]) -> bool {
            loop {
                match self.send_once(route, datagram) {
                    Ok(()) => return true,
                    Err(error) if error.raw_os_error() == Some(Errno::EINTR as i32) => {}
                    Err(_) => return false,
                }
            }
        }

        fn send_once(&self, route: Route, datagram: &[u8]) -> io::Result<()> {
            if self.is_connected {
                return self.socket.send(datagram).map(drop);
            }
            let remote = match route.remote {
                SocketAddr::V4(v4) if self.is_ipv6 => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
                remote => remote,
            };
            #[cfg(target_os = "linux")]
            if let Some(local) = route.local {
                return pktinfo::send(&self.socket, self.is_ipv6, local, remote, datagram);
            }
            self.socket.send_to(datagram, remote).map(drop)
        }

        /// Whether Node, which names no address of ours, would send from the right one.
        #[cfg(target_os = "linux")]
        pub(in crate::binding) fn is_for_node(&self, route: Route) -> bool {
            route.local.is_none() || pktinfo::is_systems_choice(route)
        }

        #[cfg(not(target_os = "linux"))]
        pub(in crate::binding) fn is_for_node(&self, _: Route) -> bool {
            true
        }

        /// How many the system takes, from the first to the first that it does not.
        pub(in crate::binding) fn send_all(&self, datagrams: &Datagrams) -> usize {
            datagrams.iter().take_while(|&(route, datagram)| self.send(route, datagram)).count()
        }
    }

    fn unbound(local: SocketAddr, sharing: Sharing) -> io::Result<OwnedFd> {
        let family = if local.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let descriptor = uninherited(family)?;
        if sharing.ipv6_only {
            setsockopt(&descriptor, sockopt::Ipv6V6Only, &true)?;
        }
        if sharing.by_peer {
            share_by_peer(&descriptor)?;
        }
        Ok(descriptor)
    }

    /// A socket that does not block, and that no program inherits which we start: it would keep the port.
    #[cfg(not(target_vendor = "apple"))]
    fn uninherited(family: AddressFamily) -> io::Result<OwnedFd> {
        Ok(socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?)
    }

    /// A duplicate is not inherited, which has to do where a socket cannot be born so.
    #[cfg(target_vendor = "apple")]
    fn uninherited(family: AddressFamily) -> io::Result<OwnedFd> {
        let duplicate = socket(family, SockType::Datagram, SockFlag::empty(), None)?.try_clone()?;
        let socket = UdpSocket::from(duplicate);
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// Linux hashes both addresses, so that a peer stays with its process as long as none comes or goes.
    #[cfg(target_os = "linux")]
    fn share_by_peer(descriptor: &impl AsFd) -> io::Result<()> {
        Ok(setsockopt(descriptor, sockopt::ReusePort, &true)?)
    }

    /// Elsewhere one of the processes would get everything.
    #[cfg(not(target_os = "linux"))]
    fn share_by_peer(_: &impl AsFd) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn family(descriptor: i32) -> Option<u8> {
        match getsockname::<SockaddrStorage>(descriptor).ok()?.family()? {
            AddressFamily::Inet => Some(4),
            AddressFamily::Inet6 => Some(6),
            _ => None,
        }
    }

    /// The flow label is no part of who the peer is, and neither is the way in which a dual-stack socket writes IPv4.
    fn peer(remote: SocketAddr) -> SocketAddr {
        match (remote, remote.ip().to_canonical()) {
            (SocketAddr::V6(v6), IpAddr::V6(ip)) => SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into(),
            (_, ip) => SocketAddr::new(ip, remote.port()),
        }
    }

    #[cfg(test)]
    mod tests;
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{Datagrams, Sharing};
    use crate::binding::waker::Wake;
    use crate::proto::Route;
    use std::io;
    use std::net::SocketAddr;

    /// Nothing: Node takes no socket that it has not made.
    pub(in crate::binding) enum Udp {}

    impl Udp {
        pub(in crate::binding) fn bind(_: SocketAddr, _: Sharing) -> io::Result<(Udp, i32)> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in crate::binding) fn descriptor(&self) -> i32 {
            match *self {}
        }

        pub(in crate::binding) fn note_connected(&mut self) {
            match *self {}
        }

        pub(in crate::binding) fn tell_addresses_apart(&mut self, _: Wake) -> bool {
            match *self {}
        }

        pub(in crate::binding) fn route_at_node(&mut self, _: SocketAddr) -> Route {
            match *self {}
        }

        pub(in crate::binding) fn receive(&mut self, _: &mut [u8]) -> Option<(usize, Route)> {
            match *self {}
        }

        pub(in crate::binding) fn receive_aside(&mut self, _: &mut [u8]) -> Option<(usize, Route)> {
            match *self {}
        }

        pub(in crate::binding) fn leave_aside(&mut self, _: &mut [u8], _: impl FnMut(Route, &[u8])) {
            match *self {}
        }

        pub(in crate::binding) fn send(&self, _: Route, _: &[u8]) -> bool {
            match *self {}
        }

        pub(in crate::binding) fn is_for_node(&self, _: Route) -> bool {
            match *self {}
        }

        pub(in crate::binding) fn send_all(&self, _: &Datagrams) -> usize {
            match *self {}
        }
    }
}
