'use strict';

// A stream of colours to a Hue bridge, as written for the clients of neustar and matasarei.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const dtls = require('../..');
const { messages, startServer } = require('../support/endpoints.js');

const USER = 'nobody-in-particular';
const CLIENT_KEY = '0123456789abcdef0123456789abcdef';

class EntertainmentStream {
  open(host, port, compat) {
    return new Promise((resolve, reject) => {
      const options = {
        host,
        port,
        psk: Buffer.from(CLIENT_KEY, 'hex'),
        PSKIdent: Buffer.from(USER),
        debug: 0,
        ...(compat && { compat, type: 'udp4', timeout: 1000, listenPort: 0 }),
      };
      this.socket = dtls.connect(options, (socket) => {
        assert.equal(socket, this.socket);
        resolve();
      });
      this.socket.on('error', reject);
      this.closed = new Promise((closed) => this.socket.on('close', closed));
    });
  }

  send(colours) {
    return new Promise((resolve) => this.socket.write(Buffer.concat([Buffer.from('HueStream'), colours]), resolve));
  }

  close() {
    this.socket.end();
    return this.closed;
  }
}

for (const compat of [undefined, 'neustar', 'matasarei']) {
  test(`a bridge gets every frame ${compat ? `with ${compat}'s profile` : 'with one line changed'}`, async (t) => {
    const bridge = await startServer(t, {
      psk: { [USER]: Buffer.from(CLIENT_KEY, 'hex') },
      ciphers: 'TLS_PSK_WITH_AES_128_GCM_SHA256',
    });
    const frames = new Promise((resolve) => bridge.on('secureConnection', (socket) => resolve(messages(socket, 3))));
    const stream = new EntertainmentStream();
    await stream.open('127.0.0.1', bridge.address().port, compat);
    for (const colour of ['red', 'green', 'blue']) assert.equal((await stream.send(Buffer.from(colour))) ?? null, null);
    assert.deepEqual(await frames, ['HueStreamred', 'HueStreamgreen', 'HueStreamblue']);
    assert.equal(await stream.close(), false);
  });
}
