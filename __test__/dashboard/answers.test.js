'use strict';

// What the dashboard makes of a server's sockets and counters, and what it answers, by itself: made-up servers, requests and times.

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');

const { Connections, SORTS } = require('../../lib/dashboard/connections');
const { History } = require('../../lib/dashboard/history');
const { addressOf, claimInWords, identityOf, nameInWords } = require('../../lib/dashboard/identity');
const { Refusal, listener } = require('../../lib/dashboard/requests');
const { inSlices, sorted } = require('../../lib/dashboard/slices');

const KEY = Buffer.from('key');
const HASH = `sha256:${createHash('sha256').update(KEY).digest('base64')}`;

describe('a peer', () => {
  const socket = ({ certificate, ...more }) => ({
    publicKey: Buffer.alloc(0),
    getPeerX509Certificate: () => certificate,
    ...more,
  });

  test('is its identity, its certificate, its key, or nobody', () => {
    assert.deepEqual(identityOf(socket({ pskIdentity: Buffer.from('caf\u00e9') })), { kind: 'psk', name: 'caf\u00e9' });
    assert.deepEqual(identityOf(socket({ pskIdentity: Buffer.from([0xff, 1]) })), { kind: 'psk', name: '0xff01' });
    const certificate = { subject: 'CN=a\nO=b\nOU=c' };
    assert.deepEqual(identityOf(socket({ certificate, publicKey: KEY })), {
      kind: 'certificate',
      name: 'CN=a, O=b, OU=c',
    });
    assert.deepEqual(identityOf(socket({ publicKey: KEY })), { kind: 'key', name: HASH });
    assert.deepEqual(identityOf(socket({})), { kind: 'none', name: '' });
    assert.equal(nameInWords(undefined), '');
    assert.equal(identityOf(socket({ pskIdentity: Buffer.from('\ufeffx') })).name, '\ufeffx');
  });

  test('claims to be somebody, or nobody', () => {
    assert.equal(claimInWords({ pskIdentity: Buffer.from('id'), subject: 'CN=a' }), 'id');
    assert.equal(claimInWords({ subject: 'CN=a\nO=b', publicKey: KEY }), 'CN=a, O=b');
    assert.equal(claimInWords({ publicKey: KEY }), HASH);
    assert.deepEqual([claimInWords({}), claimInWords(null), claimInWords(undefined)], [null, null, null]);
  });

  test('is at an address', () => {
    assert.equal(addressOf({ remoteAddress: '192.0.2.1', remotePort: 7 }), '192.0.2.1:7');
    assert.equal(addressOf({ remoteAddress: '::1', remotePort: 7 }), '[::1]:7');
  });
});

describe('the history', () => {
  test('has a sample every two seconds, and the last ten minutes of them', (t) => {
    t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1000 });
    let count = 0;
    const history = new History(() => ({
      counters: {
        count: count++,
        times: { counts: [1, 2], sum: 7, bounds: [1] },
        drops: { mac: 3 },
        text: 'x',
        none: null,
      },
      failures: { E: count },
    }));
    const { samples, ...rest } = history.from(0);
    assert.deepEqual(rest, {
      period: 2000,
      most: 300,
      next: 1,
      names: ['count', 'times.count', 'times.sum', 'drops.mac'],
    });
    assert.deepEqual(samples, [{ time: 1000, values: [0, 3, 7, 3], failures: { E: 1 } }]);
    t.mock.timers.tick(1999);
    assert.equal(history.from(0).next, 1);
    t.mock.timers.tick(1);
    assert.deepEqual(history.from(1).samples, [{ time: 3000, values: [1, 3, 7, 3], failures: { E: 2 } }]);
    assert.deepEqual(history.from(2).samples, []);
    t.mock.timers.tick(2000 * 298);
    assert.equal(history.from(0).samples.length, 300);
    t.mock.timers.tick(2000);
    const all = history.from(0);
    assert.deepEqual([all.samples.length, all.next, all.samples[0].values[0]], [300, 301, 1]);
    assert.deepEqual(
      [history.from(1).samples.length, history.from(2).samples.length, history.from(300).samples.length],
      [300, 299, 1],
    );
    history.close();
    t.mock.timers.tick(2000);
    assert.equal(history.from(0).next, 301);
  });

  test('has counters that come later behind the others', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const counters = { a: 1 };
    const history = new History(() => ({ counters: { ...counters }, failures: {} }));
    Object.assign(counters, { b: 2, a: 3 });
    t.mock.timers.tick(2000);
    const { names, samples } = history.from(0);
    assert.deepEqual(
      [names, samples.map(({ values }) => values)],
      [
        ['a', 'b'],
        [[1], [3, 2]],
      ],
    );
    history.close();
  });
});

