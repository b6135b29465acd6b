'use strict';

// One pair: a program that we did not write and an endpoint of ours authenticate each other as the scenario says, and
// application data goes both ways.

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');

const { createServer } = require('../../..');
const { HOST, echo, event, isFree, messages, openClient, startServer } = require('../../support/endpoints.js');
const { lossyProxy } = require('../../support/lossy.js');
const { startNat } = require('../../support/nat.js');
const { IDENTITY, THEIR_ID, makeKeys, ourClient, ourServer, peerFiles } = require('./scenarios.js');

/** The part of the datagrams that is lost in either direction. */
const LOSS = 1 / 3;
/** How long a handshake may take, ms: with losses, each side waits for its timers, which double. */
const PATIENCE = 30_000;
const PATIENCE_WITH_LOSS = 40_000;

/**
 * A client's, so that less time is spent on waiting. A server as impatient as this would keep some clients from ever
 * repeating their own flight: each datagram starts their timers anew.
 */
const IMPATIENT = { handshakeTimeoutMin: 200, handshakeTimeoutMax: 500 };

/**
 * Runs a pair; rejects when it fails.
 *
 * @param {{ after: Function }} t ends what the pair has started
 * @param {object} pair of index.js
 * @param {number} seed of the lossy network
 * @returns {Promise<string>} what else is to be said, or ''
 */
async function run(t, { peer, role, scenario }, seed) {
  const keys = makeKeys(t, scenario);
  const files = peerFiles(scenario, role, keys);
  const weather = { loss: LOSS, seed };
  const relay = role === 'client' ? await theirClient() : await theirServer();
  if (relay === undefined) return '';
  if (scenario.ids) return '';
  assert(relay.lost > 0, 'nothing was lost');
  return `${relay.lost} of ${relay.lost + relay.passedInHandshake} datagrams lost, seed ${seed}`;

  async function theirClient() {
    const server = await startServer(t, ourServer(scenario, keys), peer.serve ?? echo);
    const complaints = [];
    server.on('clientError', (error) => complaints.push(error.code));
    const { resume } = scenario;
    if (resume === true) keepSessions(server);
    const listensOn = server.address().port;
    // A program that resumes at once makes its first connection for that alone.
    if (peer.resumesAtOnce && resume) return resumedAtOnce(server, complaints);
    const relayed = await relayTo(listensOn);
    const secure = event(server, 'secureConnection');
    const program = peer.client(t, relayed ? relayed.port : listensOn, scenario, files);
    program.isChecked = scenario.ids === 'checked';
    const [socket] = await within(secure, scenario, program, complaints);
    checkPeer(socket, scenario, keys);
    await program.connected(patience(scenario));
    calm(relayed);
    await program.exchange();
    if (scenario.ids) await theirClientMoves(server, socket, program, relayed);
    if (!resume) return relayed || undefined;

    // A ticket is good for another server that has the keys.
    const next = resume === 'ticket' ? await takeOver(t, server, ourServer(scenario, keys)) : server;
    const again = event(next, 'secureConnection');
    const comesBack = program.comeBack();
    const [second] = await within(again, scenario, comesBack, complaints);
    assert.equal(second.isSessionReused(), true, 'the session was not resumed');
    checkPeer(second, scenario, keys);
    await comesBack.connected(PATIENCE);
    await comesBack.exchange();
  }

  async function resumedAtOnce(server, complaints) {
    const twice = new Promise((resolve) => {
      const sockets = [];
      server.on('secureConnection', (socket) => sockets.push(socket) === 2 && resolve(sockets));
    });
    const program = peer.client(t, server.address().port, scenario, files);
    const [first, second] = await within(twice, scenario, program, complaints);
    assert.deepEqual(
      [first, second].map((socket) => socket.isSessionReused()),
      [false, true],
    );
    checkPeer(second, scenario, keys);
    await program.exchange();
  }

  async function theirServer() {
    const port = await quietPort();
    const program = peer.server(t, port, scenario, files);
    await program.listening();
    const relayed = await relayTo(program.port ?? port);
    const options = { ...ourClient(scenario, keys), ...(scenario.loss && IMPATIENT) };
    const target = relayed ? relayed.port : (program.port ?? port);
    const client = openClient(t, { address: () => ({ port: target }) }, options);
    const failure = new Promise((_resolve, reject) => client.once('error', reject));
    await within(Promise.race([event(client, 'secureConnect'), failure]), scenario, program);
    checkPeer(client, scenario, keys);
    calm(relayed);
    await within(Promise.race([program.exchange(client), failure]), scenario, program);
    if (scenario.ids) {
      assert.equal(client.connectionId?.length > 0 && client.peerConnectionId.length, THEIR_ID, 'no connection IDs');
      if (scenario.ids !== 'still') await relayed.rebind();
      await within(Promise.race([program.exchange(client), failure]), scenario, program);
    }
    if (!scenario.resume) return relayed || undefined;

    const session = client.getSession();
    const place = peer.hearsOneAddress ? { localPort: client.localPort } : {};
    const closed = event(client, 'close');
    client.end();
    await closed;
    // The goodbye leaves, and then the port is free.
    while (place.localPort && !(await isFree(place.localPort))) await sleep(10);
    const second = openClient(t, { address: () => ({ port: target }) }, { ...options, ...place, session });
    const secondFailure = new Promise((_resolve, reject) => second.once('error', reject));
    await within(Promise.race([event(second, 'secureConnect'), secondFailure]), scenario, program);
    assert.equal(second.isSessionReused(), true, 'the session was not resumed');
    checkPeer(second, scenario, keys);
    await within(Promise.race([program.exchange(second), secondFailure]), scenario, program);
  }

  /** What stands between the two, if anything does. */
  async function relayTo(port) {
    if (scenario.ids) return startNat(t, port);
    return scenario.loss && (await lossyProxy(t, port, weather));
  }
}

