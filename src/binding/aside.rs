//! A server's socket that is bound to all addresses of the machine has to answer from the one that was asked (RFC 1122 section
//! 4.1.3.5, RFC 3542 section 6.2).
//!
//! The system tells which it was, but Node does not ask, and the first datagram of each poll is read by Node. So a second
//! socket stands beside Node's, for the same addresses and port. The system gives Node's socket what was sent to one
//! address of each family, which is then known without a question, and all the rest to the second socket, which is read
//! here. Node's way is the faster one, for no thread has to wait there: it is for the addresses that are asked most.

#[cfg(target_os = "linux")]
pub(super) use linux::Aside;

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Aside;

#[cfg(target_os = "linux")]
mod linux {
    use crate::binding::pktinfo;
    use crate::binding::waker::Wake;
    use crate::binding::watch::Watch;
    use nix::libc::{
        BPF_ABS, BPF_ALU, BPF_B, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_RSH, BPF_W, SKF_NET_OFF, sock_filter,
        sock_fprog,
    };
    use nix::sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, getsockname, getsockopt, setsockopt, socket, sockopt,
    };
    use std::io;
    use std::net::{IpAddr, SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;

    /// So many datagrams in a row, none of which was for the address at Node's socket, make their address the one there.
    const PATIENCE: u32 = 64;

    /// Places in the group, in the order in which the sockets joined it.
    const NODES: u32 = 0;
    const OURS: u32 = 1;

    /// Offsets of the destination in the two headers, and of the version, in bytes.
    const IPV4_DESTINATION: u32 = 16;
    const IPV6_DESTINATION: u32 = 24;
    const IP_VERSION: u32 = 0;

    /// The socket beside Node's.
    pub(in crate::binding) struct Aside {
        watch: Watch,
        is_ipv6: bool,
        at_node: AtNode,
        /// Datagrams of IPv4, and of IPv6, that have come here since one of that family came to Node's socket.
        in_a_row: [u32; 2],
    }

    /// The addresses whose datagrams Node's socket gets.
    #[derive(Clone, Copy, Default)]
    struct AtNode {
        /// Of IPv4, and of IPv6.
        addresses: [Option<IpAddr>; 2],
    }

    impl Aside {
        /// Beside a socket that Node polls, and that is bound. `wake` is called when a datagram has come here.
        pub(in crate::binding) fn new(nodes: &UdpSocket, is_ipv6: bool, wake: Wake) -> io::Result<Aside> {
            setsockopt(nodes, sockopt::ReusePort, &true)?;
            let ours = bind_beside(nodes, is_ipv6).and_then(|ours| Watch::new(ours, wake));
            let aside = ours
                .map(|watch| Aside { watch, is_ipv6, at_node: AtNode::default(), in_a_row: [0; 2] })
                .and_then(|aside| {
                    aside.steer(aside.at_node)?;
                    Ok(aside)
                });
            if aside.is_err() {
                setsockopt(nodes, sockopt::ReusePort, &false)?;
            }
            aside
        }

        /// The address that a datagram was sent to which Node's socket got.
        pub(in crate::binding) fn asked_at_node(&mut self, remote: SocketAddr) -> Option<IpAddr> {
            let family = usize::from(remote.is_ipv6());
            self.in_a_row[family] = 0;
            self.at_node.addresses[family]
        }

        /// Whether datagrams have come here.
        pub(in crate::binding) fn can_be_read(&self) -> bool {
            self.watch.can_be_read()
        }

        /// A datagram that has come here, if there is one: its length, its sender, and the address that it was sent to.
        pub(in crate::binding) fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr, Option<IpAddr>)> {
            let received = pktinfo::receive(&self.watch.socket, buffer);
            match received {
                Some((_, _, Some(asked))) => self.note(asked),
                Some(_) => {}
                None => self.watch.go_on(),
            }
            received
        }

        fn note(&mut self, asked: IpAddr) {
            let family = usize::from(asked.is_ipv6());
            self.in_a_row[family] += 1;
            if self.at_node.addresses[family].is_some() && self.in_a_row[family] < PATIENCE {
                return;
            }
            self.in_a_row[family] = 0;
            let mut at_node = self.at_node;
            at_node.addresses[family] = Some(asked);
            // Otherwise everything goes on as before.
            if self.steer(at_node).is_ok() {
                self.at_node = at_node;
            }
        }

        /// Tells the system which socket of the two gets a datagram.
        fn steer(&self, at_node: AtNode) -> io::Result<()> {
            let mut program = at_node.program(self.is_ipv6);
            let length = u16::try_from(program.len()).map_err(io::Error::other)?;
            let program = sock_fprog { len: length, filter: program.as_mut_ptr() };
            Ok(setsockopt(&self.watch.socket, sockopt::AttachReusePortCbpf, &program)?)
        }
    }

    /// A socket for the same addresses and port, with as much room.
    fn bind_beside(nodes: &UdpSocket, is_ipv6: bool) -> io::Result<UdpSocket> {
        let family = if is_ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let ours = UdpSocket::from(socket(
            family,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )?);
        if is_ipv6 {
            setsockopt(&ours, sockopt::Ipv6V6Only, &getsockopt(nodes, sockopt::Ipv6V6Only)?)?;
        }
        // The system counts its own needs as well, and doubles what it is asked for.
        setsockopt(&ours, sockopt::RcvBuf, &(getsockopt(nodes, sockopt::RcvBuf)? / 2))?;
        pktinfo::ask(&ours, is_ipv6)?;
        setsockopt(&ours, sockopt::ReusePort, &true)?;
        bind(ours.as_raw_fd(), &getsockname::<SockaddrStorage>(nodes.as_raw_fd())?)?;
        Ok(ours)
    }

    impl AtNode {
        /// A program of classic BPF that answers with the place of the socket that gets the datagram.
        fn program(&self, is_ipv6: bool) -> Vec<sock_filter> {
            let [v4, v6] = self.addresses.map(|address| address.map_or_else(Vec::new, words));
            let of_v4 = only(IPV4_DESTINATION, &v4);
            if !is_ipv6 {
                return of_v4;
            }
            let of_v6 = only(IPV6_DESTINATION, &v6);
            let version = [
                load(BPF_B, IP_VERSION),
                statement(BPF_ALU | BPF_RSH | BPF_K, 4),
                sock_filter { jf: of_v4.len() as u8, ..statement(BPF_JMP | BPF_JEQ | BPF_K, 4) },
            ];
            [&version[..], &of_v4, &of_v6].concat()
        }
    }

    fn words(address: IpAddr) -> Vec<u32> {
        match address {
            IpAddr::V4(v4) => vec![v4.into()],
            IpAddr::V6(v6) => (0..4).rev().map(|word| (u128::from(v6) >> (32 * word)) as u32).collect(),
        }
    }

    /// For Node's socket if the destination has these words; without any, nothing is.
    fn only(destination: u32, words: &[u32]) -> Vec<sock_filter> {
        let compare = |(index, &word): (usize, &u32)| {
            [
                load(BPF_W, destination + 4 * index as u32),
                sock_filter { jt: 1, ..statement(BPF_JMP | BPF_JEQ | BPF_K, word) },
                answer(OURS),
            ]
        };
        let place = if words.is_empty() { OURS } else { NODES };
        words.iter().enumerate().flat_map(compare).chain([answer(place)]).collect()
    }

    fn load(size: u32, offset: u32) -> sock_filter {
        statement(BPF_LD | size | BPF_ABS, (SKF_NET_OFF as u32).wrapping_add(offset))
    }

    fn answer(place: u32) -> sock_filter {
        statement(BPF_RET | BPF_K, place)
    }

    fn statement(code: u32, k: u32) -> sock_filter {
        sock_filter { code: code as u16, jt: 0, jf: 0, k }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::binding::proc::open_flags;
        use nix::libc::{O_CLOEXEC, O_NONBLOCK};

        /// Which socket gets a datagram with this header, as the system's machine would have it.
        fn place(program: &[sock_filter], header: &[u8]) -> u32 {
            let (mut accumulator, mut at) = (0, 0);
            loop {
                let sock_filter { code, jt, jf, k } = program[at];
                let offset = k.wrapping_sub(SKF_NET_OFF as u32) as usize;
                at += 1;
                match u32::from(code) {
                    code if code == BPF_LD | BPF_W | BPF_ABS => {
                        accumulator = u32::from_be_bytes(header[offset..offset + 4].try_into().unwrap());
                    }
                    code if code == BPF_LD | BPF_B | BPF_ABS => accumulator = header[offset].into(),
                    code if code == BPF_ALU | BPF_RSH | BPF_K => accumulator >>= k,
                    code if code == BPF_JMP | BPF_JEQ | BPF_K => {
                        at += usize::from(if accumulator == k { jt } else { jf });
                    }
                    code if code == BPF_RET | BPF_K => return k,
                    code => panic!("{code}"),
                }
            }
        }

        fn at_all_addresses(is_ipv6: bool) -> UdpSocket {
            UdpSocket::bind(if is_ipv6 { "[::]:0" } else { "0.0.0.0:0" }).unwrap()
        }

        #[test]
        fn the_socket_beside_nodes_has_its_address_its_room_and_its_options() {
            for is_ipv6 in [false, true] {
                let nodes = at_all_addresses(is_ipv6);
                setsockopt(&nodes, sockopt::RcvBuf, &50_000).unwrap();
                let aside = Aside::new(&nodes, is_ipv6, Box::new(|| ())).unwrap();
                let ours = &aside.watch.socket;
                assert_eq!(ours.local_addr().unwrap(), nodes.local_addr().unwrap());
                for socket in [&nodes, ours] {
                    assert_eq!(getsockopt(socket, sockopt::ReusePort), Ok(true));
                    assert_eq!(getsockopt(socket, sockopt::RcvBuf), Ok(100_000));
                }
                let wanted = O_CLOEXEC | O_NONBLOCK;
                assert_eq!(open_flags(ours.as_raw_fd()) & wanted, wanted);
            }
            let nodes = at_all_addresses(true);
            let v6_only = |socket: &UdpSocket| getsockopt(socket, sockopt::Ipv6V6Only).unwrap();
            assert!(!v6_only(&Aside::new(&nodes, true, Box::new(|| ())).unwrap().watch.socket));
        }

        #[test]
        fn a_socket_that_takes_ipv6_alone_has_such_a_one_beside_it() {
            let nodes = socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::empty(), None).unwrap();
            setsockopt(&nodes, sockopt::Ipv6V6Only, &true).unwrap();
            let nodes = UdpSocket::from(nodes);
            bind(nodes.as_raw_fd(), &SockaddrStorage::from("[::]:0".parse::<SocketAddr>().unwrap())).unwrap();
            let aside = Aside::new(&nodes, true, Box::new(|| ())).unwrap();
            assert_eq!(getsockopt(&aside.watch.socket, sockopt::Ipv6V6Only), Ok(true));
        }

        #[test]
        fn a_socket_that_none_can_stand_beside_is_as_it_was() {
            let nodes = at_all_addresses(false);
            assert!(Aside::new(&nodes, true, Box::new(|| ())).is_err());
            assert_eq!(getsockopt(&nodes, sockopt::ReusePort), Ok(false));
        }

        #[test]
        fn the_address_at_nodes_socket_is_the_first_one_and_then_the_one_that_is_asked_64_times_in_a_row() {
            let nodes = at_all_addresses(true);
            let mut aside = Aside::new(&nodes, true, Box::new(|| ())).unwrap();
            let [one, two, v6] = ["127.0.0.1", "127.0.0.2", "::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
            let peer = SocketAddr::new(one, 1);
            assert_eq!(aside.asked_at_node(peer), None);
            aside.note(one);
            assert_eq!((aside.asked_at_node(peer), aside.asked_at_node(SocketAddr::new(v6, 1))), (Some(one), None));
            for _ in 0..63 {
                aside.note(two);
            }
            // One that has come to Node's socket.
            assert_eq!(aside.asked_at_node(peer), Some(one));
            for _ in 0..63 {
                aside.note(two);
            }
            aside.note(v6);
            assert_eq!(aside.at_node.addresses, [Some(one), Some(v6)]);
            aside.note(two);
            assert_eq!(aside.at_node.addresses, [Some(two), Some(v6)]);
            for _ in 0..63 {
                aside.note(one);
            }
            assert_eq!(aside.at_node.addresses, [Some(two), Some(v6)]);
            aside.note(one);
            assert_eq!(aside.at_node.addresses, [Some(one), Some(v6)]);
        }

        #[test]
        fn an_address_that_the_system_does_not_learn_is_not_the_one_at_nodes_socket() {
            let nodes = at_all_addresses(false);
            let mut aside = Aside::new(&nodes, false, Box::new(|| ())).unwrap();
            // A socket of another group takes no program.
            aside.watch.socket = at_all_addresses(false);
            aside.note("127.0.0.1".parse().unwrap());
            assert_eq!(aside.at_node.addresses, [None, None]);
        }

        fn header(destination: IpAddr) -> Vec<u8> {
            match destination {
                IpAddr::V4(v4) => [&[0x45; 16][..], &v4.octets()].concat(),
                IpAddr::V6(v6) => [&[0x60; 24][..], &v6.octets()].concat(),
            }
        }

        #[test]
        fn node_gets_what_is_sent_to_its_address_of_each_family_and_nothing_else() {
            let addresses =
                ["192.0.2.1", "192.0.2.2", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:7", "2001:db8:1:2:3:5:5:6"];
            let addresses = addresses.map(|text| text.parse::<IpAddr>().unwrap());
            let [v4, _, v6, ..] = addresses;
            for (at_node, is_ipv6, nodes) in [
                ([Some(v4), None], false, vec![v4]),
                ([None, None], false, vec![]),
                ([Some(v4), Some(v6)], true, vec![v4, v6]),
                ([Some(v4), None], true, vec![v4]),
                ([None, Some(v6)], true, vec![v6]),
                ([None, None], true, vec![]),
            ] {
                let program = AtNode { addresses: at_node }.program(is_ipv6);
                for address in addresses.into_iter().filter(|address| is_ipv6 || address.is_ipv4()) {
                    let expected = if nodes.contains(&address) { NODES } else { OURS };
                    assert_eq!(place(&program, &header(address)), expected, "{at_node:?}, {is_ipv6}: {address}");
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::net::{IpAddr, SocketAddr};

    /// Nothing: no other system gives each datagram to one of two sockets by its destination.
    pub(in crate::binding) enum Aside {}

    impl Aside {
        pub(in crate::binding) fn asked_at_node(&mut self, _: SocketAddr) -> Option<IpAddr> {
            match *self {}
        }

        pub(in crate::binding) fn can_be_read(&self) -> bool {
            match *self {}
        }

        pub(in crate::binding) fn receive(&mut self, _: &mut [u8]) -> Option<(usize, SocketAddr, Option<IpAddr>)> {
            match *self {}
        }
    }
}
