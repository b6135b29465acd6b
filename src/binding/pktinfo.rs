//! Which of our addresses a datagram was sent to, and which it is sent from: `IP_PKTINFO` and `IPV6_PKTINFO` (RFC 3542
//! section 6).

use crate::proto::Route;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, cmsg_space, recvmsg, sendmsg, setsockopt, sockopt,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Room for what the system says about a datagram.
const CONTROL_LENGTH: usize = cmsg_space::<in6_pktinfo>();

/// Has the system say it with every datagram. A socket of IPv6 says it of IPv4 in the same form.
pub(super) fn ask(socket: &UdpSocket, is_ipv6: bool) -> io::Result<()> {
    let asked = if is_ipv6 {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)
    } else {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true)
    };
    Ok(asked?)
}

/// A datagram that has arrived, if there is one: its length, its sender as the socket writes it, and whom it was for.
pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr, Option<IpAddr>)> {
    let mut control = [0; CONTROL_LENGTH];
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags).ok()?;
    let local = message.cmsgs().ok()?.find_map(told);
    let from = message.address?;
    let from = match (from.as_sockaddr_in(), from.as_sockaddr_in6()) {
        (Some(v4), _) => SocketAddr::V4((*v4).into()),
        (_, Some(v6)) => SocketAddr::V6((*v6).into()),
        _ => return None,
    };
    Some((message.bytes, from, local))
}

fn told(message: ControlMessageOwned) -> Option<IpAddr> {
    let ip = match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr))),
        ControlMessageOwned::Ipv6PacketInfo(info) => IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)).to_canonical(),
        _ => return None,
    };
    // What goes to many is answered from whichever address the system chooses.
    let is_of_one = !ip.is_multicast() && ip != IpAddr::V4(Ipv4Addr::BROADCAST);
    is_of_one.then_some(ip)
}

/// Sends a datagram from this address of ours. `remote` is in the form of the socket.
pub(super) fn send(
    socket: &UdpSocket,
    is_ipv6: bool,
    local: IpAddr,
    remote: SocketAddr,
    datagram: &[u8],
) -> io::Result<()> {
    let parts = [IoSlice::new(datagram)];
    let (descriptor, remote, flags) = (socket.as_raw_fd(), SockaddrStorage::from(remote), MsgFlags::empty());
    match local {
        IpAddr::V4(ip) if !is_ipv6 => {
            let nowhere = in_addr { s_addr: 0 };
            let from = in_addr { s_addr: u32::from(ip).to_be() };
            let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: from, ipi_addr: nowhere };
            sendmsg(descriptor, &parts, &[ControlMessage::Ipv4PacketInfo(&info)], flags, Some(&remote))?;
        }
        ip => {
            let from = match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            let info = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: from.octets() }, ipi6_ifindex: 0 };
            sendmsg(descriptor, &parts, &[ControlMessage::Ipv6PacketInfo(&info)], flags, Some(&remote))?;
        }
    }
    Ok(())
}

