//! Our descriptor of a UDP socket, over loopback.

use super::*;
use nix::sys::socket::getsockopt;
use std::time::{Duration, Instant};

const ALONE: Sharing = Sharing { ipv6_only: false, by_peer: false };

fn udp(address: &str, sharing: Sharing) -> Udp {
    let (udp, descriptor) = Udp::bind(SocketAddr::new(address.parse().unwrap(), 0), sharing).unwrap();
    nix::unistd::close(descriptor).unwrap();
    udp
}

fn address_of(udp: &Udp) -> SocketAddr {
    udp.socket.local_addr().unwrap()
}

/// What has arrived, within a few seconds: the thread that watches the socket aside may need some.
fn arrived(udp: &mut Udp, mut receive: impl FnMut(&mut Udp, &mut [u8]) -> Option<(usize, Route)>) -> (Vec<u8>, Route) {
    let end = Instant::now() + Duration::from_secs(5);
    let mut buffer = [0; 2000];
    loop {
        if let Some((length, route)) = receive(udp, &mut buffer) {
            return (buffer[..length].to_vec(), route);
        }
        assert!(Instant::now() < end, "nothing has arrived");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_socket_has_what_it_was_bound_with() {
    for (address, sharing, is_v6_only) in [
        ("127.0.0.1", ALONE, None),
        ("127.0.0.1", Sharing { by_peer: true, ..ALONE }, None),
        ("::", ALONE, Some(false)),
        ("::", Sharing { ipv6_only: true, ..ALONE }, Some(true)),
    ] {
        let (udp, theirs) = Udp::bind(SocketAddr::new(address.parse().unwrap(), 0), sharing).unwrap();
        assert_eq!(getsockopt(&udp.socket, sockopt::ReusePort), Ok(sharing.by_peer));
        if let Some(is_v6_only) = is_v6_only {
            assert_eq!(getsockopt(&udp.socket, sockopt::Ipv6V6Only), Ok(is_v6_only));
        }
        assert_eq!((udp.is_ipv6, udp.is_shared, udp.is_connected), (is_v6_only.is_some(), sharing.by_peer, false));
        assert!(!udp.looks_aside && udp.aside.is_none());
        let family = if is_v6_only.is_some() { 6 } else { 4 };
        assert_eq!([super::family(udp.descriptor()), super::family(theirs)], [Some(family); 2]);
        assert_ne!(udp.descriptor(), theirs);
        let port = address_of(&udp).port();
        assert_ne!(port, 0);
        #[cfg(target_os = "linux")]
        {
            let wanted = nix::libc::O_CLOEXEC | nix::libc::O_NONBLOCK;
            assert_eq!(crate::binding::proc::open_flags(udp.descriptor()) & wanted, wanted);
        }
        nix::unistd::close(theirs).unwrap();
        assert_eq!(super::family(-1), None);
    }
    let pair = std::os::unix::net::UnixDatagram::unbound().unwrap();
    assert_eq!(super::family(pair.as_raw_fd()), None);
    assert!(Udp::bind("192.0.2.1:0".parse().unwrap(), ALONE).is_err());
}

#[test]
fn datagrams_come_and_go() {
    for (one, other, remote) in
        [("127.0.0.1", "127.0.0.1", "127.0.0.1"), ("::", "127.0.0.1", "127.0.0.1"), ("::1", "::1", "::1")]
    {
        let (mut one, mut other) = (udp(one, ALONE), udp(other, ALONE));
        let mut buffer = [0; 100];
        assert!(one.receive(&mut buffer).is_none());
        assert!(one.receive_aside(&mut buffer).is_none());
        let to = SocketAddr::new(remote.parse().unwrap(), address_of(&other).port());
        assert!(one.send(to.into(), b"datagram"));
        let (length, route) = other.receive(&mut buffer).unwrap();
        let from = SocketAddr::new(remote.parse().unwrap(), address_of(&one).port());
        assert_eq!((&buffer[..length], route), (&b"datagram"[..], from.into()));
        assert!(other.send(route, b"answer"));
        assert_eq!(one.receive(&mut buffer).unwrap(), (6, to.into()));
        assert!(one.is_for_node(to.into()));
        // The system does not take what is too long, and what goes nowhere.
        assert!(!one.send(to.into(), &[0; 65_536]));
        assert!(!one.send(SocketAddr::new(to.ip(), 0).into(), b"nowhere"));
    }
}

#[test]
fn several_datagrams_are_sent_up_to_the_first_that_the_system_does_not_take() {
    let (one, mut other) = (udp("127.0.0.1", ALONE), udp("127.0.0.1", ALONE));
    let to: Route = address_of(&other).into();
    let nowhere: Route = SocketAddr::from(([127, 0, 0, 1], 0)).into();
    let mut datagrams = Datagrams::default();
    assert_eq!(one.send_all(&datagrams), 0);
    for (route, datagram) in [(to, "one"), (to, ""), (to, "three"), (nowhere, "four"), (to, "five")] {
        datagrams.push(route, datagram.as_bytes());
    }
    assert!(datagrams.iter().map(|(_, datagram)| datagram).eq([&b"one"[..], b"", b"three", b"four", b"five"]));
    assert!(datagrams.iter().map(|(route, _)| route).eq([to, to, to, nowhere, to]));
    assert_eq!(one.send_all(&datagrams), 3);
    let mut buffer = [0; 100];
    let lengths: Vec<_> = std::iter::from_fn(|| other.receive(&mut buffer)).map(|(length, _)| length).collect();
    assert_eq!(lengths, [3, 0, 5]);
    datagrams.clear();
    assert_eq!((datagrams.iter().count(), datagrams.bytes.len()), (0, 0));
    datagrams.push(to, b"six");
    assert!(datagrams.iter().eq([(to, &b"six"[..])]));
}

#[test]
fn a_connected_socket_is_not_told_its_peer_again() {
    let (mut one, mut other) = (udp("127.0.0.1", ALONE), udp("127.0.0.1", ALONE));
    one.socket.connect(address_of(&other)).unwrap();
    one.note_connected();
    let elsewhere: Route = SocketAddr::from(([127, 0, 0, 1], 0)).into();
    assert!(one.send(elsewhere, b"datagram"));
    assert_eq!(other.receive(&mut [0; 100]).unwrap().0, 8);
    #[cfg(target_os = "linux")]
    assert!(!one.tell_addresses_apart(Box::new(|| ())));
}

#[test]
fn a_flow_label_is_no_part_of_a_peer() {
    let ip = "fe80::1".parse().unwrap();
    let labelled = SocketAddrV6::new(ip, 5684, 7, 3);
    assert_eq!(peer(labelled.into()), SocketAddrV6::new(ip, 5684, 0, 3).into());
    let mapped = "[::ffff:192.0.2.1]:5684".parse().unwrap();
    assert_eq!(peer(mapped), "192.0.2.1:5684".parse().unwrap());
}

/// A server's socket at all addresses, which knows the one that was asked.
#[cfg(target_os = "linux")]
mod at_all_addresses {
    use super::*;

    fn at(ip: &str, udp: &Udp) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), address_of(udp).port())
    }

    /// A peer that asks this address of ours.
    fn ask(udp: &Udp, ip: &str, message: &[u8]) -> UdpSocket {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        peer.send_to(message, at(ip, udp)).unwrap();
        peer
    }

    fn open(address: &str) -> Udp {
        let mut udp = udp(address, ALONE);
        assert!(udp.tell_addresses_apart(Box::new(|| ())));
        assert!(udp.tell_addresses_apart(Box::new(|| ())));
        udp
    }

    #[test]
    fn each_datagram_says_which_was_asked_and_its_answer_leaves_from_there() {
        for address in ["0.0.0.0", "::"] {
            let mut udp = open(address);
            // The first one makes its address the one at Node's socket.
            for asked in ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"] {
                let peer = ask(&udp, asked, b"question");
                let (question, route) = arrived(&mut udp, Udp::receive);
                assert_eq!(question, b"question");
                assert_eq!(route, Route { remote: peer.local_addr().unwrap(), local: asked.parse().ok() });
                assert!(udp.send(route, b"answer"));
                let mut buffer = [0; 10];
                assert_eq!(peer.recv_from(&mut buffer).unwrap(), (6, at(asked, &udp)));
                // Node names no address, and the system chooses 127.0.0.1.
                assert_eq!(udp.is_for_node(route), asked == "127.0.0.1");
            }
        }
    }

    #[test]
    fn neither_socket_keeps_the_other_waiting() {
        let mut udp = open("0.0.0.0");
        ask(&udp, "127.0.0.1", b"first");
        arrived(&mut udp, Udp::receive);
        let _peers = ["127.0.0.1", "127.0.0.2"].map(|asked| [b"1", b"2", b"3"].map(|number| ask(&udp, asked, number)));
        let end = Instant::now() + Duration::from_secs(5);
        while !udp.aside.as_ref().unwrap().can_be_read() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut buffer = [0; 10];
        let asked: Vec<_> =
            std::iter::from_fn(|| udp.receive(&mut buffer)).map(|(_, route)| route.local.unwrap()).collect();
        let last = |ip: &IpAddr| if let IpAddr::V4(v4) = ip { v4.octets()[3] } else { 0 };
        assert_eq!(asked.iter().map(last).collect::<Vec<_>>(), [1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn what_is_aside_can_be_taken_alone_and_to_the_last() {
        let mut udp = open("0.0.0.0");
        ask(&udp, "127.0.0.1", b"first");
        arrived(&mut udp, Udp::receive_aside);
        ask(&udp, "127.0.0.2", b"aside");
        ask(&udp, "127.0.0.1", b"at Node");
        assert_eq!(arrived(&mut udp, Udp::receive_aside).0, b"aside");
        for message in [b"one", b"two"] {
            ask(&udp, "127.0.0.2", message);
        }
        let mut held = Vec::new();
        udp.leave_aside(&mut [0; 100], |route, datagram| {
            held.push((route.local.unwrap().to_string(), datagram.to_vec()))
        });
        let expected = [b"one", b"two"].map(|message| ("127.0.0.2".to_owned(), message.to_vec()));
        assert_eq!(held, expected);
        ask(&udp, "127.0.0.2", b"to Node");
        let mut buffer = [0; 100];
        let rest: Vec<_> = std::iter::from_fn(|| udp.receive(&mut buffer)).collect();
        assert_eq!(rest.iter().map(|(length, route)| (*length, route.local)).collect::<Vec<_>>(), [(7, None); 2]);
        udp.leave_aside(&mut [0; 100], |_, _| panic!("there is nothing aside"));
    }

    #[test]
    fn a_socket_that_others_share_has_nothing_aside() {
        let mut udp = udp("0.0.0.0", Sharing { by_peer: true, ..ALONE });
        assert!(!udp.tell_addresses_apart(Box::new(|| ())));
    }
}
