'use strict';

// One pair: a program that we did not write and an endpoint of ours authenticate each other as the scenario says, and
// application data goes both ways.

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');

const { echo, event, openClient, startServer } = require('../../support/endpoints.js');
const { lossyProxy } = require('../../support/lossy.js');
const { startNat } = require('../../support/nat.js');
const { runMany } = require('./many.js');
const { IMPATIENT, PATIENCE, calm, checkPeer, patience, quietPort, within } = require('./pair.js');
const { runInTwoProcesses } = require('./processes.js');
const { THEIR_ID, makeKeys, ourClient, ourServer, peerFiles } = require('./scenarios.js');

/** The part of the datagrams that is lost in either direction. */
const LOSS = 1 / 3;

/**
 * Runs a pair; rejects when it fails.
 *
 * @param {{ after: Function }} t ends what the pair has started
 * @param {object} pair of index.js
 * @param {number} seed of the lossy network
 * @returns {Promise<string>} what else is to be said, or ''
 */
async function run(t, { peer, role, scenario }, seed) {
  if (scenario.handshakes) return runMany(t, { peer, role, scenario }, seed);
  const keys = makeKeys(t, scenario);
  const files = peerFiles(scenario, role, keys);
  if (typeof scenario.resume === 'string') {
    await runInTwoProcesses(t, { peer, role, scenario }, keys, files);
    return '';
  }
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
    if (resume) keepSessions(server);
    const listensOn = server.address().port;
    const relayed = await relayTo(listensOn);
    const secure = event(server, 'secureConnection');
    const program = peer.client(t, relayed ? relayed.port : listensOn, scenario, files);
    program.isChecked = scenario.ids === 'checked';
    const [socket] = await within(secure, scenario, program, complaints);
    checkPeer(socket, scenario, keys);
    await program.connected(patience(scenario));
    calm(relayed);
    await program.exchange();
    if (scenario.updates) await theirClientUpdates(program);
    if (scenario.ids) await theirClientMoves(server, socket, program, relayed);
    if (!resume) return relayed || undefined;

    const again = event(server, 'secureConnection');
    const comesBack = program.comeBack();
    const [second] = await within(again, scenario, comesBack, complaints);
    assert.equal(second.isSessionReused(), true, 'the session was not resumed');
    checkPeer(second, scenario, keys);
    await comesBack.connected(PATIENCE);
    await comesBack.exchange();
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
    // It has replaced its keys behind its answer.
    for (let count = 0; scenario.updates && count < 2; count++) {
      await within(Promise.race([program.exchange(client), failure]), scenario, program);
    }
    if (scenario.ids) {
      assert.equal(client.connectionId?.length > 0 && client.peerConnectionId.length, THEIR_ID, 'no connection IDs');
      if (scenario.ids !== 'still') await relayed.rebind();
      await within(Promise.race([program.exchange(client), failure]), scenario, program);
    }
    return relayed || undefined;
  }

  /** What stands between the two, if anything does. */
  async function relayTo(port) {
    if (scenario.ids) return startNat(t, port);
    return scenario.loss && (await lossyProxy(t, port, weather));
  }
}

/** Both sides have other keys, and go on. */
async function theirClientUpdates(program) {
  for (const line of ['a line under other keys', 'and another']) {
    await program.update();
    await program.exchange(undefined, line);
  }
}

/** The client's NAT gives it another port, and the connection goes on. */
async function theirClientMoves(server, socket, program, nat) {
  assert.equal(socket.peerConnectionId?.length, THEIR_ID, 'no connection IDs');
  await nat.rebind();
  await program.exchange(undefined, 'a line from another port');
  assert.equal(server.stats.moves, 1);
  assert.equal(server.stats.handshakesStarted, 1);
  const { isChecked } = program;
  // A connection of DTLS 1.3 cannot be saved.
  if (socket.session)
    assert.equal(socket.session.return_routability, isChecked, 'whether both answer return routability checks');
  const deadline = Date.now() + PATIENCE;
  while (isChecked && !socket.addressConfirmed && Date.now() < deadline) await sleep(20);
  assert.equal(socket.addressConfirmed, isChecked);
  assert.equal(server.stats.moves, 1, 'a check has failed');
}

/** Our server resumes the sessions of the connections that it has seen. */
function keepSessions(server) {
  const sessions = new Map();
  server.on('secureConnection', ({ session }) => sessions.set(session.id.toString('hex'), session));
  server.on('renegotiate', (id, _socket, callback) => callback(null, sessions.get(id)));
}

module.exports = { run };
