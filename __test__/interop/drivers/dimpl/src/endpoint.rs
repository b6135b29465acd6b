//! One connection, client or server, without its socket.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, Output, PskResolver};

use crate::credentials;
use crate::given::{Given, Psk};

/// As patient as the matrix: dimpl's own five repetitions of a flight end before that.
const PATIENCE: Duration = Duration::from_secs(100);
const REPETITIONS: usize = 12;
/// RFC 9147 section 5.8.2 has a second, and less where the application allows it.
const FIRST_TIMEOUT: Duration = Duration::from_millis(400);
/// Records of the application's between two replacements of the keys. With one, an ACK would be as many as that, and the answer to
/// each replacement the next one.
const RECORDS_OF_A_KEY: u64 = 2;
/// The first two bits of a unified header's byte, and the epoch of the application's first keys (RFC 9147 section 4).
const UNIFIED: (u8, u8) = (0xe0, 0x20);
pub const FIRST_EPOCH: u8 = 3;

/// What a connection tells its user.
pub enum Heard {
    Connected,
    Data(Vec<u8>),
    Goodbye,
}

pub struct Endpoint {
    dtls: Dtls,
    given: Given,
    buffer: Vec<u8>,
    deadline: Instant,
    /// The last two bits of the epoch in which it has sent last.
    epoch: u8,
    /// How often it has sent what the application says.
    pub answers: usize,
}

impl Endpoint {
    pub fn new(given: &Given) -> Self {
        let now = Instant::now();
        let config = Arc::new(configure(given));
        let mut dtls = match (&given.psk, given.is_newer) {
            (Some(_), _) => Dtls::new_12_psk(config, now),
            (None, true) => Dtls::new_13(config, credentials::own(given), now),
            (None, false) => Dtls::new_12(config, credentials::own(given), now),
        };
        dtls.set_active(!given.is_server);
        let mut endpoint =
            Self { dtls, given: given.clone(), buffer: vec![0; 2048], deadline: now, epoch: 0, answers: 0 };
        endpoint.pass_time().expect("a connection that has not begun");
        endpoint
    }

    /// When time has to pass.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The last two bits of the epoch in which it has sent last.
    pub fn epoch(&self) -> u8 {
        self.epoch
    }

    pub fn pass_time(&mut self) -> Result<(), String> {
        self.dtls.handle_timeout(Instant::now()).map_err(|error| error.to_string())
    }

    pub fn receive(&mut self, datagram: &[u8]) -> Result<(), String> {
        self.pass_time()?;
        self.dtls.handle_packet(datagram).map_err(|error| error.to_string())
    }

    pub fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.answers += 1;
        self.dtls.send_application_data(data).map(drop).map_err(|error| error.to_string())
    }

    pub fn close(&mut self) -> Result<(), String> {
        self.dtls.close().map_err(|error| error.to_string())
    }

    /// Has everything sent that waits to be, and returns what was heard.
    pub fn drain(&mut self, mut send: impl FnMut(&[u8])) -> Result<Vec<Heard>, String> {
        let mut heard = Vec::new();
        let mut buffer = mem::take(&mut self.buffer);
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => {
                    if packet[0] & UNIFIED.0 == UNIFIED.1 {
                        self.epoch = packet[0] & 3;
                    }
                    send(packet);
                }
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(deadline) => {
                    self.deadline = deadline;
                    break;
                }
                Output::Connected => heard.push(Heard::Connected),
                Output::PeerCert(certificate) => credentials::verify(&self.given, certificate)?,
                Output::ApplicationData(data) => heard.push(Heard::Data(data.to_vec())),
                Output::CloseNotify => heard.push(Heard::Goodbye),
                _ => {}
            }
        }
        self.buffer = buffer;
        Ok(heard)
    }
}

fn configure(given: &Given) -> Config {
    let mut builder = Config::builder()
        .handshake_timeout(PATIENCE)
        .flight_start_rto(FIRST_TIMEOUT)
        .flight_retries(REPETITIONS)
        .require_client_certificate(given.ca.is_some())
        .dtls12_cipher_suites(&given.suites)
        .dtls13_cipher_suites(&given.newer_suites);
    if let Some(group) = given.group {
        builder = builder.kx_groups(&[group]);
    }
    if given.updates {
        builder = builder.aead_encryption_limit(RECORDS_OF_A_KEY);
    }
    if let Some(psk) = given.psk.clone() {
        builder = match given.is_server {
            true => builder.with_psk_server(None, Arc::new(psk)),
            false => builder.with_psk_client(psk.identity.clone(), Arc::new(psk)),
        };
    }
    builder.build().expect("options that fit")
}

impl PskResolver for Psk {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        (identity == self.identity).then(|| self.key.clone())
    }
}