/** The client's NAT gives it another port, and the connection goes on. */
async function theirClientMoves(server, socket, program, nat) {
  assert.equal(socket.peerConnectionId?.length, THEIR_ID, 'no connection IDs');
  await nat.rebind();
  await program.exchange(undefined, 'a line from another port');
  assert.equal(server.stats.moves, 1);
  assert.equal(server.stats.handshakesStarted, 1);
  const isChecked = socket.session.return_routability;
  assert.equal(isChecked, program.isChecked, 'whether both answer return routability checks');
  const deadline = Date.now() + PATIENCE;
  while (isChecked && !socket.addressConfirmed && Date.now() < deadline) await sleep(20);
  assert.equal(socket.addressConfirmed, isChecked);
  assert.equal(server.stats.moves, 1, 'a check has failed');
}

/** A free port outside the range that the system gives out: nobody takes it before the peer does. */
async function quietPort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) return port;
  }
}

/** Checks that the connection is with the peer, and has the suite, that the scenario names. */
function checkPeer(socket, { auth, suite, mutual }, keys) {
  if (suite) assert.equal(socket.getCipher().name, suite);
  const identity = socket.pskIdentity?.toString();
  if (auth === 'psk' && identity !== undefined) assert.equal(identity, IDENTITY);
  if (auth === 'raw') assert.deepEqual(socket.publicKey, keys.theirs.publicKey);
  else if (mutual) assert(socket.publicKey.length > 0, 'the peer has shown no certificate');
}

/** Our server resumes the sessions of the connections that it has seen. */
function keepSessions(server) {
  const sessions = new Map();
  server.on('secureConnection', ({ session }) => sessions.set(session.id.toString('hex'), session));
  server.on('renegotiate', (id, _socket, callback) => callback(null, sessions.get(id)));
}

/** Another server in the place of one that says nothing to anybody. */
async function takeOver(t, server, options) {
  const { port } = server.address();
  for (const socket of Object.values(server.sockets)) socket.sendClose = false;
  await new Promise((resolve) => server.close(resolve));
  const next = createServer(options, echo);
  next.listen(port, HOST);
  t.after(() => new Promise((resolve) => next.close(resolve)));
  await event(next, 'listening');
  return next;
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

function patience({ loss }) {
  return loss ? PATIENCE_WITH_LOSS : PATIENCE;
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

module.exports = { echoed, run };
