//! Questions leave, and answers come back: every question to the application goes through here.

use super::{Endpoint, Event, Pending};
use crate::proto::connection::Step;
use crate::proto::questions::{Answer, Answered, Asks, Question, QuestionId, Subject};
use crate::proto::table::ConnectionHandle;
use crate::tls;
use std::time::Instant;

impl Endpoint {
    /// From now on the application is asked these questions, and no others.
    pub(crate) fn ask(&mut self, asks: Asks) {
        self.asks = asks;
    }

    /// What an open question is about.
    pub(crate) fn subject(&self, question: QuestionId) -> Option<Subject> {
        self.questions.subject(question)
    }

    /// Takes the application's answer. Late and double answers have no effect.
    pub(crate) fn handle_answer(&mut self, now: Instant, question: QuestionId, answer: Answer<'_>) -> Answered {
        let invalid = match &answer {
            Answer::Handshake(answer) => answer.check().err(),
            Answer::Restore(..) | Answer::Move(_) => None,
        };
        if let Some(error) = invalid {
            return self.fail(now, question, &error.to_string());
        }
        let Some(asked) = self.questions.close(question, answer.subject()) else {
            return Answered::Unused;
        };
        let answered = match (answer, asked) {
            (Answer::Handshake(answer), Some(connection)) => self.answer_handshake(now, connection, answer),
            (Answer::Restore(restoration, home), _) => self.answer_restore(now, question, restoration, home),
            (Answer::Move(old), _) => self.answer_move(now, question, old),
            (Answer::Handshake(_), None) => Answered::Unused,
        };
        self.ask_next(now);
        answered
    }

    fn answer_handshake(&mut self, now: Instant, handle: ConnectionHandle, answer: tls::Answer<'_>) -> Answered {
        let Some(entry) = self.connections.get_mut(&handle) else {
            return Answered::Unused;
        };
        entry.pending = Pending::Nothing;
        let step = entry.connection.handle_answer(now, answer, &mut self.scratch);
        self.apply(now, handle, step);
        Answered::Used
    }

    /// The application has failed to answer: the handshake is given up, and what was held for an address forgotten.
    pub(crate) fn fail(&mut self, now: Instant, question: QuestionId, message: &str) -> Answered {
        let Some(subject) = self.questions.subject(question) else {
            return Answered::Unused;
        };
        match self.questions.close(question, subject).flatten() {
            Some(handle) => {
                if let Some(entry) = self.connections.get_mut(&handle) {
                    entry.pending = Pending::Nothing;
                    let step = entry.connection.fail(now, message, &mut self.scratch);
                    self.apply(now, handle, step);
                }
            }
            None => drop(self.unplaced.remove(question)),
        }
        self.ask_next(now);
        Answered::Used
    }

    /// Answers questions for keys and sessions that are known, and asks the application all others.
    pub(super) fn answer_or_ask(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        question: tls::Question,
    ) -> Option<Step> {
        let entry = self.connections.get_mut(&handle)?;
        if let tls::Question::Psk(identity) = &question {
            self.outputs.trace.identify(entry.remote, identity);
        }
        if let tls::Question::Psk(identity) = &question
            && let Some(keys) = self.server.as_ref().and_then(|server| server.known_keys.as_ref())
        {
            let answer = tls::Answer::Psk(keys.get(identity));
            return Some(entry.connection.handle_answer(now, answer, &mut self.scratch));
        }
        if let tls::Question::Session(id) = &question
            && let Some(session) = self.server.as_ref().and_then(|server| server.own_session(self.asks, id))
        {
            return Some(entry.connection.handle_answer(now, tls::Answer::Session(session), &mut self.scratch));
        }
        entry.connection.rest();
        let question = Question::Handshake(question);
        let id = self.questions.open(question.subject(), Some(handle));
        entry.pending = Pending::Question(id);
        self.outputs.push(Event::Question { question: id, connection: Some(handle), about: question });
        None
    }
}
