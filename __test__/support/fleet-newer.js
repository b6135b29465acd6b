'use strict';

// Devices of a fleet that speak DTLS 1.3, and the record numbers that its nodes send to them.

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');

const { connectDevice } = require('./fleet.js');
const { Numbers } = require('./numbers.js');

/** Datagrams that a socket reads in one turn, so that none is lost. */
const AT_ONCE = 32;

const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };

/** A device that speaks DTLS 1.3, and what its key log has said. */
async function connectNewer(t, port, options = {}) {
  const { balancer, client, lines } = await connectDevice(t, port, { ...NEWER, ...options });
  return { balancer, client, numbers: new Numbers(Buffer.concat(lines), options.peerIdLength) };
}

/** Asks until there is an answer, ten seconds at most: what is lost, or comes while Redis is slow, is not answered. */
async function ask(client, question) {
  let answer = 'nothing';
  const note = (message) => {
    answer = String(message);
  };
  client.on('data', note);
  for (let count = 0; count < 100 && !answer.endsWith(` ${question}`); count++) {
    if (count % 10 === 0) client.write(question);
    for (let wait = 0; wait < 20 && !answer.endsWith(` ${question}`); wait++) await sleep(5);
  }
  client.off('data', note);
  return answer;
}

function assertNoNumberTwice(balancer, numbers) {
  for (const datagram of balancer.sent.splice(0)) numbers.note(datagram);
  assert.equal(numbers.repeated, 0);
  return numbers.count;
}

/** What has been sent so far has arrived: how many records that were, of which no two have one number. */
async function countNumbers(balancer, numbers) {
  for (let before = -1; before < balancer.sent.length; await sleep(50)) before = balancer.sent.length;
  return assertNoNumberTwice(balancer, numbers);
}

/** Waits until it is so, five seconds at most. */
async function until(isSo, message) {
  for (let count = 0; count < 500 && !(await isSo()); count++) await sleep(10);
  assert.ok(await isSo(), message);
}

/**
 * Sends so many messages, or as many as there are record numbers for, and no more at a time than the system has room for: how many
 * that were.
 */
async function push(socket, count, text = 'pushed') {
  const errors = [];
  const note = (error) => errors.push(error);
  socket.on('writeError', note);
  const send = (index) => new Promise((resolve) => socket.write(`${text} ${index}`, resolve));
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - sent);
    const outcomes = Array.from({ length }, (_, index) => send(sent + index));
    errors.push(...(await Promise.all(outcomes)).filter(Boolean));
    await sleep(1);
  }
  socket.off('writeError', note);
  for (const error of errors) assert.ok(error.code === 'ERR_DTLS_NO_RECORD_NUMBERS' || socket.destroyed, error.code);
  return count - errors.length;
}

module.exports = { NEWER, ask, assertNoNumberTwice, connectNewer, countNumbers, push, until };
