//! Every target of the fuzzers, with what honest peers say, with inputs that the repository keeps, and with some that are near
//! them. `npm run fuzz` looks for others, and begins with the same.

use super::flights;
use super::modes::Mode;
use super::mutations::{Dice, mutate};
use super::network::*;
use crate::proto::vendor_move::MoveAnnouncement;
use crate::wire::{ClientHello, Record, Records};
use crate::{tls, wire};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Inputs near each, from the environment; a flight takes as long as some hundred of the others, and has so many fewer.
const NEAR: &str = "FUZZ_NEAR";
const DEFAULT_NEAR: usize = 20;
const FEWER_FLIGHTS: usize = 20;
/// Plans of flights for each mode, and their bytes.
const PLANS: usize = 6;
const PLAN_LENGTH: usize = 80;

/// A directory, from the environment, into which the inputs are written: one directory for each target.
const WRITE: &str = "FUZZ_SEEDS";

const KEPT: &str = "fuzz/corpora";

type Corpora = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// What honest peers say in every mode, cut into what each target reads.
fn corpora() -> Corpora {
    let mut corpora = Corpora::new();
    let mut add = |name, input: Vec<u8>| corpora.entry(name).or_default().push(input);
    let mut dice = Dice::new(1);
    for (index, &mode) in Mode::ALL.iter().enumerate() {
        let configs = mode.configs(1200);
        let mut network = configs.network();
        let client = configs.connect(&mut network, None);
        network.settle();
        network.send_from_client(client, b"hello");
        network.settle();
        for (from, _, datagram) in &network.wire {
            let id_length = if !mode.has_ids() {
                0
            } else if *from == SERVER {
                6
            } else {
                8
            };
            add("records", [&[id_length], &datagram[..]].concat());
            Records::with_ids(datagram, id_length).for_each(|record| add_parts(&record, &mut add));
        }
        let handle = network.server.secured()[0];
        let copy = network.server.endpoint.copy_for_store(handle).map(|(traveller, _)| traveller.saved);
        if let Some(saved) = copy.ok().or_else(|| network.server.endpoint.save(handle)) {
            let mut bytes = Vec::new();
            saved.write_to(&mut bytes);
            add("saved-connections", bytes);
        }
        let handle = network.client_handle(client);
        if let Some(session) = network.clients[client].endpoint.session(handle) {
            add("sessions", session.to_vec());
        }
        for _ in 0..PLANS {
            let plan = (0..PLAN_LENGTH).map(|_| dice.roll(256) as u8);
            add("flights", std::iter::once(index as u8).chain(plan).collect());
        }
    }
    for name in ["ca.pem", "server.pem", "server.key.pem", "server.pub.pem", "rsa-2048.key.pem", "p521.key.pem"] {
        let pem = std::fs::read(root().join("src/proto/tests/keys").join(name)).unwrap();
        if let Ok(key) = tls::parse_public_key(&pem, 0) {
            add("public-keys", key.der().to_vec());
        }
        add("credentials", pem);
    }
    add("routability-checks", (0..9).collect());
    add("tickets", vec![1; 48]);
    add("tickets", vec![2; 100]);
    add("acknowledgments-of-dtls13", [&[0, 32][..], &[1; 32]].concat());
    add("ciphertexts-of-dtls13", vec![7; 40]);
    add("tickets-of-dtls13", vec![0, 0, 1, 44, 1, 2, 3, 4, 1, 9, 0, 2, 7, 8, 0, 0]);
    let mut announcement = [&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 1, 0, 9][..], &[5; 9], b"device", &[6]].concat();
    announcement[0] = 254;
    assert!(MoveAnnouncement::parse(&announcement).is_some());
    add("announcements", announcement);
    corpora
}

/// What of a record other targets read.
fn add_parts(record: &Record<'_>, add: &mut impl FnMut(&'static str, Vec<u8>)) {
    add("announcements", record.bytes.to_vec());
    if record.epoch != 0 || !record.is_handshake() {
        return;
    }
    let message = record.fragment().to_vec();
    if let Some(hello) = ClientHello::parse(record) {
        add("extensions", hello.extensions.to_vec());
        add("hellos-of-dtls13", hello.extensions.to_vec());
        add("hello-fragments", cut(record.bytes, 60).concat());
    }
    match message.first() {
        Some(2) => add("hellos-of-dtls13", message[12..].to_vec()),
        Some(11) => add("chains", message.clone()),
        _ => {}
    }
    add("messages-of-dtls13", message.clone());
    add("messages", message);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Inputs that showed a fault once, or that the fuzzers found hard to find: one in a line, in hexadecimal digits.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(root().join(KEPT).join(name).with_extension("txt")).unwrap_or_default();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.lines().map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

fn digits(input: &[u8]) -> String {
    input.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs these targets, all of which must have something to begin with.
fn replay(targets: impl IntoIterator<Item = wire::fuzzing::Target>) {
    let near = std::env::var(NEAR).ok().and_then(|near| near.parse().ok()).unwrap_or(DEFAULT_NEAR);
    let corpora = corpora();
    for (name, target) in targets {
        let mut inputs = corpora.get(name).cloned().unwrap_or_default();
        inputs.extend(kept(name));
        assert!(!inputs.is_empty(), "{name} has no input");
        if let Some(directory) = std::env::var_os(WRITE) {
            write(&PathBuf::from(directory).join(name), &inputs);
        }
        let near = if name == "flights" { near / FEWER_FLIGHTS } else { near };
        let mut dice = Dice::new(1);
        for (index, input) in inputs.iter().enumerate() {
            let other = &inputs[(index + 1) % inputs.len()];
            let spoilt = (0..near).map(|_| mutate(&mut dice, input.clone(), other));
            for input in std::iter::once(input.clone()).chain(spoilt) {
                let outcome = std::panic::catch_unwind(|| target(&input));
                assert!(outcome.is_ok(), "{name} does not bear {}", digits(&input));
            }
        }
        println!("{name}: {} inputs", inputs.len() * (near + 1));
    }
}

fn write(directory: &Path, inputs: &[Vec<u8>]) {
    std::fs::create_dir_all(directory).unwrap();
    for (index, input) in inputs.iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{index}")), input).unwrap();
    }
}

#[test]
fn whatever_strangers_send_is_read_or_refused() {
    replay(wire::fuzzing::TARGETS);
}

#[test]
fn whatever_comes_back_from_stores_and_files_is_read_or_refused() {
    replay(tls::fuzzing::targets());
}

#[test]
fn whatever_happens_to_flights_no_message_is_made_up_and_every_handshake_ends() {
    replay(flights::TARGETS);
}
