'use strict';

// A node of a fleet whose server and store are made up, and note what they are told; its clock is the test's.

const { Fleet } = require('../../lib/fleet/fleet');
const observed = require('./observed.js');

/** What a store answers takes some rounds to be told. */
const later = (rounds = 3) => observed.later(rounds);

const warned = (act) =>
  observed.warned(async () => {
    await act();
    await later();
  });

const ASSOCIATION = Buffer.from('aa', 'hex');

/** As the native object writes a connection: its ID and where its peer is, behind its length. */
function travellerOf({ address = '192.0.2.1', port = 7, connectionId = null, bound = null } = {}) {
  const text = JSON.stringify({ address, port, connectionId, bound });
  return Buffer.concat([Buffer.from([text.length >> 8, text.length & 0xff]), Buffer.from(text)]);
}

function readTraveller(bytes) {
  const { connectionId, bound, ...rest } = JSON.parse(bytes.subarray(2).toString());
  return {
    association: ASSOCIATION,
    ciphersuite: 0xc0a8,
    connectionId: connectionId === null ? undefined : Buffer.from(connectionId, 'hex'),
    bound: bound ?? undefined,
    ...rest,
  };
}

function start(t, { idleTimeout = 0, answers = {}, store: more = {}, native: moreNative = {} } = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const log = [];
  const asked =
    (name) =>
    async (...args) => {
      log.push([name, ...args]);
      const answer = answers[name];
      return typeof answer === 'function' ? answer(...args) : answer;
    };
  const store = {
    isReady: true,
    node: 'me',
    another: () => store,
    seal: (name, pieces) => `${name}|${Buffer.concat(pieces).toString('base64')}`,
    open: (_name, sealed) => Buffer.from(sealed.split('|')[1], 'base64'),
    ...Object.fromEntries(
      ['listen', 'close', 'peek', 'put', 'update', 'remove', 'claim', 'release'].map((name) => [name, asked(name)]),
    ),
    ...more,
  };
  const native = {
    copyForStore: () => ({ traveller: travellerOf() }),
    takeOut: (handles) => Buffer.concat(Array.from(handles, () => travellerOf())),
    readTraveller,
    proves: () => true,
    confirmCopy: (...args) => log.push(['confirm', ...args]),
    succeed: () => ({ traveller: travellerOf({ bound: 'next' }), bound: 'next' }),
    ...moreNative,
  };
  const endpoint = { native, close: (...args) => log.push(['abort', ...args]) };
  const fleet = new Fleet({ _endpoint: endpoint }, store, idleTimeout);
  const socketOf = (handle, socketMore) => ({
    connected: true,
    connectionId: undefined,
    remoteAddress: '192.0.2.1',
    remotePort: 7,
    addressConfirmed: true,
    data: undefined,
    authorized: false,
    servername: false,
    alpnProtocol: false,
    authorizationError: null,
    _identity: undefined,
    _publicKey: '',
    _details: null,
    _handle: handle,
    _endpoint: endpoint,
    _takeUnread: () => undefined,
    _goElsewhere() {
      this.connected = false;
      log.push(['elsewhere', handle]);
    },
    destroy: () => log.push(['destroy', handle]),
    ...socketMore,
  });
  const take = () =>
    log
      .splice(0)
      .map(([name, ...args]) => [name, ...args.map((arg) => (typeof arg === 'function' ? 'function' : arg))]);
  const names = () => take().map(([name]) => name);
  const tick = (ms = 100) => {
    now += ms;
    t.mock.timers.tick(100);
  };
  return { fleet, store, native, endpoint, socketOf, take, names, tick, answers, move: (ms) => (now += ms) };
}

const NAME = '192.0.2.1:7';

module.exports = { NAME, later, start, travellerOf, warned };
