'use strict';

// What a stranger says in plaintext, in the name of either side, while a handshake of DTLS 1.3 has its keys and the application is
// asked about the peer: messages under the numbers of those that are to come protected.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { versions } = require('../..');
const certificates = require('../support/certificates.js');
const { HOST, event, messages, openClient, startServer } = require('../support/endpoints.js');

const skip = versions['aws-lc'] === undefined && 'this build has no AWS-LC';

const HANDSHAKE = 22;
const [CLIENT_HELLO, SERVER_HELLO] = [1, 2];
/** Where a plaintext record has its content, and a handshake message its number. */
const [CONTENT, SEQUENCE] = [13, 13 + 4];
const NUMBERS = [2, 3, 4, 5, 6, 7, 8, 9];

/** A record with the beginning of a ServerHello of 40 bytes, or with the whole of it. */
function serversHello(sequence, length) {
  const message = Buffer.alloc(12 + length);
  message.set([SERVER_HELLO, 0, 0, 40, 0, sequence, 0, 0, 0, 0, 0, length]);
  const header = Buffer.from([HANDSHAKE, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, message.length]);
  return Buffer.concat([header, message]);
}

/** A client's hello, under another number of a message. */
function again(hello, sequence) {
  const other = Buffer.from(hello);
  other.writeUInt16BE(sequence, SEQUENCE);
  return other;
}

/** Passes datagrams between one client and a server. Each has forged ones before it and behind it. */
async function stranger(t, serverPort) {
  const [front, back] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  let client = null;
  let hello = null;
  const forge = () => {
    for (const number of NUMBERS) {
      for (const length of [4, 40]) front.send(serversHello(number, length), client.port, client.address);
      if (hello !== null) back.send(again(hello, number), serverPort, HOST);
    }
  };
  front.on('message', (datagram, remote) => {
    client = remote;
    const isHello = datagram[0] === HANDSHAKE && datagram[CONTENT] === CLIENT_HELLO;
    if (isHello && datagram.readUInt16BE(SEQUENCE) === 1) hello ??= datagram;
    back.send(datagram, serverPort, HOST);
    forge();
  });
  back.on('message', (datagram) => {
    // Nothing of what is forged comes before a ServerHello that it could be taken for.
    front.send(datagram, client.port, client.address);
    forge();
  });
  for (const socket of [front, back]) {
    socket.bind(0, HOST);
    t.after(() => socket.close());
  }
  await Promise.all([event(front, 'listening'), event(back, 'listening')]);
  return { port: front.address().port, forge };
}

describe('A stranger who speaks in plaintext under the numbers of protected messages', { skip }, () => {
  test('ends the handshake of neither side, however long their applications are asked', async (t) => {
    const { ca, server: own, client: device } = certificates;
    const between = { forge() {} };
    const verifyPeer = (_socket, _peer, callback) => {
      between.forge();
      sleep(50).then(() => {
        between.forge();
        callback(null, true);
      });
    };
    const server = await startServer(t, {
      ...{ key: own.key, cert: own.cert, ca: ca.cert, requestCert: true, verifyPeer },
      maxVersion: 'DTLSv1.3',
    });
    const failed = t.mock.fn();
    server.on('clientError', failed);
    const { port, forge } = await stranger(t, server.address().port);
    between.forge = forge;
    const secured = event(server, 'secureConnection');
    const client = openClient(
      t,
      { address: () => ({ address: HOST, port }) },
      {
        ca: ca.cert,
        servername: 'localhost',
        key: device.key,
        cert: device.cert,
        verifyPeer,
        minVersion: 'DTLSv1.3',
        maxVersion: 'DTLSv1.3',
        mtu: 400,
      },
    );
    const [[socket]] = await Promise.all([secured, event(client, 'secureConnect')]);
    const heard = messages(socket, 1);
    client.write('still here');
    assert.deepEqual(await heard, ['still here']);
    assert.equal(failed.mock.callCount(), 0);
  });
});
