'use strict';

// What every run of a pair needs: patience, and a look at who the peer is.

const assert = require('node:assert/strict');

const { isFree, messages } = require('../../support/endpoints.js');
const { IDENTITY } = require('./scenarios.js');

/** How long a handshake may take, ms: with losses, each side waits for its timers, which double. */
const PATIENCE = 30_000;
const PATIENCE_WITH_LOSS = 40_000;

/** OpenSSL's names of groups, where they are others. */
const OPENSSL_GROUPS = { 'P-256': 'prime256v1', 'P-384': 'secp384r1' };

/**
 * A client's, so that less time is spent on waiting. A server as impatient as this would keep some clients from ever
 * repeating their own flight: each datagram starts their timers anew.
 */
const IMPATIENT = { handshakeTimeoutMin: 200, handshakeTimeoutMax: 500 };

/** A free port outside the range that the system gives out: nobody takes it before the peer does. */
async function quietPort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) return port;
  }
}

/** Checks that the connection is with the peer, and has the suite and the group, that the scenario names. */
function checkPeer(socket, { auth, suite, group, mutual, defaults, version = 'DTLSv1.2' }, keys) {
  assert.equal(socket.getProtocol(), version);
  if (suite && !defaults) assert.equal(socket.getCipher().name, suite);
  if (group) assert.equal(socket.getEphemeralKeyInfo().name, OPENSSL_GROUPS[group] ?? group);
  const identity = socket.pskIdentity?.toString();
  if (auth === 'psk' && identity !== undefined) assert.equal(identity, IDENTITY);
  if (auth === 'raw') assert.deepEqual(socket.publicKey, keys.theirs.publicKey);
  else if (mutual) assert(socket.publicKey.length > 0, 'the peer has shown no certificate');
}

function calm(relay) {
  if (!relay?.calm) return;
  relay.passedInHandshake = relay.passed;
  relay.calm();
}

/** Asks a server that echoes: our client's line comes back. */
async function echoed(client, line = 'a line from us\n') {
  const answer = messages(client, 1);
  // A server may drop early messages until it has the whole handshake.
  const repeat = setInterval(() => client.write(line), 500);
  client.write(line);
  assert.deepEqual(await answer.finally(() => clearInterval(repeat)), [line]);
}

function patience({ loss, patience: own = loss ? PATIENCE_WITH_LOSS : PATIENCE }) {
  return own;
}

/** Rejects after a time, with what the program has printed. */
async function within(promise, scenario, program, complaints = []) {
  let timer;
  const overdue = new Promise((_resolve, reject) => {
    const complain = () => {
      const said = complaints.length > 0 ? `, our server: ${complaints.join(', ')}` : '';
      reject(new Error(`no handshake, or no answer, in time${said}\n${program.output}`));
    };
    timer = setTimeout(complain, patience(scenario));
  });
  try {
    return await Promise.race([promise, overdue]);
  } catch (error) {
    if (!error.message.includes(program.output)) error.message += `\n${program.output}`;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

module.exports = { IMPATIENT, PATIENCE, calm, checkPeer, echoed, patience, quietPort, within };
