'use strict';

// The ways in which a question reaches the application, and what counts as its answer.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { test } = require('node:test');

const { askAsMethod, askByEvent, askInThreeWays } = require('../../lib/questions/ask.js');

/** What was responded, as far as it was before the next turn. */
async function responsesTo(ask) {
  const responses = [];
  ask((error, answer) => responses.push(error ? error : answer));
  await new Promise(setImmediate);
  return responses;
}

for (const [name, ask, wrap] of [
  [
    'callback(socket, subject[, callback])',
    askInThreeWays,
    { 2: (act) => (_s, _t) => act(), 3: (act) => (_s, _t, back) => act(back) },
  ],
  ['callback(subject[, callback])', askAsMethod, { 2: (act) => (_t) => act(), 3: (act) => (_t, back) => act(back) }],
]) {
  const asked = (callback) => responsesTo((respond) => ask(callback, 'socket', 'subject', respond));
  const [without, taking] = [wrap[2], wrap[3]];

  test(`${name} without a callback has answered when it returns`, async () => {
    assert.deepEqual(await asked(without(() => 'answer')), ['answer']);
    assert.deepEqual(await asked(without(async () => 'answer')), ['answer']);
    assert.deepEqual(await asked(without(() => {})), [undefined]);
    assert.deepEqual(await asked(without(async () => {})), [undefined]);
  });

  test(`${name} with a callback has answered when that is called, or when it returns something`, async () => {
    assert.deepEqual(await asked(taking(() => {})), []);
    assert.deepEqual(await asked(taking(async () => {})), []);
    assert.deepEqual(await asked(taking((back) => void back(null, 'answer'))), ['answer']);
    assert.deepEqual(await asked(taking(() => 'answer')), ['answer']);
    assert.deepEqual(await asked(taking(async () => 'answer')), ['answer']);
  });

  test(`${name} that returns an answer has answered at once`, () => {
    const responses = [];
    ask(
      without(() => 'answer'),
      'socket',
      'subject',
      (error, answer) => responses.push([error, answer]),
    );
    assert.deepEqual(responses, [[null, 'answer']]);
  });

  test(`${name} that fails has answered with its reason, or with one of ours`, async () => {
    const reason = new Error('no');
    for (const kind of [without, taking]) {
      assert.deepEqual(await asked(kind(() => Promise.reject(reason))), [reason]);
      const [ours] = await asked(kind(() => Promise.reject()));
      assert.match(ours.message, /rejected without a reason/);
    }
  });
}

test('callbacks get the socket and what the question is about', () => {
  const seen = [];
  askInThreeWays(
    (socket, subject) => seen.push([socket, subject]),
    'socket',
    'subject',
    () => {},
  );
  askAsMethod(
    function asMethod(subject) {
      seen.push([String(this), subject]);
    },
    'socket',
    'subject',
    () => {},
  );
  assert.deepEqual(seen, [
    ['socket', 'subject'],
    ['socket', 'subject'],
  ]);
});

test('an event without a listener is an answer, and one with a listener is not', async () => {
  const emitter = new EventEmitter();
  const ask = () => responsesTo((respond) => askByEvent(emitter, 'question', 'subject', respond));
  assert.deepEqual(await ask(), [null]);
  emitter.on('question', () => {});
  assert.deepEqual(await ask(), []);
  emitter.on('question', (subject, respond) => respond(null, subject));
  assert.deepEqual(await ask(), ['subject']);
});
