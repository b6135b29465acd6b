'use strict';

// A server at all addresses of a machine answers from the one that was asked (RFC 1122 section 4.1.3.5). Otherwise a client
// whose socket is connected never hears it, as ours is. Linux has all of 127.0.0.0/8 as addresses of its own.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');

const { connect, createServer } = require('../..');
const { defaults } = require('../../lib/options/defaults');
const { BOB, echo, event, messages } = require('../support/endpoints.js');

/** More in a row than make the address that they were sent to the one that Node's own way is for. */
const MANY = 100;

const OTHERS = ['127.0.0.2', '127.0.0.3'];

const skip =
  process.platform !== 'linux'
    ? 'this system does not tell which address was asked'
    : !defaults.nativeUdp && 'node:dgram does not tell which address was asked';

describe('a server at all addresses', { skip }, () => {
  const listen = async (t, host, options) => {
    const server = createServer({ psk: { bob: BOB.psk }, ...options }, echo);
    server.listen(0, host);
    t.after(() => new Promise((resolve) => server.close(resolve)));
    await event(server, 'listening');
    return server;
  };

  const open = (t, server, host, options = {}) => {
    const client = connect({ ...BOB, host, port: server.address().port, handshakeTimeout: 5000, ...options });
    t.after(() => client.destroy());
    return client;
  };

  const echoes = async (client, count) => {
    const answers = messages(client, count);
    for (let index = 0; index < count; index++) client.write(`message ${index}`);
    return (await answers).length;
  };

  for (const host of ['0.0.0.0', '::']) {
    test(`at ${host} answers from each that is asked, one after the other and by turns`, async (t) => {
      const server = await listen(t, host);
      const clients = ['127.0.0.1', ...OTHERS].map((other) => open(t, server, other));
      for (const client of clients) assert.equal(await echoes(client, MANY), MANY);
      const asked = Object.values(server.sockets).map((socket) => [socket.localAddress, socket.address().family]);
      assert.deepEqual(asked.sort(), [['127.0.0.1', 'IPv4'], ...OTHERS.map((other) => [other, 'IPv4'])]);
      for (let round = 0; round < 10; round++) {
        for (const client of clients) assert.equal(await echoes(client, 1), 1);
      }
      const all = await Promise.all(clients.map((client) => echoes(client, MANY)));
      assert.deepEqual(all, [MANY, MANY, MANY]);
    });
  }

  test('has a connection with each for one UDP socket of a peer', async (t) => {
    const server = await listen(t, '0.0.0.0');
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    t.after(() => socket.close());
    await event(socket, 'listening');
    const clients = OTHERS.map((host) => open(t, server, host, { socket }));
    assert.deepEqual(await Promise.all(clients.map((client) => echoes(client, 10))), [10, 10]);
    assert.equal(server.getConnections(), 2);
  });

  test('shows every datagram to other listeners of its UDP socket', async (t) => {
    const server = await listen(t, '0.0.0.0');
    const seen = [];
    server.dgramSocket.on('message', (datagram, { port, size }) => seen.push([port, size === datagram.length]));
    const clients = OTHERS.map((host) => open(t, server, host));
    assert.deepEqual(await Promise.all(clients.map((client) => echoes(client, 10))), [10, 10]);
    for (const { localPort } of clients) {
      // Two hellos, the key, ChangeCipherSpec and Finished in one datagram, ten messages.
      assert(seen.filter(([port, isWhole]) => port === localPort && isWhole).length >= 13);
    }
  });

  test('sends nothing from another one when its own way out is blocked', async (t) => {
    const server = await listen(t, '0.0.0.0');
    const strangers = [];
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    t.after(() => socket.close());
    await event(socket, 'listening');
    socket.on('message', (_, { address }) => address !== OTHERS[0] && strangers.push(address));
    const client = open(t, server, OTHERS[0], { socket });
    assert.equal(await echoes(client, 1), 1);
    const [peer] = Object.values(server.sockets);
    server._endpoint.native.setCongested(true);
    peer.write('lost');
    server._endpoint.native.setCongested(false);
    const arrived = messages(client, 1);
    peer.write('heard');
    assert.deepEqual(await arrived, ['heard']);
    assert.deepEqual(strangers, []);
  });

  test('leaves the port to nobody else, and gives it back', async (t) => {
    const server = await listen(t, '0.0.0.0');
    const { port } = server.address();
    const late = dgram.createSocket('udp4');
    t.after(() => late.close());
    late.bind({ port, address: '0.0.0.0', exclusive: true });
    assert.equal((await event(late, 'error'))[0].code, 'EADDRINUSE');
    server.close();
    await event(server, 'close');
    late.bind({ port, address: '0.0.0.0', exclusive: true });
    await event(late, 'listening');
  });
});

const NETWORK = [
  'ip link set lo up',
  ...['fd00:77::1/128', 'fd00:77::2/128'].map((address) => `ip addr add ${address} dev lo nodad`),
  'ip link add v0 type veth peer name v1',
  'ip link set v0 up',
  'ip link set v1 up',
  ...['10.77.0.1/24', '10.77.0.2/24'].map((address) => `ip addr add ${address} dev v0`),
].join(' && ');
const inNamespace = (command) => ['-Urn', 'sh', '-c', `${NETWORK} && ${command}`];
const noNamespace = spawnSync('unshare', inNamespace('true')).status !== 0 && 'no network namespaces';

test('a machine with several addresses: all are answered on a socket of our own, and one warning is for those given', {
  skip: skip || noNamespace,
}, async () => {
  const script = path.join(__dirname, '..', 'support', 'asked-address.js');
  const { stdout } = await promisify(execFile)('unshare', inNamespace(`"${process.execPath}" "${script}"`));
  assert.deepEqual(JSON.parse(stdout), {
    answers: ['hello', 'hello', 'hello'],
    ofOwn: [],
    ofOneAddress: [],
    ofTwoGiven: ['ERR_DTLS_ASKED_ADDRESS_UNKNOWN'],
  });
});
