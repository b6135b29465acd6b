'use strict';

// node-coap-client, unchanged, with this package in the place of node-dtls-client, as an npm alias puts it there.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { createRequire } = require('node:module');
const path = require('node:path');
const { describe, test } = require('node:test');

const { HOST, event } = require('../support/endpoints.js');
const { BLOCKS, PSK, startGateway } = require('../support/gateway.js');
const { lacking, makeProject } = require('../support/npm-project.js');

const missing = lacking('coap', 'node-coap-client');

/** The client's class, from a project in which node-dtls-client is an alias of this package. */
function aliasedClient(t) {
  const project = makeProject(t, ['node-coap-client', 'debug', 'ms'], ['node-dtls-client']);
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
