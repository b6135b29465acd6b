'use strict';

// The example examples/echo.js, which every fork has.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const dtls = require('../..');
const { closeAfter, fileWith, keyPair } = require('../support/legacy.js');

test('what is piped to itself comes back, and the end as well', async (t) => {
  const ours = keyPair();
  const server = dtls.createServer({ key: fileWith(t, ours.key), debug: 0, handshakeTimeoutMin: 3000 });
  server.on('secureConnection', (socket) => {
    assert.equal(typeof socket.remoteAddress, 'string');
    socket.pipe(socket);
  });
  closeAfter(t, server);
  const port = await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

  const theirs = keyPair();
  const options = { host: '127.0.0.1', port, key: theirs.key, peerPublicKey: ours.spki, debug: 0 };
  const client = dtls.connect(options, (socket) => socket.write('echo me'));
  closeAfter(t, client);
  const echoed = await new Promise((resolve) => client.on('data', resolve));
  assert.equal(echoed.toString(), 'echo me');
  client.end();
  assert.equal(await new Promise((resolve) => client.on('close', resolve)), false);
});
