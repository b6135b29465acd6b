//! Active learning: asks a system until its model explains every answer.
//!
//! States are told apart by a discrimination tree (Kearns and Vazirani, "An Introduction to Computational Learning Theory",
//! section 8), and counterexamples are cut down by binary search (Rivest and Schapire, "Inference of finite automata using
//! homing sequences"). Counterexamples come from random words through each state, as a W-method would make them
//! exhaustively (Chow, "Testing software design modeled by finite-state machines").

use super::model::Model;
use std::collections::HashMap;

/// What is learnt. It has to answer the same words alike.
pub(super) trait System {
    /// The names of its inputs.
    fn alphabet(&self) -> Vec<&'static str>;
    /// Words that are worth asking first, as handshakes that end well.
    fn hints(&self) -> Vec<Vec<usize>>;
    /// As it is before the first input.
    fn begin(&self) -> Box<dyn Conversation + '_>;
}

/// One run of a system.
pub(super) trait Conversation {
    /// Its answer to the input with this index.
    fn say(&mut self, symbol: usize) -> String;
}

/// Prints each state when it is found, from the environment.
const PROGRESS: &str = "LEARN_PROGRESS";

/// No model has as many states: where this one is about to, some answer depends on a count.
const STATES_LIMIT: usize = 150;

/// Inputs, by their index.
type Word = Vec<usize>;
/// Answers, by their index in [`Oracle::names`].
type Outputs = Vec<u32>;

/// Asks the system, and nothing twice.
pub(super) struct Oracle<'a> {
    system: &'a dyn System,
    names: Vec<String>,
    indices: HashMap<String, u32>,
    /// A tree of all that was asked: by input, the answer and the node behind it.
    asked: Vec<HashMap<usize, (u32, usize)>>,
    pub(super) words: usize,
    pub(super) messages: usize,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(system: &'a dyn System) -> Oracle<'a> {
        Oracle {
            system,
            names: Vec::new(),
            indices: HashMap::new(),
            asked: vec![HashMap::new()],
            words: 0,
            messages: 0,
        }
    }

    /// The answers to each input of a word.
    fn ask(&mut self, word: &[usize]) -> Outputs {
        if let Some(known) = self.recall(word) {
            return known;
        }
        self.words += 1;
        self.messages += word.len();
        let mut conversation = self.system.begin();
        let (mut node, mut outputs) = (0, Vec::new());
        for (position, &symbol) in word.iter().enumerate() {
            let name = conversation.say(symbol);
            let next = self.names.len() as u32;
            let output = *self.indices.entry(name.clone()).or_insert(next);
            if output == next {
                self.names.push(name);
            }
            let fresh = self.asked.len();
            let (before, child) = *self.asked[node].entry(symbol).or_insert((output, fresh));
            if child == fresh {
                self.asked.push(HashMap::new());
            }
            assert_eq!(
                self.names[before as usize],
                self.names[output as usize],
                "the system answers the same words differently: {:?}",
                self.spelt(&word[..=position])
            );
            outputs.push(output);
            node = child;
        }
        outputs
    }

    fn recall(&self, word: &[usize]) -> Option<Outputs> {
        let mut node = 0;
        word.iter()
            .map(|symbol| {
                let &(output, next) = self.asked[node].get(symbol)?;
                node = next;
                Some(output)
            })
            .collect()
    }

    /// The answers to `suffix` after `prefix`.
    fn ask_after(&mut self, prefix: &[usize], suffix: &[usize]) -> Outputs {
        self.ask(&[prefix, suffix].concat()).split_off(prefix.len())
    }

    fn spelt(&self, word: &[usize]) -> Vec<&'static str> {
        let alphabet = self.system.alphabet();
        word.iter().map(|&symbol| alphabet[symbol]).collect()
    }
}

enum Node {
    Leaf(usize),
    Inner { suffix: Word, children: Vec<(Outputs, usize)> },
}