/// Whether the system would choose this address of ours by itself.
pub(super) fn is_systems_choice(route: Route) -> bool {
    let any: IpAddr = if route.remote.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let chosen = UdpSocket::bind((any, 0)).and_then(|probe| {
        probe.connect(route.remote)?;
        probe.local_addr()
    });
    chosen.is_ok_and(|chosen| Some(chosen.ip()) == route.local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::getsockopt;
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn socket(address: &str) -> (UdpSocket, u16) {
        let socket = UdpSocket::bind((ip(address), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let port = socket.local_addr().unwrap().port();
        (socket, port)
    }

    #[test]
    fn a_datagram_says_whom_it_was_for() {
        for (bound, is_ipv6, from, to, told) in [
            ("0.0.0.0", false, "127.0.0.1", "127.0.0.2", "127.0.0.2"),
            ("0.0.0.0", false, "127.0.0.3", "127.0.0.1", "127.0.0.1"),
            ("::", true, "::1", "::1", "::1"),
            ("::", true, "127.0.0.1", "127.0.0.2", "127.0.0.2"),
        ] {
            let (own, port) = socket(bound);
            ask(&own, is_ipv6).unwrap();
            let mut buffer = [0; 100];
            assert_eq!(receive(&own, &mut buffer), None);
            let (peer, peer_port) = socket(from);
            peer.send_to(b"datagram", (ip(to), port)).unwrap();
            let (length, remote, local) = receive(&own, &mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"datagram");
            let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
            assert_eq!((remote, local), (SocketAddr::new(ip(from), peer_port), Some(ip(told))));
        }
    }

    #[test]
    fn a_socket_says_it_once_it_has_been_asked() {
        let (v4, _) = socket("127.0.0.1");
        let (v6, _) = socket("::1");
        let say = || (getsockopt(&v4, sockopt::Ipv4PacketInfo), getsockopt(&v6, sockopt::Ipv6RecvPacketInfo));
        assert_eq!(say(), (Ok(false), Ok(false)));
        ask(&v4, false).unwrap();
        ask(&v6, true).unwrap();
        assert_eq!(say(), (Ok(true), Ok(true)));
        assert!(ask(&v4, true).is_err());
    }

    #[test]
    fn what_goes_to_many_was_for_no_address_of_ours() {
        let v4 = |text: &str| {
            let Ok(IpAddr::V4(ip)) = text.parse() else { panic!("{text}") };
            let address = in_addr { s_addr: u32::from(ip).to_be() };
            let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: in_addr { s_addr: 0 } };
            told(ControlMessageOwned::Ipv4PacketInfo(info))
        };
        let v6 = |text: &str| {
            let Ok(IpAddr::V6(ip)) = text.parse() else { panic!("{text}") };
            let info = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
            told(ControlMessageOwned::Ipv6PacketInfo(info))
        };
        assert_eq!(v4("192.0.2.1"), Some(ip("192.0.2.1")));
        assert_eq!(v6("2001:db8::1"), Some(ip("2001:db8::1")));
        assert_eq!(v6("::ffff:192.0.2.1"), Some(ip("192.0.2.1")));
        assert_eq!([v4("224.0.1.187"), v4("255.255.255.255"), v6("ff02::fd")], [None; 3]);
        assert_eq!(told(ControlMessageOwned::ScmRights(Vec::new())), None);
    }

    #[test]
    fn a_datagram_leaves_from_the_address_that_is_named() {
        for (bound, is_ipv6, from, to, mapped) in [
            ("0.0.0.0", false, "127.0.0.5", "127.0.0.1", "127.0.0.1"),
            ("::", true, "127.0.0.5", "127.0.0.1", "::ffff:127.0.0.1"),
            ("::", true, "::1", "::1", "::1"),
        ] {
            let (own, port) = socket(bound);
            let (peer, peer_port) = socket(to);
            send(&own, is_ipv6, ip(from), SocketAddr::new(ip(mapped), peer_port), b"datagram").unwrap();
            let mut buffer = [0; 100];
            let (length, remote) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], remote), (&b"datagram"[..], SocketAddr::new(ip(from), port)));
        }
        let (own, _) = socket("0.0.0.0");
        assert!(send(&own, false, ip("192.0.2.1"), "127.0.0.1:1".parse().unwrap(), b"datagram").is_err());
    }

    #[test]
    fn the_system_would_choose_the_address_that_is_on_its_way() {
        // A port that somebody else has is of no interest.
        let _taken = (UdpSocket::bind("0.0.0.0:1"), UdpSocket::bind("[::]:1"));
        for (remote, local, is_chosen) in [
            ("127.0.0.1:9", "127.0.0.1", true),
            ("127.0.0.1:9", "127.0.0.2", false),
            ("[::1]:9", "::1", true),
            ("[::1]:9", "2001:db8::1", false),
        ] {
            let route = Route { remote: remote.parse().unwrap(), local: Some(ip(local)) };
            assert_eq!(is_systems_choice(route), is_chosen, "{remote} {local}");
        }
        assert!(!is_systems_choice(SocketAddr::from(([127, 0, 0, 1], 9)).into()));
    }
}
