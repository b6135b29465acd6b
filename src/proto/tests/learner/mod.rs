//! Models of servers and clients, learnt by asking them: whatever an attacker says, in whatever order, nobody gets in whom
//! the RFCs do not let in.
//!
//! The models are pages of `docs/models`, which `npm run learn` writes. Here they are compared with the product, and with
//! the rules.

mod attacker;
mod credentials;
mod learning;
mod model;
mod rules;
mod scenes;
mod subject;

use super::network::{IDENTITY, KEY};
use crate::tls::PSK_IDENTITY_LIMIT;
use learning::{Learner, Oracle, System};
use model::{Model, NOT_SENT};
use scenes::{MORE_SCENES, Make, SCENES, Scene};
use std::path::PathBuf;
use std::time::Instant;

/// Random words that a model has to explain before it is believed, from the environment.
const TESTS: &str = "LEARN_TESTS";
const DEFAULT_TESTS: usize = 20_000;
/// The only models to learn, from the environment: the beginning of their names.
const ONLY: &str = "LEARN_ONLY";

fn page_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/models").join(format!("{name}.md"))
}

/// The model that is kept.
fn kept(scene: &Scene) -> Model {
    let page = std::fs::read_to_string(page_of(scene.name)).expect("the page is there: npm run learn");
    let model = Model::parse(scene.system.alphabet(), &page).expect("the page can be read: npm run learn");
    assert_eq!(page, model.page(scene.title), "the page of {} is not as it is written: npm run learn", scene.name);
    model
}

/// `npm run learn`.
#[test]
#[ignore = "npm run learn"]
fn learn() {
    let tests = std::env::var(TESTS).map_or(DEFAULT_TESTS, |tests| tests.parse().expect("a number"));
    let only = std::env::var(ONLY).unwrap_or_default();
    for (name, make) in SCENES.iter().chain(&MORE_SCENES).filter(|(name, _)| name.starts_with(&only)) {
        let (scene, began) = (make(), Instant::now());
        let mut learner = Learner::new(&*scene.system);
        let model =
            learner.learn(tests, 0x9e37_79b9_7f4a_7c15, |model| (scene.check)(model).err().map(|wrong| wrong.word));
        let Oracle { words, messages, .. } = learner.oracle;
        println!(
            "{name}: {} states, {} messages, {words} words of {messages} messages in all, {:.1} s",
            model.states(),
            model.symbols(),
            began.elapsed().as_secs_f64()
        );
        std::fs::write(page_of(name), model.page(scene.title)).expect("docs/models can be written");
        let authentications = (scene.check)(&model).unwrap_or_else(|wrong| panic!("{name}: {}", wrong.what));
        assert!(authentications > 0, "{name}: nobody gets in");
    }
}

#[test]
fn no_path_of_a_model_authenticates_a_peer_whom_the_rfcs_do_not_let_in() {
    for (name, make) in SCENES.into_iter().chain(MORE_SCENES) {
        let scene = make();
        let authentications = (scene.check)(&kept(&scene)).unwrap_or_else(|wrong| panic!("{name}: {}", wrong.what));
        assert!(authentications > 0, "{name}: nobody gets in");
    }
}

#[test]
fn servers_and_clients_answer_each_message_in_each_state_as_their_models_say() {
    SCENES.iter().for_each(|scene| take_transitions(scene, 1));
}

/// To take all of them would take as long again as all other tests.
#[test]
fn servers_and_clients_with_certificates_answer_as_their_models_say_wherever_one_looks() {
    MORE_SCENES.iter().for_each(|scene| take_transitions(scene, 15));
}

/// One in so many transitions is taken, and the state that it leads to told from one of the others.
fn take_transitions((name, make): &(&str, Make), one_in: usize) {
    let scene = make();
    let model = kept(&scene);
    let mut dice = learning::Dice(1);
    let words = model.access().into_iter().enumerate().flat_map(|(state, access)| {
        (0..model.symbols()).map(move |symbol| (state, symbol, [&access[..], &[symbol]].concat()))
    });
    // What the attacker does not say needs no answer.
    for (state, symbol, mut word) in words.filter(|&(state, symbol, _)| model.edge(state, symbol).1 != NOT_SENT) {
        if dice.roll(one_in) != 0 {
            continue;
        }
        let (next, other) = (model.edge(state, symbol).0, dice.roll(model.states()));
        word.extend(model.difference(next, other).unwrap_or_default());
        follow(&scene, &model, &word, name);
    }
}

