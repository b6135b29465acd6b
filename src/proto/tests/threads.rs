//! Many threads at the handshakes of one configuration: its keys, its trust anchors and its revocation lists are shared.
//!
//! A data race shows as a wrong signature or a crash, if at all; for certain under ThreadSanitizer (docs/security.md).

use super::certificates::{issuer, issuer_with};
use super::jobs::mutual_configs_with;
use super::network::*;
use crate::proto::{Job, JobDone};
use rcgen::KeyPair;
use std::sync::{Barrier, Mutex};
use std::thread;

const THREADS: usize = 8;
const CLIENTS: usize = 48;

fn rsa() -> KeyPair {
    KeyPair::from_pem(include_str!("keys/rsa-2048.key.pem")).unwrap()
}

fn p256() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn p384() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap()
}

/// Runs all these jobs at once, as far as there are threads.
fn run_in_parallel(jobs: Vec<(Option<usize>, Job)>) -> Vec<(Option<usize>, JobDone)> {
    let barrier = Barrier::new(THREADS);
    let jobs = Mutex::new(jobs);
    let work = || {
        barrier.wait();
        let mut done = Vec::new();
        loop {
            let Some((owner, job)) = jobs.lock().unwrap().pop() else {
                return done;
            };
            done.push((owner, job.run()));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn all_connect(server: &KeyPair, client: &KeyPair, issuer: KeyPair) {
    let (server, client) = mutual_configs_with(server, client, &issuer_with(issuer), false);
    let mut network = Network::with_jobs(server, CLIENTS);
    for _ in 0..CLIENTS {
        network.connect(&client);
    }
    loop {
        network.settle();
        let jobs = std::mem::take(&mut network.open_jobs);
        if jobs.is_empty() {
            break;
        }
        for (owner, done) in run_in_parallel(jobs) {
            let peer = owner.map_or(&mut network.server, |index| &mut network.clients[index]);
            peer.endpoint.handle_job(network.now, done);
        }
    }
    assert_eq!(network.server.error_kinds(), Vec::<ErrorKind>::new());
    assert_eq!(network.server.secured().len(), CLIENTS);
    for index in 0..CLIENTS {
        network.send_from_client(index, format!("{index}").as_bytes());
    }
    network.settle();
    assert_eq!(network.server.received.len(), CLIENTS);
    assert!(network.server.endpoint.counters().jobs_started >= 2 * CLIENTS as u64);
}

#[test]
fn of_one_rsa_key_and_one_rsa_authority() {
    // The engine changes what it keeps for an RSA key, blinding values and Montgomery constants, with every use.
    all_connect(&rsa(), &rsa(), rsa());
}

#[test]
fn of_one_ec_key_and_one_ec_authority() {
    all_connect(&p256(), &p384(), p256());
    all_connect(&p384(), &p256(), p384());
}

#[test]
fn of_keys_of_both_kinds() {
    all_connect(&p256(), &rsa(), rsa());
    all_connect(&rsa(), &p256(), p384());
}

#[test]
fn and_those_configurations_go_while_threads_are_at_them() {
    for _ in 0..20 {
        let (server, client) = mutual_configs_with(&p256(), &p256(), &issuer(), false);
        let mut network = Network::with_jobs(server, CLIENTS);
        for _ in 0..THREADS {
            network.connect(&client);
        }
        while network.open_jobs.len() < THREADS && network.step() {}
        drop(client);
        let jobs = std::mem::take(&mut network.open_jobs);
        assert_eq!(jobs.len(), THREADS);
        // What is left when the endpoints are gone ends on whatever thread has it.
        let threads: Vec<_> = jobs.into_iter().map(|(_, job)| thread::spawn(move || drop(job.run()))).collect();
        drop(network);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
