'use strict';

// The commands server and client, run in this process with a made-up terminal: what they say, as words and as values.

const assert = require('node:assert/strict');
const process = require('node:process');
const { PassThrough } = require('node:stream');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { UsageError } = require('../../lib/cli/failures');
const { HOST, event, messages, openClient } = require('../support/endpoints.js');
const { NAMES, inOlderVersion } = require('../support/older-version.js');
const { KEY, run, start } = require('../support/command-here.js');

/** Has the commands read this in place of what is typed. */
function typed(t) {
  const input = new PassThrough();
  const before = Object.getOwnPropertyDescriptor(process, 'stdin');
  Object.defineProperty(process, 'stdin', { value: input, configurable: true, writable: true });
  t.after(() => Object.defineProperty(process, 'stdin', before));
  return input;
}

describe('client', () => {
  test('sends what is typed, and says what comes, until there is enough', async (t) => {
    inOlderVersion(t, NAMES);
    const { address } = await start(t);
    const input = typed(t);
    input.write('one\ntwo\nthree\n');
    const { outcome, of } = await run('client', [address], { ...KEY, count: '2' });
    assert.equal(outcome, 0);
    const [[connected, value, words], [closed, { peer, received }, end]] = of('event');
    assert.deepEqual([connected, value.peer, value.protocol], ['connected', address, 'DTLSv1.2']);
    assert.match(words, new RegExp(`^connected to ${address}: DTLSv1\\.2, `));
    assert.deepEqual([closed, peer, received, end], ['closed', address, 2, 'closed: 2 datagrams came']);
    assert.deepEqual(
      of('message').map(([bytes, ...rest]) => [`${bytes}`, ...rest]),
      [
        ['one', address, { raw: false }],
        ['two', address, { raw: false }],
      ],
    );
  });

  test('waits behind its input for what comes, and fails with less than was wanted', async (t) => {
    const { address } = await start(t);
    for (const [values, received, message] of [
      [{ wait: '0.1' }, 1, undefined],
      [{ wait: '0.1', count: '2' }, 1, '1 of 2 datagrams came'],
      [{ wait: '0', raw: true }, undefined, undefined],
    ]) {
      typed(t).end('one\n');
      const { outcome, of } = await run('client', [address], { ...KEY, ...values });
      if (message === undefined) assert.equal(outcome, 0);
      else assert.deepEqual([outcome.message, outcome.advice], [message, 'Give them more time with --wait.']);
      if (received !== undefined) assert.equal(of('event').at(-1)[1].received, received);
    }
  });

  test('sends everything as one datagram, if that is wanted', async (t) => {
    const { address } = await start(t);
    typed(t).end('one\ntwo\n');
    const { of } = await run('client', [address], { ...KEY, raw: true, count: '1' });
    assert.deepEqual(
      of('message').map(([bytes, , how]) => [`${bytes}`, how]),
      [['one\ntwo\n', { raw: true }]],
    );
  });

  test('ends with a signal, with its server, and with an error', async (t) => {
    const { server, address } = await start(t);
    for (const end of [
      (stop) => stop.abort(),
      () => {
        for (const socket of Object.values(server.sockets)) socket.end();
      },
    ]) {
      typed(t);
      const stop = new AbortController();
      const heard = (_kind, name) => name === 'connected' && setTimeout(end, 20, stop);
      const { outcome, of } = await run(
        'client',
        [address],
        { ...KEY, ...(end.length ? { count: '5' } : {}) },
        { stop: stop.signal, heard },
      );
      assert.deepEqual([outcome, of('event').at(-1)[2]], [0, 'closed: 0 datagrams came']);
    }
    // Somebody may have had enough by the time that there is a connection.
    typed(t);
    const stop = new AbortController();
    const early = { stop: stop.signal, heard: (_kind, name) => name === 'connected' && stop.abort() };
    assert.equal((await run('client', [address], KEY, early)).outcome, 0);
    const input = typed(t);
    input.end('x'.repeat(20_000));
    const long = await run('client', [address], KEY);
    assert(long.outcome instanceof UsageError);
    assert.equal(long.of('event').at(-1)[0], 'closed');
    const wrong = async (values) => (await run('client', [address], { ...KEY, ...values })).outcome.message;
    assert.match(await wrong({ count: '0' }), /^--count takes a whole number from 1 to 1000000000,/);
    assert.match(await wrong({ wait: '86400.1' }), /^--wait takes seconds from 0 to 86400,/);
  });
});

