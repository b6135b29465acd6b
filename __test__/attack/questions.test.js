'use strict';

// Questions before the cookie take no place: who sends records from addresses that nobody has proved keeps nobody else
// out, and causes a bounded number of queries.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const { Address } = require('./engine/address.js');
const { Client, announcement } = require('./engine/client.js');
const { APPLICATION_DATA, record } = require('./engine/record.js');

const MAX_HANDSHAKES = 100;
/** More than there may be handshakes. */
const PORTS = 150;

/** How long the application's store takes, ms. */
const STORE_DELAY = 100;

/** A record that looks like data of some connection, and is none. */
function junk() {
  return record({ type: APPLICATION_DATA, epoch: 1, number: 5, content: randomBytes(40) });
}

const JUNK = {
  resumeSession: junk,
  lookupKey: () => announcement(junk(), Buffer.from('any device')),
};

/** A server that looks connections up in a slow store, or never answers; `asked` and `open` count its questions. */
async function startService(t, { delay, copies = new Map() }) {
  const server = await startServer(t, { psk: { bob: BOB.psk }, maxHandshakes: MAX_HANDSHAKES });
  const service = { server, port: server.address().port, asked: 0, open: 0, mostOpen: 0 };
  const look =
    (find) =>
    (key, ...rest) => {
      const callback = rest.at(-1);
      service.asked += 1;
      service.open += 1;
      service.mostOpen = Math.max(service.mostOpen, service.open);
      if (delay === Infinity) return;
      setTimeout(() => {
        service.open -= 1;
        callback(null, find(key));
      }, delay);
    };
  server.on(
    'resumeSession',
    look((key) => copies.get(key)),
  );
  server.on(
    'lookupKey',
    look(() => undefined),
  );
  return service;
}

/** How long the handshakes of honest clients take that come one after another, ms, in order. */
async function honestHandshakes(t, server, count) {
  const times = [];
  for (let index = 0; index < count; index++) {
    const began = performance.now();
    const client = openClient(t, server, { ...BOB, handshakeTimeout: 5_000 });
    const failed = event(client, 'error').then(([error]) => error.code);
    assert.equal(await Promise.race([event(client, 'secureConnect').then(() => 'secure'), failed]), 'secure');
    times.push(performance.now() - began);
    client.destroy();
  }
  return times.sort((one, other) => one - other);
}

for (const [question, make] of Object.entries(JUNK)) {
  test(`junk from many ports of one address keeps nobody out while nobody answers '${question}'`, async (t) => {
    const service = await startService(t, { delay: Infinity });
    const strangers = await Promise.all(Array.from({ length: PORTS }, () => Address.open(t, '127.0.66.6')));
    for (const stranger of strangers) {
      stranger.send(make(), service.port);
      // A receive buffer has room for so many.
      await sleep(0);
    }
    await sleep(50);
    assert(service.server.stats.lookups < MAX_HANDSHAKES, `${service.server.stats.lookups} questions are open`);
    const times = await honestHandshakes(t, service.server, 3);
    assert(times.at(-1) < 3_000, `${times.at(-1)} ms`);
  });
}

describe('a flood of junk records against a store that takes its time', () => {
  /** A process that floods the server until the test is over. */
  async function flood(t, port, { kind, hosts, rate }) {
    const child = fork(path.join(__dirname, 'crowd', 'flood.js'));
    t.after(() => child.kill('SIGKILL'));
    child.send({ port, kind, hosts, rate });
    await once(child, 'message');
    return async () => {
      child.send('stop');
      const [{ sent }] = await once(child, 'message');
      return sent;
    };
  }

  for (const kind of Object.keys(JUNK)) {
    test(`leaves room for honest handshakes, and bounds the queries: '${kind}'`, async (t) => {
      const service = await startService(t, { delay: STORE_DELAY });
      const hosts = Array.from({ length: 8 }, (_, index) => `127.0.66.${index + 1}`);
      const stop = await flood(t, service.port, { kind, hosts, rate: 5_000 });
      await sleep(300);
      const began = performance.now();
      const times = await honestHandshakes(t, service.server, 20);
      const seconds = (performance.now() - began) / 1_000;
      const sent = await stop();
      assert(times[10] < 100, `median ${times[10]} ms`);
      assert(times.at(-1) < 3_000, `worst ${times.at(-1)} ms`);
      // What a stranger causes has a budget that is smaller than that of handshakes.
      assert(service.mostOpen <= MAX_HANDSHAKES / 2, `${service.mostOpen} queries at a time`);
      const perSecond = service.asked / (seconds + 0.3);
      const bound = (MAX_HANDSHAKES / 2) * (1_000 / STORE_DELAY);
      assert(perSecond <= bound, `${perSecond} queries a second of ${sent} datagrams`);
    });
  }

  test('does not keep a device from its connection that was saved', async (t) => {
    const first = await startServer(t, { psk: { bob: BOB.psk }, sendClose: false });
    const secured = event(first, 'secureConnection');
    const home = await Address.open(t);
    const client = await home.handshake(first.address().port, new Client());
    const [socket] = await secured;
    const copies = new Map([[`${home.host}:${home.port}`, socket.session]]);
    await new Promise((resolve) => first.close(resolve));

    const service = await startService(t, { delay: STORE_DELAY, copies });
    const hosts = Array.from({ length: 8 }, (_, index) => `127.0.66.${index + 1}`);
    await flood(t, service.port, { kind: 'resumeSession', hosts, rate: 2_000 });
    await sleep(300);
    const restored = event(service.server, 'secureConnection').then(() => 'restored');
    let isOver = false;
    const said = (async () => {
      for (let count = 0; count < 60 && !isOver; count++) {
        home.send(client.data(`${count}`), service.port);
        await sleep(50);
      }
      return 'nobody heard it';
    })();
    assert.equal(await Promise.race([restored, said]), 'restored');
    isOver = true;
  });
});
