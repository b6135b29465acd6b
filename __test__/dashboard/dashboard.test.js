'use strict';

// What serveDashboard() answers to a browser, and to those that are none of its own.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');

const { DtlsServer, createServer, serveDashboard } = require('../..');
const { BOB, HOST, anyPort, event, openClient, startServer } = require('../support/endpoints.js');
const { keyPair } = require('../support/legacy.js');
const { makeProject } = require('../support/npm-project.js');
const { Program } = require('../support/program.js');

const ROOT = path.join(__dirname, '..', '..');
const PAGE = path.join(ROOT, 'lib', 'dashboard', 'page');

/** A dashboard of a server, on a port of the system's choice. Answers what is asked for. */
async function open(t, server) {
  const dashboard = serveDashboard(server);
  t.after(() => dashboard.close());
  await event(dashboard, 'listening');
  const { port } = dashboard.address();
  const ask = (target, options) => request(port, target, options);
  const read = async (target) => JSON.parse((await ask(target)).body);
  return { dashboard, port, ask, read };
}

function request(port, target, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: HOST, port, path: target, method, headers, agent: false };
    http
      .request(options, async (response) => {
        let body = '';
        for await (const chunk of response.setEncoding('utf8')) body += chunk;
        resolve({ status: response.statusCode, headers: response.headers, body });
      })
      .on('error', reject)
      .end();
  });
}

/** A client that is connected, and the server's socket for it. */
async function join(t, server, pskIdentity, psk = BOB.psk) {
  const client = openClient(t, server, { psk, pskIdentity });
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { client, socket };
}

describe('the dashboard shows', () => {
  test('connections by page, in order, and by a search', async (t) => {
    const server = await startServer(t, { psk: BOB.psk });
    const { read } = await open(t, server);
    const joined = [];
    for (const name of ['lamp 1', 'lamp 2', 'Thermometer']) joined.push(await join(t, server, name));
    const names = async (query) =>
      (await read(`/api/connections?limit=9&${query}`)).rows.map(({ identity }) => identity.name);
    assert.deepEqual(await names(''), ['Thermometer', 'lamp 2', 'lamp 1']);
    assert.deepEqual(await names('order=ascending&limit=2'), ['lamp 1', 'lamp 2', 'Thermometer']);
    assert.deepEqual(await names('search=LAMP'), ['lamp 2', 'lamp 1']);
    assert.deepEqual(await names(`search=lamp+${joined[0].socket.remotePort}`), ['lamp 1']);

    const page = await read('/api/connections?offset=1&limit=1&search=lamp');
    assert.deepEqual([page.total, page.matching, page.rows.length, page.rows[0].identity.name], [3, 2, 1, 'lamp 1']);

    joined[1].client.write('20.5 degrees');
    await event(joined[1].socket, 'data');
    joined[1].socket.write('thanks');
    await event(joined[1].client, 'data');
    assert.deepEqual(await names('sort=received'), ['lamp 2', 'Thermometer', 'lamp 1']);
    const [row] = (await read('/api/connections?sort=sent&limit=1')).rows;
    assert.deepEqual([row.bytesReceived, row.bytesSent], [12, 6]);
    assert(row.heard >= row.since);

    joined[2].client.end();
    await event(joined[2].socket, 'close');
    assert.deepEqual(await names('sort=peer&search=thermo'), []);
  });

  test('one connection in detail, as long as it lives', async (t) => {
    const server = await startServer(t);
    const { client, socket } = await join(t, server, 'bob');
    // This dashboard has come later than the connection.
    const { ask, read } = await open(t, server);
    const { connection } = await read('/api/connection?number=1');
    assert.equal(connection.peer, `${HOST}:${socket.remotePort}`);
    assert.deepEqual(connection.identity, { kind: 'psk', name: 'bob' });
    assert.equal(connection.since, null);
    assert.equal(connection.protocol, client.getProtocol());
    assert.equal(connection.authorized, true);
    client.end();
    await event(socket, 'close');
    assert.equal((await ask('/api/connection?number=1')).status, 404);
  });

  test('failures with their codes, and with what the peer says it is', async (t) => {
    const server = await startServer(t);
    const { read } = await open(t, server);
    const stranger = openClient(t, server, { psk: 'a guess', pskIdentity: 'mallory' });
    stranger.on('error', () => {});
    await event(server, 'clientError');
    const { socket } = await join(t, server, 'bob');
    socket.destroy(new Error('the application is tired of it'));
    await event(socket, 'close');
    const { failures } = await read('/api/state');
    const shown = failures.last.map(({ stage, code, claim }) => [stage, code, claim]);
    assert.deepEqual(shown, [
      ['handshake', 'ERR_DTLS_UNKNOWN_PSK_IDENTITY', 'mallory'],
      ['connection', 'Error', null],
    ]);
    assert.deepEqual(failures.totals, { ERR_DTLS_UNKNOWN_PSK_IDENTITY: 1, Error: 1 });
    assert.deepEqual((await read(`/api/state?failures=${failures.noted}`)).failures.last, []);
  });

  test('every counter that the server has, now and over time', async (t) => {
    const server = await startServer(t);
    const { read } = await open(t, server);
    const { history } = await read('/api/state');
    const { stats } = server;
    const numbers = Object.entries(stats).filter(([, value]) => typeof value === 'number');
    for (const [name] of numbers) assert(history.names.includes(name), name);
    for (const reason of Object.keys(stats.drops)) assert(history.names.includes(`drops.${reason}`), reason);
    for (const name of ['handshakeTimes.count', 'handshakeTimes.sum']) assert(history.names.includes(name), name);
    assert.equal(history.samples.length, 1);
    assert.equal((await read(`/api/state?samples=${history.next}`)).history.samples.length, 0);
  });
});

