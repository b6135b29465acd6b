'use strict';

// The fork of node-coap that ran over node-mbed-dtls: it has one options object for createServer(), listen() and
// connect(), listens to all events, and answers by send() with dgram's arguments.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { EventEmitter } = require('node:events');
const { test } = require('node:test');
const { inspect } = require('node:util');

const mbed = require('../..');
const { event } = require('../support/endpoints.js');
const { closeAfter, fileWith, keyPair } = require('../support/legacy.js');

class CoapServer extends EventEmitter {
  constructor(options) {
    super();
    this.log = [];
    this._sock = mbed.createServer(Object.assign({}, options.dtls), (socket) => this._onSecure(socket));
    this._sock.on('clientError', (error, socket) => this.log.push(`clientError ${error} ${socket.remotePort > 0}`));
    this._sock.on('error', (error) => this.emit('error', error));
    this._sock.on('newSession', (id, _data, callback) => callback?.(id));
    this._sock.on('resumeSession', (_id, _data, callback) => callback(null, null));
  }

  listen(port, address, callback) {
    this._sock.listen(port, address, callback);
  }

  _onSecure(socket) {
    socket.on('data', (request) => {
      const answer = Buffer.from(`xx2.05 ${request}xx`);
      const { remotePort, remoteAddress } = socket;
      socket.send(answer, 2, answer.length - 4, remotePort, remoteAddress, (error, bytes) => {
        this.log.push(`sent ${error} ${bytes}`);
      });
    });
    socket.on('error', (error) => this.log.push(`error ${error}`));
    socket.on('close', () => this.log.push(`close ${inspect(socket).length > 0}`));
  }
}

function request(options, message) {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    const client = mbed.connect(Object.assign({ socket }, options));
    client.on('secureConnect', () => client.send(Buffer.from(message), 0, message.length, options.port, options.host));
    client.on('error', reject);
    client.on('data', (answer) => {
      resolve(answer.toString());
      client.end();
    });
    client.on('close', () => socket.close());
  });
}

for (const compat of [undefined, 'neustar']) {
  test(`a CoAP server and its clients work ${compat ? `with ${compat}'s profile` : 'with one line changed'}`, async (t) => {
    const dtls = {
      key: fileWith(t, keyPair().key),
      identityPskCallback: (identity) => (identity === 'device' ? 'a key' : ''),
      handshakeTimeoutMin: 500,
      debug: 0,
      port: 5684,
      host: 'coap.example.test',
      type: 'udp4',
      ...(compat && { compat, psk: Buffer.from('ours as a client'), PSKIdent: Buffer.from('us'), unheardOf: true }),
    };
    const server = new CoapServer({ dtls });
    closeAfter(t, server._sock);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server._sock.address();
    const options = { host: '127.0.0.1', port, PSKIdent: Buffer.from('device'), psk: Buffer.from('a key'), compat };
    assert.equal(await request(options, 'GET /'), '2.05 GET /');
    assert.equal(await request(options, 'GET /again'), '2.05 GET /again');

    const refused = event(server._sock, 'clientError');
    await assert.rejects(
      request({ ...options, PSKIdent: Buffer.from('burglar') }, 'GET /').catch((error) => {
        throw new Error(`${error}`);
      }),
    );
    await refused;
    while (server.log.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(
      server.log.filter((line) => !line.startsWith('clientError')),
      ['sent null 10', 'close true', 'sent null 15', 'close true'],
    );
    assert.match(
      server.log.find((line) => line.startsWith('clientError')),
      /^clientError .*identity.* true$/i,
    );
  });
}
