'use strict';

// LwM2M as node-coap's users write it. The device opens one connection, over which it registers, and over which the
// server then reads and observes it (OMA LwM2M 1.1, 6.2.1 and 6.3.2).

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createDgramSocket } = require('../..');
const { HOST, event } = require('../support/endpoints.js');
const { DEVICE, PSK, coap, missing } = require('../support/gateway.js');

/** node-coap as server and as client on one socket. */
function endpoint(t, socket, listener) {
  const server = coap.createServer(listener).listen(socket);
  const agent = new coap.Agent({ socket });
  t.after(async () => {
    // What is under way ends.
    await sleep(100);
    server.close();
    socket.close();
  });
  return (options) =>
    new Promise((resolve, reject) => {
      agent.request(options).on('response', resolve).on('error', reject).end(options.payload);
    });
}

describe('LwM2M over one connection:', { skip: missing && `skipped (${missing})` }, () => {
  test('a device registers, is read and written to, and is observed', async (t) => {
    const secured = t.mock.fn();
    let registered;
    const registration = new Promise((resolve) => {
      registered = resolve;
    });
    const serverSocket = createDgramSocket({ psk: PSK });
    serverSocket.on('secureConnection', secured);
    const ask = endpoint(t, serverSocket, (request, response) => {
      assert.equal(request.method, 'POST');
      response.code = '2.01';
      response.setOption('Location-Path', [Buffer.from('rd'), Buffer.from('7')]);
      response.end();
      registered({ query: request.url, ...request.rsinfo });
    });
    serverSocket.bind(0, HOST);
    await event(serverSocket, 'listening');

    let temperature = 20;
    const tell = endpoint(t, createDgramSocket({ client: DEVICE }), async (request, response) => {
      if (request.method === 'PUT') {
        temperature = Number(request.payload);
        response.code = '2.04';
        response.end();
      } else if (request.url === '/3/0/0') {
        response.end('mbed-dtls');
      } else if (request.headers.Observe === 0) {
        response.write(`${temperature}`);
        await sleep(30);
        response.end(`${temperature + 1}`);
      } else {
        response.end(`${temperature}`);
      }
    });

    const { port } = serverSocket.address();
    const query = 'ep=sensor-1&lt=300&lwm2m=1.1&b=U';
    const payload = '</3/0>,</3303/0>';
    const created = await tell({ hostname: HOST, port, method: 'POST', pathname: '/rd', query, payload });
    assert.equal(created.code, '2.01');
    const location = created.options.filter(({ name }) => name === 'Location-Path').map(({ value }) => `${value}`);
    assert.deepEqual(location, ['rd', '7']);

    const device = await registration;
    assert.match(device.query, /ep=sensor-1/);
    // The name that the device gives itself must be one that its identity allows.
    assert.equal(`${device.socket.pskIdentity}`, DEVICE.pskIdentity);
    const at = { hostname: device.address, port: device.port };
    assert.equal(`${(await ask({ ...at, pathname: '/3/0/0' })).payload}`, 'mbed-dtls');
    const written = await ask({ ...at, method: 'PUT', pathname: '/3303/0/5700', payload: '25' });
    assert.equal(written.code, '2.04');
    const notified = [];
    for await (const notification of await ask({ ...at, pathname: '/3303/0/5700', observe: true })) {
      notified.push(`${notification}`);
      if (notified.length === 2) break;
    }
    assert.deepEqual(notified, ['25', '26']);
    assert.equal(secured.mock.callCount(), 1);
  });
});