/// Compares the answers to a word with those of the model.
fn follow(scene: &Scene, model: &Model, word: &[usize], name: &str) {
    let mut conversation = scene.system.begin();
    let mut state = 0;
    for (position, &symbol) in word.iter().enumerate() {
        let (next, expected) = model.edge(state, symbol);
        let answer = conversation.say(symbol);
        if answer != expected {
            let said: Vec<_> = word[..=position].iter().map(|&symbol| model.name(symbol)).collect();
            panic!(
                "{name} answers {said:?} with {answer}, where its model says {expected}: npm run learn shows all changes"
            );
        }
        state = next;
    }
}

/// The server asks nobody about such an identity, and computes with a key that nobody has.
#[test]
fn zeros_are_no_key_of_an_identity_that_is_too_long_to_ask_about() {
    let gets_in = |identity: &[u8], key: Vec<u8>| {
        let system = scenes::psk_server_for(identity.to_vec(), key);
        system.hints().iter().any(|word| {
            let mut conversation = system.begin();
            word.iter().any(|&symbol| conversation.say(symbol).contains("[secure]"))
        })
    };
    assert!(gets_in(IDENTITY, KEY.to_vec()));
    for length in [1, 16, 32, 64] {
        assert!(!gets_in(&[b'x'; PSK_IDENTITY_LIMIT + 1], vec![0; length]), "{length}");
    }
}

/// Rules that nothing can break find nothing: each of these changes of a model has to be noticed.
#[test]
fn the_rules_notice_a_client_that_takes_somebody_for_its_server_out_of_turn() {
    let scene = SCENES[0].1();
    let page = std::fs::read_to_string(page_of(scene.name)).expect("the page is there: npm run learn");
    let secured =
        page.lines().find(|line| line.starts_with("| s") && line.contains("[secure]")).expect("somebody gets in");
    let [_, state, said, answer, next, _] = secured.split('|').collect::<Vec<_>>()[..] else { panic!("{secured}") };
    let row = |said: &str| format!("|{state}| {said} |{answer}|{next}|");
    assert!((scene.check)(&Model::parse(scene.system.alphabet(), &page).unwrap()).is_ok());
    for unproved in
        ["Finished, wrong", "data in the clear", "ServerHello", "CertificateRequest", "Finished in the clear"]
    {
        assert_ne!(said.trim(), unproved);
        let spoilt = page.replace(secured, &format!("{secured}\n{}", row(unproved)));
        let model = Model::parse(scene.system.alphabet(), &without(&spoilt, state, unproved)).expect("it can be read");
        assert!((scene.check)(&model).is_err(), "{unproved}");
    }
    // ChangeCipherSpec is left out of the way to authentication.
    let early = page.lines().filter(|line| line.starts_with("| s0 | all others")).collect::<String>();
    let spoilt = page.replace(&early, &format!("| s0 | Finished |{answer}| s0 |\n{early}"));
    let model = Model::parse(scene.system.alphabet(), &spoilt).expect("it can be read");
    assert!((scene.check)(&model).is_err());
}

/// A page on which a message has no other row in a state than the one that answers with [secure].
fn without(page: &str, state: &str, message: &str) -> String {
    let keep = |line: &str| {
        let cells: Vec<_> = line.split('|').collect();
        if cells.len() != 6 || cells[1] != state || cells[3].contains("[secure]") {
            return line.to_owned();
        }
        let others: Vec<_> = cells[2].trim().split("; ").filter(|each| *each != message).collect();
        if others.is_empty() { String::new() } else { line.replace(cells[2].trim(), &others.join("; ")) }
    };
    page.lines().map(keep).collect::<Vec<_>>().join("\n")
}