describe('connections', () => {
  class Socket extends EventEmitter {
    constructor(port, more) {
      super();
      Object.assign(this, {
        remoteAddress: '192.0.2.1',
        remotePort: port,
        connected: true,
        destroyed: false,
        publicKey: Buffer.alloc(0),
        pskIdentity: Buffer.from(`Id ${port}`),
        connectionStats: { bytesReceived: port, bytesSent: -port, messagesSent: 4 },
        authorized: true,
        authorizationError: null,
        servername: false,
        alpnProtocol: false,
        resumed: false,
        messagesDropped: 0,
        handshakeTime: undefined,
        ...more,
      });
    }
    getPeerX509Certificate() {
      return this.certificate;
    }
    getCipher() {
      return { name: `suite ${this.remotePort % 2}`, standardName: 'TLS_X' };
    }
    getProtocol() {
      return 'DTLSv1.2';
    }
    getSrtpProfile() {
      return null;
    }
  }

  function start(t, sockets = []) {
    t.mock.timers.enable({ apis: ['Date'], now: 5000 });
    // A search that waits does not keep the process alive.
    const alive = setInterval(() => {}, 1000);
    t.after(() => clearInterval(alive));
    const server = new EventEmitter();
    server.sockets = Object.fromEntries(sockets.map((socket, index) => [index, socket]));
    const failures = [];
    const connections = new Connections(server, (...args) => failures.push(args));
    const page = (wanted, signal = new AbortController().signal) =>
      connections.page({ search: '', sort: 'age', descending: false, offset: 0, limit: 10, ...wanted }, signal);
    const ports = async (wanted) => (await page(wanted)).rows.map(({ peer }) => Number(peer.split(':')[1]));
    return { server, connections, failures, page, ports };
  }

  test('are those that there are, and those that come, by number', async (t) => {
    const [old, young] = [new Socket(3), new Socket(1, { connected: false })];
    const { server, page } = start(t, [old, young]);
    server.emit('secureConnection', new Socket(2));
    const { total, matching, rows } = await page({});
    assert.deepEqual([total, matching], [2, 2]);
    const row = (number, port, since) => ({
      number,
      peer: `192.0.2.1:${port}`,
      identity: { kind: 'psk', name: `Id ${port}` },
      suite: `suite ${port % 2}`,
      since,
      heard: since,
      bytesReceived: port,
      bytesSent: -port,
      ended: false,
    });
    assert.deepEqual(rows, [row(1, 3, null), row(2, 2, 5000)]);
    t.mock.timers.setTime(6000);
    old.emit('receive', 5);
    old.destroyed = true;
    const [first] = (await page({})).rows;
    assert.deepEqual([first.heard, first.since, first.ended], [6000, null, true]);
  });

  test('are in the order of whatever can be seen', async (t) => {
    const { server, ports } = start(t, [new Socket(5), new Socket(20), new Socket(3)]);
    server.emit('secureConnection', new Socket(4));
    assert.deepEqual(SORTS, ['age', 'peer', 'identity', 'suite', 'received', 'sent', 'heard']);
    const orders = {
      age: [5, 20, 3, 4],
      peer: [20, 3, 4, 5],
      identity: [20, 3, 4, 5],
      suite: [20, 4, 5, 3],
      received: [3, 4, 5, 20],
      sent: [20, 5, 4, 3],
      heard: [5, 20, 3, 4],
    };
    for (const [sort, expected] of Object.entries(orders)) {
      assert.deepEqual(await ports({ sort }), expected, sort);
      assert.deepEqual(await ports({ sort, descending: true }), expected.toReversed(), sort);
    }
    assert.deepEqual(await ports({ offset: 1, limit: 2 }), [20, 3]);
    assert.deepEqual(await ports({ offset: 3, limit: 2 }), [4]);
    assert.deepEqual(await ports({ offset: 9 }), []);
    assert.deepEqual(await ports({ offset: 1, limit: 2, descending: true }), [3, 20]);
  });

  test('are found by all words of a search, in their address or their identity', async (t) => {
    const { ports, page } = start(t, [new Socket(5), new Socket(25), new Socket(3)]);
    assert.deepEqual(await ports({ search: ' ID   5 ' }), [5, 25]);
    assert.deepEqual(await ports({ search: '192.0.2.1:2 id' }), [25]);
    assert.deepEqual(await ports({ search: 'nobody' }), []);
    const { total, matching } = await page({ search: '25' });
    assert.deepEqual([total, matching], [3, 1]);
  });

  test('that end are gone, and those that fail are told', async (t) => {
    const socket = new Socket(5);
    const { connections, failures, page, server } = start(t, [socket, new Socket(6)]);
    const error = new Error('why');
    socket.emit('error', error);
    assert.deepEqual(failures, [[error, socket]]);
    assert.notEqual(connections.details(1), null);
    socket.emit('close');
    assert.deepEqual([connections.details(1), (await page({ search: 'x' })).total], [null, 1]);
    const other = server.sockets[1];
    connections.close();
    assert.deepEqual([other.eventNames(), server.eventNames()], [[], []]);
    assert.equal(connections.details(2), null);
  });

  test('in detail say all that is known', (t) => {
    const certificate = {
      subject: 'CN=a\nO=b',
      issuer: 'CN=ca',
      validFrom: 'from',
      validTo: 'to',
      fingerprint256: 'AB',
      more: 1,
    };
    const { connections } = start(t, [
      new Socket(5, {
        certificate,
        servername: 'host',
        alpnProtocol: 'coap',
        handshakeTime: 7,
        authorizationError: 'E',
      }),
      new Socket(6),
    ]);
    const {
      certificate: shown,
      servername,
      alpn,
      handshakeTime,
      authorizationError,
      messagesSent,
      protocol,
      standardSuite,
      authorized,
    } = connections.details(1);
    assert.deepEqual(shown, {
      subject: 'CN=a, O=b',
      issuer: 'CN=ca',
      validFrom: 'from',
      validTo: 'to',
      fingerprint256: 'AB',
    });
    assert.deepEqual(
      [servername, alpn, handshakeTime, authorizationError, messagesSent, protocol, standardSuite, authorized],
      ['host', 'coap', 7, 'E', 4, 'DTLSv1.2', 'TLS_X', true],
    );
    const none = connections.details(2);
    assert.deepEqual(
      [none.certificate, none.servername, none.alpn, none.handshakeTime, none.srtpProfile],
      [null, null, null, null, null],
    );
    assert.deepEqual([none.resumed, none.messagesDropped, none.number], [false, 0, 2]);
    assert.equal(connections.details(3), null);
  });

  test('are sorted no more often than there is rest for, and not for nobody', async (t) => {
    let [now, step] = [0, 1];
    t.mock.method(performance, 'now', () => (now += step));
    const { page, ports, server } = start(t, [new Socket(5)]);
    assert.deepEqual(await ports({}), [5]);
    step = 0;
    server.emit('secureConnection', new Socket(6));
    // What has been sorted before is shown again, and what has not waits.
    assert.deepEqual(await ports({}), [5]);
    assert.deepEqual(await ports({ search: 'id' }), [5, 6]);
    now += 1000;
    assert.deepEqual(await ports({}), [5, 6]);
    const gone = AbortSignal.abort(new Error('gone'));
    await assert.rejects(page({ search: 'x' }, gone), { message: 'gone' });
    assert.deepEqual(await ports({}), [5, 6]);
  });
});

