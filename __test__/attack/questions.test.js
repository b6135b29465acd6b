'use strict';

// Questions before the cookie take no place: who sends records from addresses that nobody has proved keeps nobody else
// out, and causes a bounded number of queries.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, event, startServer } = require('../support/endpoints.js');
const { addresses, startAttackers } = require('./crowd/attackers.js');
const { assertLetIn } = require('./crowd/honest.js');
const { Address, HAS_LOOPBACK_NETWORK, elsewhere } = require('./engine/address.js');
const { Client, announcement } = require('./engine/client.js');
const { APPLICATION_DATA, record } = require('./engine/record.js');

const MAX_HANDSHAKES = 100;
/** More than there may be handshakes. */
const PORTS = 150;

const skip = HAS_LOOPBACK_NETWORK ? false : 'attackers need addresses of their own';

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

for (const [question, make] of Object.entries(JUNK)) {
  test(`junk from many ports of one address keeps nobody out while nobody answers '${question}'`, async (t) => {
    const service = await startService(t, { delay: Infinity });
    const quiet = await startService(t, { delay: Infinity });
    const strangers = await Promise.all(Array.from({ length: PORTS }, () => Address.open(t, elsewhere())));
    for (const stranger of strangers) {
      stranger.send(make(), service.port);
      // A receive buffer has room for so many.
      await sleep(0);
    }
    await sleep(50);
    assert(service.server.stats.lookups < MAX_HANDSHAKES, `${service.server.stats.lookups} questions are open`);
    await assertLetIn({ port: service.port, ...BOB, handshakeTimeout: 5_000 }, quiet.port, 3);
  });
}

describe('a flood of junk records against a store that takes its time', { skip }, () => {
  async function flood(t, task) {
    const attackers = await startAttackers('flood.js', { hosts: addresses(8), ...task });
    t.after(attackers.kill);
    return attackers;
  }

  for (const kind of Object.keys(JUNK)) {
    test(`leaves room for honest handshakes, and bounds the queries: '${kind}'`, async (t) => {
      const service = await startService(t, { delay: STORE_DELAY });
      const quiet = await startService(t, { delay: STORE_DELAY });
      const attackers = await flood(t, { port: service.port, kind, rate: 5_000 });
      await sleep(300);
      const began = performance.now();
      await assertLetIn({ port: service.port, ...BOB, handshakeTimeout: 5_000 }, quiet.port, 20);
      const seconds = (performance.now() - began) / 1_000;
      const { sent } = await attackers.stop();
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
    await flood(t, { port: service.port, kind: 'resumeSession', rate: 2_000 });
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
