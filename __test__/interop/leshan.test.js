'use strict';

// LwM2M with Eclipse Leshan: its device at a server of node-coap over createDgramSocket(), and such a device at its server.
// A device opens one connection, over which it registers, and over which the server then reads and observes it (OMA LwM2M
// 1.0, 5.3 to 5.5).

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createDgramSocket } = require('../..');
const { HOST, event, freePort } = require('../support/endpoints.js');
const { coap, missing: noCoap } = require('../support/gateway.js');
const { Program } = require('../support/program.js');
const { installed } = require('./matrix/installed.js');

const CLASSES = installed('leshan');
const NAME = 'sensor-1';
const KEY = Buffer.from('a key of sixteen');

const missing = fs.existsSync(path.join(CLASSES, 'Leshan.class')) ? noCoap : 'Leshan not found';

function startLeshan(t, role, port) {
  const classpath = [CLASSES, installed('leshan', 'lib', '*')].join(path.delimiter);
  const what = [role, `${port}`, `identity=${NAME}`, `psk=${KEY.toString('hex')}`];
  const program = new Program('java', ['-XX:TieredStopAtLevel=1', '-cp', classpath, 'Leshan', ...what]);
  t.after(() => program.kill());
  return program;
}

/** node-coap as server and as client on one socket. */
function startEndpoint(t, socket, listener) {
  const server = coap.createServer(listener).listen(socket);
  const agent = new coap.Agent({ socket });
  t.after(async () => {
    // node-coap acknowledges some messages later.
    await sleep(100);
    server.close();
    socket.close();
  });
  return ({ payload, ...options }) =>
    new Promise((resolve, reject) => {
      const request = agent.request({ hostname: HOST, ...options });
      for (const [name, value] of Object.entries(options.options ?? {})) request.setOption(name, value);
      request.on('response', resolve).on('error', reject).end(payload);
    });
}

describe('LwM2M with Leshan:', { skip: missing && `skipped (${missing})` }, () => {
  test('its device registers, is read and observed, and deregisters', async (t) => {
    const requests = [];
    const heard = [];
    const hear = () => new Promise((resolve) => heard.push(resolve));
    const socket = createDgramSocket({ psk: { [NAME]: KEY } });
    const ask = startEndpoint(t, socket, (request, response) => {
      requests.push(`${request.method} ${request.url.split('?')[0]}`);
      if (request.url.startsWith('/rd?')) {
        response.code = '2.01';
        response.setOption('Location-Path', [Buffer.from('rd'), Buffer.from('7')]);
      } else {
        response.code = request.method === 'DELETE' ? '2.02' : '2.04';
      }
      response.end();
      heard.shift()?.(request);
    });
    socket.bind(0, HOST);
    await event(socket, 'listening');
    const registration = hear();
    const leshan = startLeshan(t, 'device', socket.address().port);

    const { url, payload, rsinfo } = await registration;
    assert.equal(new URLSearchParams(url.split('?')[1]).get('ep'), NAME);
    assert.match(`${payload}`, /<\/3\/0>/);
    assert.equal(`${rsinfo.socket.pskIdentity}`, NAME);

    const { port } = rsinfo;
    const options = { Accept: 'text/plain' };
    const read = await ask({ port, pathname: '/3/0/0', options });
    assert.deepEqual([read.code, `${read.payload}`], ['2.05', 'Eclipse Leshan']);

    const times = [];
    for await (const time of await ask({ port, pathname: '/3/0/13', observe: true, options })) {
      times.push(`${time}`);
      if (times.length === 3) break;
    }
    for (const time of times) assert.match(time, /^\d{10}$/);

    const goodbye = hear();
    leshan.say('goodbye');
    await goodbye;
    assert.equal(await leshan.exit(), 0);
    assert.deepEqual(requests, ['POST /rd', 'DELETE /rd/7']);
  });

  test('its server reads and observes our device', async (t) => {
    const port = await freePort();
    const leshan = startLeshan(t, 'server', port);
    await leshan.printed('listening');
    const socket = createDgramSocket({ client: { psk: KEY, pskIdentity: NAME } });
    const ask = startEndpoint(t, socket, async (request, response) => {
      response.setOption('Content-Format', 'text/plain');
      if (request.url === '/3/0/0') response.end('a small factory');
      else if (request.headers.Observe === 0) {
        response.write('80');
        await sleep(50);
        response.end('79');
      }
    });
    const register = { method: 'POST', pathname: '/rd', query: `ep=${NAME}&lt=300&lwm2m=1.0&b=U`, payload: '</3/0>' };
    const created = await ask({ port, ...register, options: { 'Content-Format': 'application/link-format' } });
    assert.equal(created.code, '2.01');
    await leshan.printed(`registered ${NAME}`);
    await leshan.printed('read a small factory');
    await leshan.printed('observed 80');
    await leshan.printed('notified 79');
    const location = created.options.filter(({ name }) => name === 'Location-Path').map(({ value }) => `${value}`);
    assert.equal((await ask({ port, method: 'DELETE', pathname: `/${location.join('/')}` })).code, '2.02');
    await leshan.printed(`unregistered ${NAME}`);
  });
});
