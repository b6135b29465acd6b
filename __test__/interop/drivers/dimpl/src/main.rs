//! A client or server of dimpl, of DTLS 1.2 or 1.3, as the matrix wants one: see ../../../matrix/drivers.js.

mod credentials;
mod endpoint;
mod given;

use std::collections::HashMap;
use std::io::BufRead;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use std::{env, io, process, thread};

use endpoint::{Endpoint, Heard};
use given::Given;

/// What says the version of dimpl.
const LOCKFILE: &str = include_str!("../Cargo.lock");
/// How long it waits when no timer runs.
const IDLE: Duration = Duration::from_secs(3600);

/// What wakes the program up.
enum Event {
    Datagram(Vec<u8>, SocketAddr),
    Line(String),
    /// The end of its standard input.
    End,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [role, port, values @ ..] = arguments.as_slice() else {
        println!("{}", version().unwrap_or("unknown"));
        return;
    };
    let port = port.parse().expect("a port");
    let given = Given::parse(role == "server", values);
    let outcome = match given.is_server {
        true => serve(port, &given),
        false => ask(port, &given),
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
        process::exit(1);
    }
}

fn version() -> Option<&'static str> {
    let (_, rest) = LOCKFILE.split_once("name = \"dimpl\"\nversion = \"")?;
    rest.split('"').next()
}

fn ask(port: u16, given: &Given) -> Result<(), String> {
    let socket = bind(0);
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let events = listen(&socket, true);
    let mut endpoint = Endpoint::new(given);
    // The epoch at the last `update`, of which the next one must differ.
    let mut update = Update::None;
    loop {
        for heard in endpoint.drain(|packet| send(&socket, packet, server))? {
            match heard {
                Heard::Connected => println!("connected"),
                Heard::Data(data) => print!("received {}", String::from_utf8_lossy(&data)),
                Heard::Goodbye => return Ok(()),
            }
        }
        update = update.step(endpoint.epoch());
        match next(&events, endpoint.deadline()) {
            Some(Event::Datagram(datagram, from)) if from == server => endpoint.receive(&datagram)?,
            Some(Event::Line(line)) if line == "update\n" => update = update.ask(endpoint.epoch()),
            Some(Event::Line(line)) => endpoint.send(line.as_bytes())?,
            Some(Event::End) => endpoint.close()?,
            Some(Event::Datagram(..)) | None => endpoint.pass_time()?,
        }
    }
}

/// dimpl replaces its keys by itself, behind every second record of the application's, so that the first `update` only waits for the
/// record that is next, and each other one for keys that differ from those of the one before.
enum Update {
    None,
    Wanted { since: u8 },
    Done { at: u8 },
}

impl Update {
    fn ask(self, epoch: u8) -> Self {
        match self {
            Self::Done { at } => Self::Wanted { since: at },
            _ => {
                println!("updating");
                Self::Done { at: epoch }
            }
        }
    }

    fn step(self, epoch: u8) -> Self {
        match self {
            Self::Wanted { since } if since != epoch => {
                println!("updating");
                Self::Done { at: epoch }
            }
            other => other,
        }
    }
}

fn serve(port: u16, given: &Given) -> Result<(), String> {
    let socket = bind(port);
    let events = listen(&socket, false);
    let mut connections: HashMap<SocketAddr, Endpoint> = HashMap::new();
    println!("listening");
    loop {
        let deadline = connections.values().map(Endpoint::deadline).min();
        let event = next(&events, deadline.unwrap_or_else(|| Instant::now() + IDLE));
        if let Some(Event::Datagram(datagram, from)) = event {
            let endpoint = connections.entry(from).or_insert_with(|| Endpoint::new(given));
            if let Err(error) = endpoint.receive(&datagram) {
                eprintln!("{error}");
                connections.remove(&from);
            }
        }
        connections.retain(|peer, endpoint| match attend(endpoint, given, &socket, *peer) {
            Ok(is_open) => is_open,
            Err(error) => {
                eprintln!("{error}");
                false
            }
        });
    }
}

/// Sends back what a connection has heard; whether it goes on.
fn attend(endpoint: &mut Endpoint, given: &Given, socket: &UdpSocket, peer: SocketAddr) -> Result<bool, String> {
    endpoint.pass_time()?;
    loop {
        let heard = endpoint.drain(|packet| send(socket, packet, peer))?;
        if heard.is_empty() {
            return Ok(true);
        }
        for one in heard {
            match one {
                Heard::Connected => println!("connected"),
                Heard::Data(data) => {
                    endpoint.send(&data)?;
                    if given.updates && endpoint.answers == 3 && endpoint.epoch() == endpoint::FIRST_EPOCH {
                        return Err("the keys have not been replaced".into());
                    }
                }
                Heard::Goodbye => return Ok(false),
            }
        }
    }
}

fn bind(port: u16) -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port")
}

fn send(socket: &UdpSocket, packet: &[u8], peer: SocketAddr) {
    // What does not arrive is repeated.
    let _ = socket.send_to(packet, peer);
}

/// All that comes, in the order in which it comes.
fn listen(socket: &UdpSocket, reads_lines: bool) -> Receiver<Event> {
    let (events, receiver) = channel();
    let socket = socket.try_clone().expect("a descriptor");
    let datagrams = events.clone();
    thread::spawn(move || hear_datagrams(&socket, &datagrams));
    if reads_lines {
        thread::spawn(move || hear_lines(&events));
    }
    receiver
}

fn hear_datagrams(socket: &UdpSocket, events: &Sender<Event>) {
    let mut buffer = [0; 0x1_0000];
    loop {
        // A peer that is gone makes an error of ICMP's.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if events.send(Event::Datagram(buffer[..length].to_vec(), from)).is_err() {
            return;
        }
    }
}

fn hear_lines(events: &Sender<Event>) {
    let mut input = io::stdin().lock();
    loop {
        let mut line = String::new();
        let event = match input.read_line(&mut line) {
            Ok(length) if length > 0 => Event::Line(line),
            _ => Event::End,
        };
        let is_over = matches!(event, Event::End);
        if events.send(event).is_err() || is_over {
            return;
        }
    }
}

/// The next event before the deadline.
fn next(events: &Receiver<Event>, deadline: Instant) -> Option<Event> {
    match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Event::End),
    }
}
