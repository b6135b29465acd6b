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
