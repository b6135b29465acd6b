'use strict';

// A client of DTLS 1.3 is connected before its server knows it: what becomes of it when a NAT gives it another port in between.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const { versions } = require('../..');
const { BOB, HOST, event, messages, openClient, startServer } = require('../support/endpoints.js');

const skip = versions['aws-lc'] === undefined && 'this build has no AWS-LC';

const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };
/** The first three bits of a protected record, and what they are. */
const [MARK_BITS, MARK] = [0xe0, 0x20];

/** A NAT that loses the first protected record of its client, and gives it another port then. */
async function forgetfulNat(t, serverPort) {
  const inner = dgram.createSocket('udp4');
  const outer = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  let client = null;
  let hasForgotten = false;
  inner.on('message', (datagram, remote) => {
    client = remote;
    const isProtected = (datagram[0] & MARK_BITS) === MARK;
    if (isProtected && !hasForgotten) {
      hasForgotten = true;
      return;
    }
    outer[hasForgotten ? 1 : 0].send(datagram, serverPort, HOST);
  });
  outer[0].on('message', (datagram) => hasForgotten || inner.send(datagram, client.port, client.address));
  outer[1].on('message', (datagram) => inner.send(datagram, client.port, client.address));
  for (const socket of [inner, ...outer]) {
    socket.bind(0, HOST);
    t.after(() => socket.close());
  }
  await Promise.all([inner, ...outer].map((socket) => event(socket, 'listening')));
  return { port: inner.address().port, outerPort: outer[1].address().port };
}

describe('A client of DTLS 1.3 whose port changes before its last flight has arrived', { skip }, () => {
  test('gets in by its connection ID, and is answered where it is', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, connectionId: 8, maxVersion: 'DTLSv1.3' });
    const nat = await forgetfulNat(t, server.address().port);
    const secured = event(server, 'secureConnection');
    const timing = { handshakeTimeoutMin: 100 };
    const client = openClient(
      t,
      { address: () => ({ port: nat.port }) },
      { ...BOB, ...NEWER, ...timing, connectionId: 0 },
    );
    const [[socket]] = await Promise.all([secured, event(client, 'secureConnect')]);
    const heard = [messages(socket, 1), messages(client, 1)];
    socket.once('data', () => socket.write('there you are'));
    client.write('here I am');
    assert.deepEqual(await Promise.all(heard), [['here I am'], ['there you are']]);
    assert.equal(socket.remotePort, nat.outerPort);
  });
});
