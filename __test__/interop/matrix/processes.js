'use strict';

// A session that is resumed, where our side is two processes: one makes the session, and the other one resumes it. Servers share
// the keys of tickets, or a store of sessions by id; clients hand on what getSession() says.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { event, isFree } = require('../../support/endpoints.js');
const { startNat } = require('../../support/nat.js');
const { PATIENCE, checkPeer, quietPort, within } = require('./pair.js');
const { ourClient, ourServer } = require('./scenarios.js');

const PROGRAM = path.join(__dirname, 'own-process.js');

/** One of our processes. Emits what it tells. */
class OwnProcess extends EventEmitter {
  constructor(t) {
    super();
    this._child = fork(PROGRAM, { serialization: 'advanced' });
    t.after(() => this._child.kill('SIGKILL'));
    this._child.on('message', (told) => {
      for (const [name, value] of Object.entries(told)) this.emit(name, value);
    });
  }

  tell(message) {
    this._child.send(message);
  }

  write(text) {
    this.tell({ write: text });
  }

  /** Its next connection; rejects when there is none. */
  connection() {
    const failed = event(this, 'failure').then(([code]) => {
      throw new Error(`our side failed with ${code}`);
    });
    return Promise.race([event(this, 'connection').then(([told]) => told), failed]);
  }
}

/**
 * @param {{ after: Function }} t ends what was started
 * @param {object} pair of index.js
 * @param {object} files of the peer
 */
async function runInTwoProcesses(t, { peer, role, scenario }, keys, files) {
  if (role === 'client') await theirClient();
  else await theirServer();

  async function theirClient() {
    const options = ourServer(scenario, keys);
    const store = scenario.resume === 'id' ? temporaryDirectory(t) : undefined;
    const servers = [new OwnProcess(t), new OwnProcess(t)];
    const ports = [];
    for (const server of servers) {
      const listening = event(server, 'port');
      server.tell({ serve: options, store });
      ports.push((await listening)[0]);
    }
    // The client's second address is another one's.
    const ways = [...ports];
    const nat = await startNat(t, () => (ways.length > 1 ? ways.shift() : ways[0]));
    const connections = servers.map((server) => server.connection());
    let program = peer.client(t, nat.port, scenario, files);
    const first = await within(connections[0], scenario, program);
    assert.equal(first.isSessionReused, false);
    check(first);
    if (!peer.resumesAtOnce) {
      await program.connected(PATIENCE);
      await program.exchange();
      program = program.comeBack();
    }
    const second = await within(connections[1], scenario, program);
    assert.equal(second.isSessionReused, true, 'the session was not resumed');
    check(second);
    if (!peer.resumesAtOnce) await program.connected(PATIENCE);
    await program.exchange();
  }

  async function theirServer() {
    const port = await quietPort();
    const program = peer.server(t, port, scenario, files);
    await program.listening();
    const options = { ...ourClient(scenario, keys), port: program.port ?? port };
    const first = await visit(program, options);
    const left = event(first.client, 'left');
    first.client.tell({ leave: true });
    const [{ session, localPort }] = await left;
    assert.equal(first.connection.isSessionReused, false);
    const place = peer.hearsOneAddress ? { localPort } : {};
    // The goodbye leaves, and then the port is free.
    while (place.localPort && !(await isFree(place.localPort))) await sleep(10);
    const second = await visit(program, { ...options, ...place, session });
    assert.equal(second.connection.isSessionReused, true, 'the session was not resumed');
  }

  async function visit(program, options) {
    const client = new OwnProcess(t);
    const connected = client.connection();
    client.tell({ connect: options });
    const connection = await within(connected, scenario, program);
    check(connection);
    await within(program.exchange(client), scenario, program);
    return { client, connection };
  }

  function check({ protocol, cipher, ...told }) {
    checkPeer({ getProtocol: () => protocol, getCipher: () => cipher, ...told }, scenario, keys);
  }
}

function temporaryDirectory(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sessions-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  return directory;
}

module.exports = { runInTwoProcesses };