describe('a request', () => {
  /** Asks, and answers `[status, headers, body]`. */
  async function ask(request, answer = async () => ({ type: 'text/plain', body: 'yes' }), host = '127.0.0.1') {
    const response = new EventEmitter();
    const result = [];
    response.writeHead = (status, headers) => result.push(status, headers);
    response.end = (body) => result.push(body);
    await listener(host, answer)(
      { method: 'GET', url: '/', ...request, headers: { host: '127.0.0.1', ...request.headers } },
      response,
    );
    return result;
  }

  test('is answered with what there is, and headers that keep others out', async () => {
    const seen = [];
    const [status, headers, body] = await ask({ url: '/x?a=1' }, async (path, query, signal) => {
      seen.push(path, query.get('a'), signal.aborted);
      return { type: 'text/plain', body: 'caf\u00e9' };
    });
    assert.deepEqual(seen, ['/x', '1', false]);
    assert.deepEqual(
      [status, headers['Content-Type'], headers['Content-Length'], body],
      [200, 'text/plain', 5, 'caf\u00e9'],
    );
    assert.deepEqual([headers['Cache-Control'], headers['X-Content-Type-Options']], ['no-store', 'nosniff']);
    const [, headLength, none] = await ask({ method: 'HEAD' });
    assert.deepEqual([headLength['Content-Length'], none], [3, undefined]);
  });

  test('that cannot be answered is refused in words', async () => {
    const refused = async (...args) => {
      const [status, headers, body] = await ask(...args);
      assert.equal(headers['Content-Type'], 'text/plain; charset=utf-8');
      return [status, body];
    };
    assert.deepEqual(await refused({ method: 'POST' }), [
      405,
      '405 Method Not Allowed: Only GET and HEAD are allowed\n',
    ]);
    const [, headers] = await ask({ method: 'POST' });
    assert.deepEqual([headers.Allow, headers.Connection], ['GET, HEAD', 'close']);
    assert.deepEqual(await refused({ url: 'http://[' }), [400, '400 Bad Request: The address cannot be read\n']);
    const no = async () => {
      throw new Refusal(404, 'There is nothing here');
    };
    assert.deepEqual(await refused({}, no), [404, '404 Not Found: There is nothing here\n']);
    const breaks = async () => {
      throw new Error('secret');
    };
    assert.deepEqual(await refused({}, breaks), [500, '500 Internal Server Error: The dashboard has failed\n']);
  });

  test('is for a name of this machine', async () => {
    const status = async (host, own) => (await ask({ headers: { host } }, undefined, own))[0];
    for (const host of ['127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:80', 'localhost', 'LOCALHOST:1', '10.1.1.1:5']) {
      assert.equal(await status(host), 200, host);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '', undefined, 'a:b:c', '[::1', '127.0.0.1:x']) {
      assert.equal(await status(host), 403, host);
    }
    assert.equal(await status('my.host:80', 'My.Host'), 200);
    const [, , body] = await ask({ headers: { host: 'x' } });
    assert.equal(
      body,
      '403 Forbidden: The name in the address is not one of this machine; use http://127.0.0.1 or localhost\n',
    );
  });

  test('is not one of another site, which may lead a person here', async () => {
    const status = async (site, mode, url = '/') =>
      (await ask({ url, headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode } }))[0];
    for (const site of ['cross-site', 'same-site']) {
      assert.deepEqual(
        [await status(site, 'cors'), await status(site, 'navigate'), await status(site, 'navigate', '/api')],
        [403, 200, 403],
      );
    }
    for (const site of ['same-origin', 'none', undefined]) assert.equal(await status(site, 'cors', '/api'), 200);
    const [, , body] = await ask({ headers: { 'sec-fetch-site': 'cross-site' } });
    assert.equal(body, '403 Forbidden: Another site has asked\n');
  });

  test('of a browser that has gone is not answered', async () => {
    const response = new EventEmitter();
    response.writeHead = response.end = () => assert.fail('answered');
    const answer = async (_path, _query, signal) => {
      response.emit('close');
      assert.equal(signal.aborted, true);
      return { type: 'text/plain', body: 'x' };
    };
    await listener('localhost', answer)({ method: 'GET', url: '/', headers: { host: 'localhost' } }, response);
  });
});

describe('long work', () => {
  test('is interrupted after two milliseconds, and goes on in another turn', async (t) => {
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const steps = (function* () {
      for (let count = 0; count < 5; count++) {
        now += 1;
        yield;
      }
      return 'done';
    })();
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    assert.equal(await inSlices(steps), 'done');
    isOver = true;
    assert(turns >= 2 && turns <= 4, String(turns));
  });

  test('of sorting is interrupted every 256 items, and leaves the items as they are', () => {
    const items = Array.from({ length: 1000 }, (_, index) => (index * 7919) % 1000);
    const copy = [...items];
    const steps = sorted(items, (one, other) => one - other);
    let count = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) count += 1;
    assert.deepEqual(
      step.value,
      copy.toSorted((one, other) => one - other),
    );
    assert.deepEqual(items, copy);
    // Four runs, and two rounds of merging.
    assert(count >= 12 && count <= 14, String(count));
  });
});