describe('the dashboard refuses', () => {
  test('other methods, and what a page does not ask', async (t) => {
    const { ask } = await open(t, await startServer(t));
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      const { status, headers } = await ask('/', { method });
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
    }
    for (const target of ['/nothing', '/../index.js', '/%2e%2e/dashboard.js', '/index.html', '/api/', '//']) {
      assert.match(`${(await ask(target)).status}`, /^40[04]$/, target);
    }
    for (const query of ['limit=0', 'limit=201', 'offset=-1', 'offset=x', 'sort=psk', `search=${'x'.repeat(201)}`]) {
      assert.equal((await ask(`/api/connections?${query}`)).status, 400, query);
    }
  });

  test('names that a stranger can lead to this machine', async (t) => {
    const { ask, port } = await open(t, await startServer(t));
    for (const host of [
      'rebound.example',
      `rebound.example:${port}`,
      'localhost.example',
      '127.0.0.1.example',
      ':80',
    ]) {
      assert.notEqual((await ask('/api/state', { headers: { Host: host } })).status, 200, host);
    }
    for (const host of [`localhost:${port}`, 'LOCALHOST', '127.0.0.1', '[::1]:8080']) {
      assert.equal((await ask('/api/state', { headers: { Host: host } })).status, 200, host);
    }
  });

  test("other sites' questions, and lets people follow their links", async (t) => {
    const { ask } = await open(t, await startServer(t));
    const from = (site, mode) => ({ headers: { 'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': mode } });
    for (const site of ['cross-site', 'same-site']) {
      assert.equal((await ask('/api/state', from(site, 'no-cors'))).status, 403);
      assert.equal((await ask('/api/state', from(site, 'navigate'))).status, 403);
      assert.equal((await ask('/', from(site, 'no-cors'))).status, 403);
      assert.equal((await ask('/', from(site, 'navigate'))).status, 200);
    }
    assert.equal((await ask('/api/state', from('same-origin', 'cors'))).status, 200);
  });

  test('to be read, framed, or made to load anything, whatever the answer is', async (t) => {
    const { ask } = await open(t, await startServer(t));
    for (const target of ['/', '/style.css', '/main.mjs', '/api/state', '/nothing']) {
      const { headers } = await ask(target, { headers: { Origin: 'https://example.com' } });
      assert.match(headers['content-security-policy'], /^default-src 'none'; .*frame-ancestors 'none'/);
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
    const head = await ask('/', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
    for (const name of fs.readdirSync(PAGE)) {
      const text = fs.readFileSync(path.join(PAGE, name), 'utf8').replaceAll('http://www.w3.org/2000/svg', '');
      assert.doesNotMatch(text, /https?:|innerHTML|eval\(|\son[a-z]+=/, name);
    }
  });
});

describe('serveDashboard()', () => {
  test('checks its arguments', async (t) => {
    const server = await startServer(t);
    for (const [args, code] of [
      [[], 'ERR_INVALID_ARG_TYPE'],
      [[http.createServer()], 'ERR_INVALID_ARG_TYPE'],
      [[server, 8080], 'ERR_INVALID_ARG_TYPE'],
      [[server, { port: 65536 }], 'ERR_OUT_OF_RANGE'],
      [[server, { hots: '::1' }], 'ERR_INVALID_ARG_VALUE'],
      [[server, {}, 'no function'], 'ERR_INVALID_ARG_TYPE'],
    ]) {
      assert.throws(() => serveDashboard(...args), { code });
    }
  });

  test('listens on loopback alone, and says so in its callback', async (t) => {
    const server = await startServer(t);
    const dashboard = await new Promise((resolve) => {
      const made = serveDashboard(server, {}, () => resolve(made));
    });
    assert.equal(dashboard.address().address, '127.0.0.1');
    dashboard.close();
    await event(dashboard, 'close');
  });

  test('leaves nothing at the server when it is closed, or when its port is taken', async (t) => {
    const server = await startServer(t);
    const { socket } = await join(t, server, 'bob');
    const counts = () =>
      [server, socket].map((emitter) => emitter.eventNames().map((name) => emitter.listenerCount(name)));
    const before = counts();
    const taken = net.createServer().listen(0, HOST);
    await event(taken, 'listening');
    const failing = serveDashboard(server, { port: taken.address().port });
    assert.equal((await event(failing, 'error'))[0].code, 'EADDRINUSE');
    taken.close();
    assert.deepEqual(counts(), before);

    const dashboard = serveDashboard(server);
    await event(dashboard, 'listening');
    assert.notDeepEqual(counts(), before);
    dashboard.close();
    await event(dashboard, 'close');
    assert.deepEqual(counts(), before);
  });

  test('does not keep the process alive, whoever looks at it', async () => {
    const program = `
      const { createServer, serveDashboard } = require(${JSON.stringify(ROOT)});
      const http = require('node:http');
      const server = createServer({ psk: { bob: 'secret' } });
      server.listen(0, '127.0.0.1', () => {
        const dashboard = serveDashboard(server, {}, () => {
          const agent = new http.Agent({ keepAlive: true, timeout: 60000 });
          const { port } = dashboard.address();
          http.get({ host: '127.0.0.1', port, agent }, (response) => {
            response.resume().on('end', () => server.close(() => console.log('closed')));
          });
        });
      });`;
    const began = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { timeout: 20_000 });
    assert.equal(stdout, 'closed\n');
    assert(performance.now() - began < 4000, 'it ends before an idle connection would');
  });

  test('takes one line, as in docs/dashboard.md', async (t) => {
    const page = fs.readFileSync(path.join(ROOT, 'docs', 'dashboard.md'), 'utf8');
    const [, program] = /^```js\n(.*?)^```/ms.exec(page);
    const port = anyPort();
    const project = makeProject(t, []);
    const file = path.join(project, 'program.js');
    fs.writeFileSync(file, program.replace('5684', '0').replaceAll('8080', `${port}`));
    const running = new Program(process.execPath, [file]);
    t.after(() => running.kill());
    for (let tries = 0; ; tries++) {
      const reply = await request(port, '/api/state').catch(() => null);
      if (reply?.status === 200) break;
      assert(tries < 100, running.output);
      await sleep(50);
    }
  });

  test('takes servers of every profile', () => {
    const server = createServer({ compat: 'matasarei', identityPskCallback: () => '', key: keyPair().pem });
    assert(server instanceof DtlsServer);
    serveDashboard(server).close();
  });
});