struct State {
    /// A word that leads there.
    access: Word,
    /// By input: where it leads, and the answer.
    edges: Vec<Option<(usize, u32)>>,
}

pub(super) struct Learner<'a> {
    pub(super) oracle: Oracle<'a>,
    symbols: usize,
    states: Vec<State>,
    /// The discrimination tree; its root comes first.
    tree: Vec<Node>,
}

impl<'a> Learner<'a> {
    pub(super) fn new(system: &'a dyn System) -> Learner<'a> {
        let symbols = system.alphabet().len();
        let mut learner = Learner { oracle: Oracle::new(system), symbols, states: Vec::new(), tree: Vec::new() };
        let start = learner.add_state(Vec::new());
        learner.tree.push(Node::Leaf(start));
        learner
    }

    /// Learns until `tests` random words in a row are explained, and so is whatever `doubt` finds odd about the model.
    pub(super) fn learn(&mut self, tests: usize, seed: u64, doubt: impl Fn(&Model) -> Option<Vec<usize>>) -> Model {
        self.close();
        for hint in self.oracle.system.hints() {
            self.explain(&hint);
        }
        let mut dice = Dice(seed);
        loop {
            let mut passed = 0;
            while passed < tests {
                let word = self.random_word(&mut dice);
                passed = if self.explain(&word) { passed + 1 } else { 0 };
            }
            let model = self.model();
            match doubt(&model) {
                Some(word) if !self.explain(&word) => {}
                _ => return model,
            }
        }
    }

    /// Refines the model until it explains the answers to a word. Whether it has done so before.
    fn explain(&mut self, word: &[usize]) -> bool {
        let mut is_explained = true;
        while let Some(end) = self.mismatch(word) {
            is_explained = false;
            self.refine(&word[..end]);
        }
        is_explained
    }

    fn add_state(&mut self, access: Word) -> usize {
        let spelt = self.oracle.spelt(&access);
        assert!(self.states.len() < STATES_LIMIT, "there are too many states; the last is behind {spelt:?}");
        if std::env::var_os(PROGRESS).is_some() {
            println!("state {}, {} words: {spelt:?}", self.states.len(), self.oracle.words);
        }
        self.states.push(State { access, edges: vec![None; self.symbols] });
        self.states.len() - 1
    }

    /// The state that a word leads to, as far as the tree can tell; a new one where it has no branch.
    fn sift(&mut self, word: &[usize]) -> usize {
        let mut at = 0;
        loop {
            let suffix = match &self.tree[at] {
                Node::Leaf(state) => return *state,
                Node::Inner { suffix, .. } => suffix.clone(),
            };
            let outputs = self.oracle.ask_after(word, &suffix);
            let Node::Inner { children, .. } = &self.tree[at] else { unreachable!("it was one above") };
            at = match children.iter().find(|(known, _)| *known == outputs) {
                Some(&(_, child)) => child,
                None => {
                    let state = self.add_state(word.to_vec());
                    let leaf = self.tree.len();
                    self.tree.push(Node::Leaf(state));
                    if let Node::Inner { children, .. } = &mut self.tree[at] {
                        children.push((outputs, leaf));
                    }
                    leaf
                }
            };
        }
    }

    /// Finds out where each input leads in each state.
    fn close(&mut self) {
        let mut state = 0;
        while state < self.states.len() {
            for symbol in 0..self.symbols {
                if self.states[state].edges[symbol].is_none() {
                    let word = [&self.states[state].access[..], &[symbol]].concat();
                    let output = *self.oracle.ask(&word).last().expect("the word has an input");
                    self.states[state].edges[symbol] = Some((self.sift(&word), output));
                }
            }
            state += 1;
        }
    }

    fn edge(&self, state: usize, symbol: usize) -> (usize, u32) {
        self.states[state].edges[symbol].expect("every edge is known after close()")
    }

    fn run(&self, word: &[usize]) -> usize {
        word.iter().fold(0, |state, &symbol| self.edge(state, symbol).0)
    }

    /// Where the answers to a word stop being those of the model, if they do.
    fn mismatch(&mut self, word: &[usize]) -> Option<usize> {
        let outputs = self.oracle.ask(word);
        let mut state = 0;
        for (position, (&symbol, output)) in word.iter().zip(outputs).enumerate() {
            let (next, expected) = self.edge(state, symbol);
            if expected != output {
                return Some(position + 1);
            }
            state = next;
        }
        None
    }

    /// Whether the system answers the last input of a word as it does where the model is after `length` inputs of it.
    fn agrees_from(&mut self, word: &[usize], length: usize, truth: u32) -> bool {
        let access = self.states[self.run(&word[..length])].access.clone();
        self.oracle.ask_after(&access, &word[length..]).last() == Some(&truth)
    }

    /// Splits the state that a counterexample shows to be two.
    fn refine(&mut self, word: &[usize]) {
        let truth = *self.oracle.ask(word).last().expect("the word has an input");
        // It agrees from the beginning, and no more at the last input, whose answer the model has from there.
        let (mut low, mut high) = (0, word.len() - 1);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.agrees_from(word, middle, truth) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let (before, suffix) = (self.run(&word[..low]), word[high..].to_vec());
        let (old, _) = self.edge(before, word[low]);
        let access = [&self.states[before].access[..], &[word[low]]].concat();
        self.split(old, access, suffix);
        for state in &mut self.states {
            for edge in &mut state.edges {
                if edge.is_some_and(|(target, _)| target == old) {
                    *edge = None;
                }
            }
        }
        self.close();
    }

    fn split(&mut self, old: usize, access: Word, suffix: Word) {
        let old_access = self.states[old].access.clone();
        let outputs = [old_access, access.clone()].map(|prefix| self.oracle.ask_after(&prefix, &suffix));
        assert_ne!(outputs[0], outputs[1], "the suffix tells the two states apart");
        let new = self.add_state(access);
        let leaf = self.tree.iter().position(|node| matches!(node, Node::Leaf(state) if *state == old));
        let leaf = leaf.expect("each state has a leaf");
        let children = [old, new].map(|state| {
            self.tree.push(Node::Leaf(state));
            self.tree.len() - 1
        });
        let children = outputs.into_iter().zip(children).collect();
        self.tree[leaf] = Node::Inner { suffix, children };
    }

    /// Through some state, some inputs further, and then what tells states apart.
    fn random_word(&self, dice: &mut Dice) -> Word {
        let mut word = self.states[dice.roll(self.states.len())].access.clone();
        for _ in 0..=dice.roll(4) {
            word.push(dice.roll(self.symbols));
        }
        let suffixes: Vec<&Word> = self
            .tree
            .iter()
            .filter_map(|node| match node {
                Node::Inner { suffix, .. } => Some(suffix),
                Node::Leaf(_) => None,
            })
            .collect();
        match dice.roll(suffixes.len() + 1) {
            0 => word.push(dice.roll(self.symbols)),
            chosen => word.extend(suffixes[chosen - 1]),
        }
        word
    }

    /// States in the order in which the inputs find them, so that one system has one model.
    fn model(&self) -> Model {
        let mut order = vec![0];
        let mut numbers = HashMap::from([(0, 0)]);
        let mut at = 0;
        while at < order.len() {
            for symbol in 0..self.symbols {
                let (target, _) = self.edge(order[at], symbol);
                numbers.entry(target).or_insert_with(|| {
                    order.push(target);
                    order.len() - 1
                });
            }
            at += 1;
        }
        let edges = order.iter().map(|&state| {
            let edge = |symbol| {
                let (target, output) = self.edge(state, symbol);
                (numbers[&target], self.oracle.names[output as usize].clone())
            };
            (0..self.symbols).map(edge).collect()
        });
        Model::new(self.oracle.system.alphabet(), edges.collect())
    }
}

/// xorshift64*: small, and the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}
