'use strict';

// What `npm run endurance` counts on the wire: it would notice a nonce that comes twice, and a record that nobody has keys for.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { BOB, HOST, echo, event, openClient, startServer } = require('../support/endpoints.js');
const { Nonces } = require('../support/nonces.js');
const { openPlace } = require('../support/radio.js');
const { SUITE: NEWER_SUITE } = require('../support/reader13.js');
const { WatchedRadio, Wire } = require('../support/wire.js');
const { versions } = require('../..');

const SUITE = 'PSK-AES128-GCM-SHA256';

test('a nonce is repeated by another record, and not by a copy of the same one', () => {
  const nonces = new Nonces();
  const nonce = (lower) => Buffer.from([1, 2, 3, 4, 0, 0, 0, lower]);
  const [one, other] = [Buffer.alloc(40, 1), Buffer.alloc(40, 2)];
  const noted = [
    [5, one],
    [6, one],
    [5, one],
    [5, other],
    [9, one],
    [7, one],
    [6, other],
    [9, other],
  ];
  assert.deepEqual(
    noted.map(([lower, fragment]) => nonces.note(nonce(lower), fragment)),
    ['new', 'new', 'copy', 'repeated', 'new', 'new', 'repeated', 'repeated'],
  );
});

for (const version of ['DTLSv1.2', 'DTLSv1.3']) {
  const skip = version === 'DTLSv1.3' && versions['aws-lc'] === undefined && 'this build has no DTLS 1.3';
  test(`each record of ${version} is opened with its keys, wherever its client is`, { skip }, (t) => watch(t, version));
}

async function watch(t, version) {
  const ciphers = version === 'DTLSv1.2' ? SUITE : NEWER_SUITE;
  const common = { minVersion: version, maxVersion: version, ciphers };
  const server = await startServer(t, { psk: { bob: BOB.psk }, connectionId: 8, ...common });
  server.on('secureConnection', echo);
  const { port } = server.address();
  const wire = new Wire(SUITE, 8, port);
  const places = await Promise.all([openPlace(), openPlace(), openPlace()]);
  t.after(() => {
    for (const { udp } of places) udp.close();
  });
  for (const place of places) wire.watch(place);
  const join = async (place) => {
    const radio = new WatchedRadio(port, place, wire.connection());
    const client = openClient(t, server, { ...BOB, ...common, connectionId: 0, socket: radio });
    client.on('keylog', (line) => radio.watched.handleKeyLog(line));
    await event(client, 'secureConnect');
    const ask = async () => {
      client.write('hello');
      await event(client, 'data');
    };
    return { radio, ask };
  };
  const [first, second] = [await join(places[0]), await join(places[1])];
  for (const { ask } of [first, second]) await ask();
  // Two handshakes, and two messages with their answers; DTLS 1.3 has more of its handshake protected.
  const { new: seen, ...rest } = wire.counts;
  assert(version === 'DTLSv1.2' ? seen === 8 : seen > 8, `${seen} records`);
  assert.deepEqual(rest, { copy: 0, repeated: 0, unread: 0, ofLostHandshakes: 0 });
  first.radio.moveTo(places[2]);
  second.radio.moveTo(places[0]);
  for (const { ask } of [first, second]) await ask();
  // At least: the new addresses may be checked.
  assert(wire.counts.new >= seen + 4);
  assert.deepEqual([wire.counts.repeated, wire.counts.unread], [0, 0]);

  // GCM's nonce and tag around nothing, under keys that nobody has.
  const forged = Buffer.concat([Buffer.from('17fefd00010000000000070018', 'hex'), Buffer.alloc(24, 7)]);
  const [{ udp }] = places;
  udp.emit('message', forged, { address: HOST, port });
  assert.equal(wire.counts.unread, 1);
  assert.deepEqual([...wire.unread], [['DTLS 1.2, type 23, 24 B, to a client', 1]]);
  // What another server has to say to a client that had the port before is none of its records.
  udp.emit('message', forged, { address: HOST, port: places[1].port });
  assert.equal(wire.counts.unread, 1);
}
