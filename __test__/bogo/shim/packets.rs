//! The runner's packets, and what it says between them, on a stream (`packet_adapter.go`).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// What the runner sends.
pub(crate) enum Input {
    Packet(Vec<u8>),
    /// So much time passes. [`Packets::acknowledge`] is due before whatever that leads to.
    Pass(Duration),
    /// The timer is expected to run for so much longer; `None`: it is expected not to run.
    Expect(Option<Duration>),
    /// The network, or the application, changes in the middle of a connection.
    Change,
    /// There is nothing more.
    End,
}

pub(crate) struct Packets(TcpStream);

impl Packets {
    pub(crate) fn connect(port: u16, is_ipv6: bool, shim_id: u64) -> io::Result<Packets> {
        let address = if is_ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let mut stream = TcpStream::connect(SocketAddr::new(address, port))?;
        stream.set_nodelay(true)?;
        stream.write_all(&shim_id.to_le_bytes())?;
        Ok(Packets(stream))
    }

    pub(crate) fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let length = u32::try_from(packet.len()).map_err(io::Error::other)?;
        self.0.write_all(&[b"P", &length.to_be_bytes()[..], packet].concat())
    }

    /// What was sent before belongs before the time that passes.
    pub(crate) fn acknowledge(&mut self) -> io::Result<()> {
        self.0.write_all(b"t")
    }

    pub(crate) fn receive(&mut self) -> io::Result<Input> {
        let mut opcode = [0];
        match self.0.read_exact(&mut opcode) {
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return Ok(Input::End);
            }
            read => read?,
        }
        Ok(match &opcode {
            b"P" => {
                let mut packet = vec![0; u32::from_be_bytes(self.take()?) as usize];
                self.0.read_exact(&mut packet)?;
                Input::Packet(packet)
            }
            b"T" => Input::Pass(Duration::from_nanos(u64::from_be_bytes(self.take()?))),
            b"E" => {
                let time = u64::from_be_bytes(self.take()?);
                Input::Expect((time != u64::MAX).then(|| Duration::from_nanos(time)))
            }
            b"M" | b"U" => {
                self.take::<4>()?;
                Input::Change
            }
            _ => return Err(io::Error::other(format!("the runner sends {}", opcode.escape_ascii()))),
        })
    }

    /// Hears the runner out: a stream that is closed with something unread in it takes back what was sent.
    pub(crate) fn drain(mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
        let _ = io::copy(&mut self.0, &mut io::sink());
    }

    fn take<const LENGTH: usize>(&mut self) -> io::Result<[u8; LENGTH]> {
        let mut bytes = [0; LENGTH];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
