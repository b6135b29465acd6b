'use strict';

// node-coap, unchanged, over createDgramSocket(), with itself and with libcoap's programs in both roles.

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const dgram = require('node:dgram');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');

const { createDgramSocket } = require('../..');
const messageFormat = require('../support/coap.js');
const { HOST, event, freePort, isFree } = require('../support/endpoints.js');
const { BLOCKS, DEVICE, coap, missing, startGateway } = require('../support/gateway.js');
const { Program } = require('../support/program.js');

const run = promisify(execFile);
/** An agent of node-coap over a socket of ours, and its requests as promises. */
function openAgent(t, port) {
  const socket = createDgramSocket({ client: DEVICE });
  const agent = new coap.Agent({ socket });
  t.after(() => socket.close());
  return (pathname, { payload, ...options } = {}) =>
    new Promise((resolve, reject) => {
      const request = agent.request({ hostname: HOST, port, pathname, ...options });
      request.on('response', resolve).on('error', reject);
      request.end(payload);
    });
}

const skip = missing && `skipped (${missing})`;

describe('node-coap as server and client:', { skip }, () => {
  test('a request is answered, and the server knows who asks', async (t) => {
    const gateway = await startGateway(t);
    const ask = openAgent(t, gateway.port);
    assert.equal(`${(await ask('/who')).payload}`, 'dev');
    assert.equal((await ask('/nowhere')).code, '4.04');
  });

  test('blocks go both ways', async (t) => {
    const gateway = await startGateway(t);
    const ask = openAgent(t, gateway.port);
    const put = await ask('/blocks', { method: 'PUT', payload: BLOCKS, headers: { Block1: Buffer.of(0x06) } });
    assert.equal(put.code, '2.04');
    assert.equal(gateway.stored, BLOCKS);
    assert.equal(`${(await ask('/blocks')).payload}`, BLOCKS);
  });

  test('a resource is observed', async (t) => {
    const gateway = await startGateway(t);
    const response = await openAgent(t, gateway.port)('/clock', { observe: true });
    const ticks = [];
    for await (const tick of response) {
      ticks.push(`${tick}`);
      if (ticks.length === 3) break;
    }
    assert.deepEqual(ticks, ['tick 1\n', 'tick 2\n', 'tick 3\n']);
  });

  test('a separate response arrives', async (t) => {
    const gateway = await startGateway(t);
    assert.equal(`${(await openAgent(t, gateway.port)('/late')).payload}`, 'better late than never');
  });

  test('a request that arrives twice is answered twice and handled once', async (t) => {
    const gateway = await startGateway(t);
    const socket = createDgramSocket({ client: DEVICE });
    t.after(() => socket.close());
    const request = messageFormat.request('GET', 'who', { id: 7 });
    const answers = [];
    socket.on('message', (message) => answers.push(message.toString('hex')));
    for (let time = 0; time < 2; time++) {
      socket.send(request, gateway.port, HOST);
      await event(socket, 'message');
    }
    assert.equal(gateway.requests, 1);
    assert.equal(answers[0], answers[1]);
  });

  test('a wrong key and a multicast address are errors of the request', async (t) => {
    const gateway = await startGateway(t);
    const failure = (client, hostname) => {
      const socket = createDgramSocket({ client });
      t.after(() => socket.close());
      const request = new coap.Agent({ socket }).request({ hostname, port: gateway.port, retrySend: 0 });
      return new Promise((resolve) => {
        request.once('error', (error) => {
          request.on('error', () => {});
          request.sender.reset();
          resolve(error.code);
        });
        request.end();
      });
    };
    assert.equal(await failure({ ...DEVICE, psk: 'a guess' }, HOST), 'ERR_DTLS_ALERT_RECEIVED');
    assert.equal(await failure(DEVICE, '224.0.1.187'), 'ERR_DTLS_MULTICAST');
  });
});

for (const library of ['openssl', 'gnutls']) {
  const [clientProgram, serverProgram] = [`coap-client-${library}`, `coap-server-${library}`];
  const lacks = missing ?? (spawnSync(clientProgram, []).error && `${clientProgram} not found`);

  describe(`libcoap with ${library}:`, { skip: lacks && `skipped (${lacks})` }, () => {
    /** What coap-client prints. */
    function coapClient(port, pathname, ...args) {
      return request(`coaps://${HOST}:${port}${pathname}`, '-u', 'dev', '-k', 'secretPSK', ...args);
    }

    async function request(url, ...args) {
      const { stdout, stderr } = await run(clientProgram, ['-B', '10', ...args, url], { timeout: 20_000 });
      return `${stdout}${stderr}`;
    }

    /** The port of a running coap-server. */
    async function startCoapServer(t) {
      const port = await freePort();
      // Encrypted CoAP is one port above unencrypted CoAP.
      const server = new Program(serverProgram, ['-A', HOST, '-p', String(port - 1), '-k', 'secretPSK', '-d', '10']);
      t.after(() => server.kill());
      const deadline = Date.now() + 10_000;
      while (await isFree(port)) {
        assert(Date.now() < deadline, server.output);
        await sleep(20);
      }
      return port;
    }

    function fileWith(t, content) {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-coap-'));
      t.after(() => fs.rmSync(directory, { recursive: true }));
      const file = path.join(directory, 'payload');
      fs.writeFileSync(file, content);
      return file;
    }

    test('coap-client gets a resource, and one in blocks', async (t) => {
      const gateway = await startGateway(t);
      assert.equal((await coapClient(gateway.port, '/who')).trim(), 'dev');
      assert.equal((await coapClient(gateway.port, '/blocks')).trim(), BLOCKS.trim());
    });

    // node-coap 1.5 puts blocks together by their token, and libcoap 4.3 has a new token for each, also over plain UDP.
    test('coap-client puts blocks, which come out as over plain UDP', async (t) => {
      const payload = fileWith(t, BLOCKS);
      const put = ['-m', 'put', '-b', '1024', '-f', payload];
      const [secure, plain] = [await startGateway(t), await startGateway(t, dgram.createSocket('udp4'))];
      const answer = await coapClient(secure.port, '/blocks', ...put);
      assert.equal(answer, await request(`coap://${HOST}:${plain.port}/blocks`, ...put));
      assert.equal(secure.stored, plain.stored);
      await coapClient(secure.port, '/blocks', '-m', 'put', '-e', 'one block');
      assert.equal(secure.stored, 'one block');
    });

    test('coap-client observes, and waits for a separate response', async (t) => {
      const gateway = await startGateway(t);
      assert.match(await coapClient(gateway.port, '/clock', '-s', '1'), /tick 1\n+tick 2\n+tick 3/);
      assert.match(await coapClient(gateway.port, '/late'), /better late than never/);
    });

    test("node-coap's agent gets from coap-server, and puts and gets blocks", async (t) => {
      const ask = openAgent(t, await startCoapServer(t));
      assert.match(`${(await ask('/')).payload}`, /libcoap/);
      const options = { method: 'PUT', payload: BLOCKS, headers: { Block1: Buffer.of(0x06) } };
      assert.match((await ask('/example_data', options)).code, /^2\.0[14]$/);
      assert.equal(`${(await ask('/example_data')).payload}`, BLOCKS);
    });

    test("node-coap's agent observes coap-server, and waits for its separate response", async (t) => {
      const ask = openAgent(t, await startCoapServer(t));
      const times = [];
      for await (const time of await ask('/time', { observe: true })) {
        times.push(`${time}`);
        if (times.length === 2) break;
      }
      assert.equal(new Set(times).size, 2);
      assert.match(`${(await ask('/async', { query: '1' })).payload}`, /done/);
    });
  });
}
