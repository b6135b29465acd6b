'use strict';

// node-coap-client, unchanged, with this package in the place of node-dtls-client, as an npm alias puts it there.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');

const { HOST, event } = require('../support/endpoints.js');
const { BLOCKS, PSK, missing: coapMissing, startGateway } = require('../support/gateway.js');
const { installed } = require('./matrix/installed.js');

const ROOT = path.join(__dirname, '..', '..');
const MODULES = installed('npm', 'node_modules');
const lacks = fs.existsSync(path.join(MODULES, 'node-coap-client'))
  ? undefined
  : 'the npm package node-coap-client not found';
const missing = coapMissing ?? lacks;

/** The client's class, from a project in which node-dtls-client is an alias of this package. */
function aliasedClient(t) {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-alias-'));
  t.after(() => fs.rmSync(project, { recursive: true }));
  const target = path.join(project, 'node_modules');
  const client = path.join(MODULES, 'node-coap-client');
  // Its own dependency stays behind.
  const filter = (file) => file !== path.join(client, 'node_modules');
  fs.cpSync(client, path.join(target, 'node-coap-client'), { recursive: true, filter });
  for (const name of ['debug', 'ms']) fs.cpSync(path.join(MODULES, name), path.join(target, name), { recursive: true });
  fs.symlinkSync(ROOT, path.join(target, 'node-dtls-client'), 'junction');
  const { CoapClient } = createRequire(path.join(project, 'program.js'))('node-coap-client');
  t.after(() => CoapClient.reset());
  return CoapClient;
}

describe('node-coap-client by alias:', { skip: missing && `skipped (${missing})` }, () => {
  test('it connects, gets, puts, and gets blocks', async (t) => {
    const { port } = await startGateway(t);
    const client = aliasedClient(t);
    client.setSecurityParams(HOST, { psk: PSK });
    const url = `coaps://${HOST}:${port}`;
    assert.equal(await client.tryToConnect(url), true);
    assert.equal(`${(await client.request(`${url}/who`, 'get')).payload}`, 'dev');
    const { code } = await client.request(`${url}/blocks`, 'put', Buffer.from('one block'));
    assert.equal(code.toString(), '2.04');
    assert.equal(`${(await client.request(`${url}/blocks`, 'get')).payload}`, BLOCKS);
  });

  test('it observes', async (t) => {
    const { port } = await startGateway(t);
    const client = aliasedClient(t);
    client.setSecurityParams(HOST, { psk: PSK });
    const url = `coaps://${HOST}:${port}/clock`;
    const ticks = [];
    await new Promise((resolve, reject) => {
      const tick = ({ payload }) => ticks.push(`${payload}`) === 3 && resolve();
      client.observe(url, 'get', tick).catch(reject);
    });
    client.stopObserving(url);
    assert.deepEqual(ticks, ['tick 1\n', 'tick 2\n', 'tick 3\n']);
  });

  test('it is told of a wrong key and of a silent peer', async (t) => {
    const { port } = await startGateway(t);
    const client = aliasedClient(t);
    client.setSecurityParams(HOST, { psk: { dev: 'a guess' } });
    assert.equal(await client.tryToConnect(`coaps://${HOST}:${port}`), 'auth failed');
    const silent = dgram.createSocket('udp4').bind(0, HOST);
    t.after(() => silent.close());
    await event(silent, 'listening');
    assert.equal(await client.tryToConnect(`coaps://${HOST}:${silent.address().port}`), 'timeout');
  });
});
