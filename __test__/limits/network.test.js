'use strict';

// A system that refuses what is sent. The first test needs Linux, and the right to make a network namespace.

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { connect } = require('../..');
const { BOB, HOST, event, messages, startServer } = require('../support/endpoints.js');
const { Radio, openPlace } = require('../support/radio.js');

const PROGRAM = path.join(__dirname, 'programs', 'outages.js');
const inNamespace = (command) => ['-Urn', 'sh', '-c', `ip link set lo up && ${command}`];
const skip =
  spawnSync('unshare', inNamespace('ip rule add pref 100 lookup local')).status !== 0 &&
  'skipped (no network namespaces)';

test('a connection and a handshake outlive an interface that goes and routes that are refused', { skip }, async () => {
  const command = `"${process.execPath}" "${PROGRAM}"`;
  const { stdout } = await promisify(execFile)('unshare', inNamespace(command), { timeout: 60_000 });
  const { results, troubles, connections } = JSON.parse(stdout);
  assert.deepEqual(
    results,
    Object.fromEntries(
      ['interface down', 'address gone', 'prohibited', 'unreachable', 'black hole'].map((name) => [name, name]),
    ),
  );
  assert.deepEqual(troubles, []);
  assert.equal(connections, 1);
});

/** A client's UDP socket of whose datagrams the system refuses one. */
class RefusedRadio extends Radio {
  /** @param {{ at: number, code: string }} refusal which one, and why */
  constructor(port, place, refusal) {
    super(port, place);
    this._refusal = refusal;
    this._sent = 0;
  }

  send(datagram, port, host, callback) {
    const { at, code } = this._refusal;
    if (this._sent++ !== at) super.send(datagram, port, host, callback);
    else process.nextTick(() => callback?.(Object.assign(new Error(code), { code })));
  }
}

async function openRefused(t, refusal) {
  const server = await startServer(t);
  const { port } = server.address();
  const place = await openPlace();
  t.after(() => place.udp.close());
  const client = connect({
    ...{ host: HOST, port, ...BOB, handshakeTimeoutMin: 100 },
    socket: new RefusedRadio(port, place, refusal),
  });
  t.after(() => client.destroy());
  return { server, client };
}

/** A client's datagrams, in their order. */
const DATAGRAMS = ['its hello', 'its hello with the cookie', 'its last flight', 'its first message'];

const REFUSALS = { ENOBUFS: DATAGRAMS, ENOMEM: DATAGRAMS };
for (const code of ['EMSGSIZE', 'EPERM', 'ENETDOWN']) REFUSALS[code] = DATAGRAMS.slice(1);

for (const [code, datagrams] of Object.entries(REFUSALS)) {
  test(`what the system refuses with ${code} of a client is lost: ${datagrams.join(', ')}`, async (t) => {
    for (const what of datagrams) {
      const { server, client } = await openRefused(t, { at: DATAGRAMS.indexOf(what), code });
      client.on('error', assert.fail);
      const [socket] = await event(server, 'secureConnection');
      const received = messages(socket, 1);
      await new Promise((resolve) => client.write('first', resolve));
      client.write('second');
      assert.deepEqual(await received, [what === DATAGRAMS.at(-1) ? 'second' : 'first']);
    }
  });
}

for (const code of ['EMSGSIZE', 'EPERM', 'ENETDOWN']) {
  test(`a client whose hello the system refuses with ${code} fails with it`, async (t) => {
    const { client } = await openRefused(t, { at: 0, code });
    const [error] = await event(client, 'error');
    assert.equal(error.code, code);
  });
}