describe('server', () => {
  /** Serves until the test is over. */
  async function serve(t, values) {
    const stop = new AbortController();
    const input = typed(t);
    let listening;
    const heard = new Promise((resolve) => {
      listening = resolve;
    });
    const told = [];
    const running = run('server', [`${HOST}:0`], values, {
      stop: stop.signal,
      heard: (kind, ...args) => {
        told.push([kind, ...args]);
        if (args[0] === 'listening') listening(args[1]);
      },
    });
    t.after(() => stop.abort());
    const { port } = await Promise.race([heard, running.then(({ outcome }) => Promise.reject(outcome))]);
    return { port, stop, input, running, told, target: { address: () => ({ port }) } };
  }

  const BOB = { psk: Buffer.from([1, 2]), pskIdentity: 'bob' };

  test('says who comes, what comes, and who goes, and sends what is typed to everybody', async (t) => {
    inOlderVersion(t, NAMES);
    const { port, stop, input, running, told, target } = await serve(t, KEY);
    const client = openClient(t, target, BOB);
    await event(client, 'secureConnect');
    const heard = messages(client, 1);
    client.write('hello');
    while (!told.some(([kind]) => kind === 'message')) await sleep(5);
    input.write('to all\n');
    assert.deepEqual(await heard, ['to all']);
    const peer = `${HOST}:${client.localPort}`;
    client.end();
    while (!told.some(([, name]) => name === 'closed')) await sleep(5);
    stop.abort();
    const { outcome, of } = await running;
    assert.equal(outcome, 0);
    const events = of('event');
    assert.deepEqual(events[0], ['listening', { address: HOST, port }, `listening on ${HOST}:${port}`]);
    const [, connected, closed] = events;
    assert.deepEqual([connected[0], connected[1].peer, connected[1].pskIdentity], ['connected', peer, 'bob']);
    assert.match(connected[2], new RegExp(`^${peer} connected: DTLSv1\\.2, \\S+, PSK identity <bob>$`));
    assert.deepEqual(closed, ['closed', { peer, received: 1 }, `${peer} closed: 1 datagram came`]);
    assert.deepEqual(
      of('message').map(([bytes, ...rest]) => [`${bytes}`, ...rest]),
      [['hello', peer, { raw: undefined }]],
    );
  });

  test('echoes, and ends with its first connection, where that is wanted', async (t) => {
    const { running, target } = await serve(t, { ...KEY, echo: true, once: true });
    const client = openClient(t, target, BOB);
    const heard = messages(client, 1);
    client.write('hello');
    assert.deepEqual(await heard, ['hello']);
    client.end();
    assert.equal((await running).outcome, 0);
  });

  test('says whom it has refused, and of which connection has failed', async (t) => {
    const { stop, running, told, target } = await serve(t, KEY);
    const client = openClient(t, target, { ...BOB, psk: 'wrong' });
    await event(client, 'error');
    while (!told.some(([, name]) => name === 'refused')) await sleep(5);
    stop.abort();
    const { of } = await running;
    const [name, { peer, code, message }, words] = of('event')[1];
    assert.deepEqual([name, words], ['refused', `${peer} refused: ${message} (${code})`]);
  });

  test('shows a dashboard on loopback, with a warning elsewhere', async (t) => {
    const { told, stop, running } = await serve(t, { ...KEY, dashboard: '0' });
    while (!told.some(([, name]) => name === 'dashboard')) await sleep(5);
    const [, , { url }, words] = told.find(([, name]) => name === 'dashboard');
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.equal(words, `dashboard at ${url}`);
    stop.abort();
    await running;
    const bad = await run('server', [`${HOST}:0`], { ...KEY, dashboard: 'x' });
    assert(bad.outcome instanceof UsageError);
  });

  test('ends at once when it has been told so already, and fails with its port', async (t) => {
    typed(t);
    assert.equal((await run('server', [`${HOST}:0`], KEY, { stop: AbortSignal.abort() })).outcome, 0);
    const { address } = await start(t);
    const taken = await run('server', [address], KEY);
    assert.equal(taken.outcome.code, 'EADDRINUSE');
    const nothing = await run('server', [`${HOST}:0`], {});
    assert(nothing.outcome instanceof UsageError);
  });
});
