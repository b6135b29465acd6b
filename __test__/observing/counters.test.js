'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { test } = require('node:test');

const { openMetrics } = require('../..');
const { BOB, HOST, connectedPair, echo, event, openClient, startServer } = require('../support/endpoints.js');
const { lossyProxy } = require('../support/lossy.js');
const { WIRE, inOlderVersion } = require('../support/older-version.js');

const EMPTY = {
  __proto__: null,
  messagesReceived: 0,
  messagesSent: 0,
  bytesReceived: 0,
  bytesSent: 0,
  recordsDropped: 0,
  retransmissions: 0,
};

test('both sides count the messages of a connection, and remember them when it is over', async (t) => {
  const { server, socket, client } = await connectedPair(t);
  echo(socket);
  client.write('hello');
  await event(client, 'data');
  const { roundTripTime: clients, ...sent } = client.connectionStats;
  assert.deepEqual(
    { __proto__: null, ...sent },
    {
      __proto__: null,
      ...EMPTY,
      messagesReceived: 1,
      messagesSent: 1,
      bytesReceived: 5,
      bytesSent: 5,
    },
  );
  assert.ok(clients > 0 && clients < 10_000);
  const { roundTripTime: servers, ...received } = socket.connectionStats;
  assert.deepEqual(received, sent);
  assert.ok(servers > 0 && servers < 10_000);
  assert.deepEqual([socket.bytesRead, client.bytesWritten], [5, 5]);

  const { stats } = server;
  assert.deepEqual([stats.messagesReceived, stats.messagesSent], [1, 1]);
  assert.ok(stats.datagramBytesReceived > 5 && stats.datagramBytesSent > 5);
  assert.equal(stats.handshakeTimes.counts.length, stats.handshakeTimes.bounds.length + 1);
  assert.equal(total(stats.handshakeTimes), 1);
  assert.equal(total(stats.roundTrips), 1);
  assert.ok(stats.handshakeTimes.sum > 0);

  client.end();
  await event(socket, 'close');
  assert.deepEqual(socket.connectionStats, { __proto__: null, ...received, roundTripTime: servers });
  assert.deepEqual(server.stats.ends, { evicted: 0, idle: 0, local: 0, peer: 1, replaced: 0 });
});

test('a socket has zeros for counters before its connection begins', (t) => {
  const client = openClient(t, { address: () => ({ port: 9 }) });
  assert.deepEqual(client.connectionStats, { __proto__: null, ...EMPTY, roundTripTime: undefined });
});

test('what is dropped is counted by its reason, and as often as the records', async (t) => {
  inOlderVersion(t, WIRE);
  const { server, client } = await connectedPair(t);
  const stranger = dgram.createSocket('udp4');
  t.after(() => stranger.close());
  const { port } = server.address();
  const send = (socket, datagram) => new Promise((resolve) => socket.send(datagram, port, HOST, resolve));
  const data = Buffer.from('17fefd000100000000000100040102030405', 'hex').subarray(0, 17);
  await send(stranger, 'no record');
  await send(stranger, data);
  await until(() => server.stats.drops.noRecord === 1 && server.stats.drops.noConnection === 1);

  // From the client's own address: forged, and of an epoch that is over.
  const forged = (bytes) => new Promise((resolve) => client.dgramSocket.send(bytes, resolve));
  await forged(Buffer.concat([Buffer.from('17fefd00010000000000630018', 'hex'), Buffer.alloc(24)]));
  await forged(Buffer.from('15fefd00000000000000630002022f', 'hex'));
  await until(() => server.stats.drops.unauthentic === 1 && server.stats.drops.unexpected === 1);
  const { drops, recordsDropped } = server.stats;
  const { noRecord, ...records } = drops;
  assert.equal(
    recordsDropped,
    Object.values(records).reduce((sum, count) => sum + count),
  );
  assert.equal(server.sockets[`${HOST}:${client.localPort}`].connectionStats.recordsDropped, 2);
  assert.equal(noRecord, 1);
});

test('a record that is replayed counts as such', async (t) => {
  const server = await startServer(t);
  server.on('secureConnection', echo);
  const seen = [];
  const proxy = await lossyProxy(t, server.address().port, { loss: 0, see: (datagram) => seen.push(datagram) });
  const client = openClient(t, { address: () => ({ port: proxy.port }) });
  await event(client, 'secureConnect');
  client.write('once');
  await event(client, 'data');
  client.dgramSocket.send(seen.at(-1));
  await until(() => server.stats.drops.replayed === 1);
});

test('flights that are sent again are counted on both sides, and no round trip is taken from them', async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk }, handshakeTimeoutMin: 50 });
  const proxy = await lossyProxy(t, server.address().port, { loss: 1 });
  const client = openClient(t, { address: () => ({ port: proxy.port }) }, { ...BOB, handshakeTimeoutMin: 50 });
  await until(() => client.stats.retransmissions > 0);
  proxy.calm();
  await event(client, 'secureConnect');
  const { retransmissions } = client.connectionStats;
  assert.ok(retransmissions > 0);
  assert.equal(client.stats.retransmissions, retransmissions);
});

test('errors are counted by their code', async (t) => {
  const server = await startServer(t);
  const failed = event(server, 'clientError');
  openClient(t, server, { psk: 'another key', pskIdentity: 'bob' }).on('error', () => {});
  await failed;
  assert.deepEqual(server.stats.errors, { ERR_DTLS_WRONG_PSK: 1 });
});

test('openMetrics() writes each family once, with a sample for each server', async (t) => {
  const { server, client } = await connectedPair(t);
  const text = openMetrics({ 'a "quoted"\\name': server, other: client });
  assert.ok(text.endsWith('# EOF\n'));
  const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(types, [...new Set(types)]);
  assert.match(text, /^mbed_dtls_handshakes_completed_total\{endpoint="a \\"quoted\\"\\\\name"\} 1$/m);
  assert.match(text, /^mbed_dtls_handshakes_completed_total\{endpoint="other"\} 1$/m);
  assert.match(text, /^mbed_dtls_handshake_duration_seconds_bucket\{endpoint="other",le="\+Inf"\} 1$/m);
  assert.match(openMetrics(server), /^mbed_dtls_connections 1$/m);
  for (const wrong of [null, 'server', {}, { server: {} }, { stats: 1 }]) {
    assert.throws(() => openMetrics(wrong), { code: /^ERR_INVALID_ARG_(TYPE|VALUE)$/ });
  }
});

function total({ counts }) {
  return counts.reduce((sum, count) => sum + count);
}

async function until(isTrue) {
  for (const deadline = Date.now() + 10_000; !isTrue(); ) {
    assert.ok(Date.now() < deadline, `${isTrue} did not become true`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('handshakeTime is in milliseconds, on both sides', async (t) => {
  const pskCallback = () => new Promise((resolve) => setTimeout(resolve, 60, BOB.psk));
  const server = await startServer(t, { pskCallback });
  const began = performance.now();
  const client = openClient(t, server);
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  const longest = performance.now() - began;
  for (const { handshakeTime } of [socket, client]) {
    assert(handshakeTime > 55 && handshakeTime <= longest, `${handshakeTime} of ${longest} ms`);
  }
});
