//! A model: states, and where each message leads from each. It is kept as a page of the documentation, which is read again.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The answer to a message that is ignored.
pub(super) const NOTHING: &str = "-";

/// In place of an answer, where the attacker has nothing to send, or leaves it out to keep the model finite.
pub(super) const NOT_SENT: &str = "not sent";

/// Messages that one row of a page leaves to the end of its state.
const OTHERS: &str = "all others";

/// With more of one kind, an arrow of the picture only counts them.
const NAMED: usize = 3;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Model {
    alphabet: Vec<&'static str>,
    /// By state and message: the next state, and the answer. The first state is the one at the beginning.
    edges: Vec<Vec<(usize, String)>>,
}

impl Model {
    pub(super) fn new(alphabet: Vec<&'static str>, edges: Vec<Vec<(usize, String)>>) -> Model {
        Model { alphabet, edges }
    }

    pub(super) fn states(&self) -> usize {
        self.edges.len()
    }

    pub(super) fn symbols(&self) -> usize {
        self.alphabet.len()
    }

    pub(super) fn name(&self, symbol: usize) -> &'static str {
        self.alphabet[symbol]
    }

    pub(super) fn edge(&self, state: usize, symbol: usize) -> (usize, &str) {
        let (target, answer) = &self.edges[state][symbol];
        (*target, answer)
    }

    /// The shortest word to each state, and what is said last of it.
    pub(super) fn access(&self) -> Vec<Vec<usize>> {
        let mut words = vec![None; self.states()];
        words[0] = Some(Vec::new());
        let mut next = std::collections::VecDeque::from([0]);
        while let Some(state) = next.pop_front() {
            for symbol in 0..self.symbols() {
                let (target, _) = self.edge(state, symbol);
                if words[target].is_none() {
                    words[target] = words[state].as_ref().map(|word| [&word[..], &[symbol]].concat());
                    next.push_back(target);
                }
            }
        }
        words.into_iter().map(|word| word.expect("each state can be reached")).collect()
    }

    /// The shortest word that two states answer differently.
    pub(super) fn difference(&self, left: usize, right: usize) -> Option<Vec<usize>> {
        let mut seen = std::collections::HashSet::from([(left, right)]);
        let mut next = std::collections::VecDeque::from([(left, right, Vec::new())]);
        while let Some((left, right, word)) = next.pop_front() {
            for symbol in 0..self.symbols() {
                let word = [&word[..], &[symbol]].concat();
                let ((left, first), (right, second)) = (self.edge(left, symbol), self.edge(right, symbol));
                if first != second {
                    return Some(word);
                }
                if seen.insert((left, right)) {
                    next.push_back((left, right, word));
                }
            }
        }
        None
    }

    // --- the page ----------------------------------------------------------------------------------------------------

    /// The page that shows it.
    pub(super) fn page(&self, title: &str) -> String {
        let mut page = format!(
            "# {title}\n\nThis model was learnt by `npm run learn`, which writes this page. It has {} states and {} messages: \
             {} transitions.\nThe picture leaves out what is ignored or leads nowhere else; the table has everything.\n\n",
            self.states(),
            self.symbols(),
            self.states() * self.symbols()
        );
        self.picture(&mut page);
        self.table(&mut page);
        page
    }

    fn picture(&self, page: &mut String) {
        page.push_str("```mermaid\nflowchart TD\n");
        for (state, word) in self.access().iter().enumerate() {
            let after = word.last().map_or("start".to_owned(), |&symbol| format!("after {}", self.alphabet[symbol]));
            writeln!(page, "  s{state}[\"s{state}: {after}\"]").expect("a String takes everything");
        }
        for state in 0..self.states() {
            let mut arrows: BTreeMap<usize, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
            for (symbol, (target, answer)) in
                self.edges[state].iter().enumerate().filter(|(_, (target, _))| *target != state)
            {
                arrows.entry(*target).or_default().entry(answer).or_default().push(self.alphabet[symbol]);
            }
            for (target, labels) in arrows {
                let labels: Vec<_> = labels.into_iter().map(|(answer, said)| label(&said, answer)).collect();
                writeln!(page, "  s{state} -->|\"{}\"| s{target}", labels.join("<br/>")).expect("as above");
            }
        }
        page.push_str("```\n\n");
    }

    fn table(&self, page: &mut String) {
        page.push_str("| state | message | answer | next |\n|---|---|---|---|\n");
        for (state, edges) in self.edges.iter().enumerate() {
            // In the order of the alphabet, by the first message of each row.
            let mut rows: Vec<(usize, &str, Vec<&str>)> = Vec::new();
            for (symbol, (target, answer)) in edges.iter().enumerate() {
                match rows.iter_mut().find(|(known, same, _)| known == target && same == answer) {
                    Some((.., said)) => said.push(self.alphabet[symbol]),
                    None => rows.push((*target, answer, vec![self.alphabet[symbol]])),
                }
            }
            rows.sort_by_key(|&(target, answer, _)| target == state && answer == NOTHING);
            for (target, answer, said) in rows {
                let said = if target == state && answer == NOTHING { OTHERS.to_owned() } else { said.join("; ") };
                writeln!(page, "| s{state} | {said} | {answer} | s{target} |").expect("as above");
            }
        }
    }

    /// Reads a page again.
    pub(super) fn parse(alphabet: Vec<&'static str>, page: &str) -> Result<Model, String> {
        let mut edges: Vec<Vec<Option<(usize, String)>>> = Vec::new();
        for line in page.lines().filter(|line| line.starts_with("| s") && !line.starts_with("| state")) {
            let wrong = || format!("not a transition: {line}");
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [state, said, answer, target] = cells[..] else { return Err(wrong()) };
            let number = |cell: &str| cell.strip_prefix('s').and_then(|number| number.parse::<usize>().ok());
            let (state, target) = (number(state).ok_or_else(wrong)?, number(target).ok_or_else(wrong)?);
            if state == edges.len() {
                edges.push(vec![None; alphabet.len()]);
            }
            let row = edges.get_mut(state).ok_or_else(wrong)?;
            for (symbol, name) in alphabet.iter().enumerate() {
                if said == OTHERS && row[symbol].is_none() || said.split("; ").any(|each| each == *name) {
                    row[symbol] = Some((target, answer.to_owned()));
                }
            }
        }
        let states = edges.len();
        let whole = |edge: Option<(usize, String)>| edge.filter(|(target, _)| *target < states);
        let edges: Option<Vec<Vec<_>>> = edges.into_iter().map(|row| row.into_iter().map(whole).collect()).collect();
        edges
            .filter(|edges| !edges.is_empty())
            .map(|edges| Model { alphabet, edges })
            .ok_or_else(|| "not whole".to_owned())
    }
}

fn label(said: &[&str], answer: &str) -> String {
    let said = if said.len() > NAMED { format!("{} messages", said.len()) } else { said.join(" or ") };
    if answer == NOTHING { said } else { format!("{said} / {answer}") }
}
