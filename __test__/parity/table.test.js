'use strict';

// docs/parity.md, walked in both directions: it has every member of the Node.js that runs this, and says of each what is so.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const dtls = require('../..');
const { elsewhere } = require('../../lib/options/elsewhere.js');
const { clientOptionNames, serverOptionNames } = require('../../lib/options/options.js');

const PAGE = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'parity.md'), 'utf8');

/** Section -> member -> 'same', 'other' or 'not'. */
const sections = new Map();
for (const section of PAGE.split(/^## /m).slice(1)) {
  const rows = new Map();
  for (const [, names, here, why] of section.matchAll(/^\| (`.+?) \| (\w+) \| (.*?) ?\|$/gm)) {
    for (const [, name] of names.matchAll(/`'?([\w.]+)'?`/g)) rows.set(name, { here, why });
  }
  sections.set(section.split('\n')[0], rows);
}

const members = (prototype) =>
  Object.getOwnPropertyNames(prototype).filter((name) => !name.startsWith('_') && name !== 'constructor');

/** Of a class, and of a socket that its constructor has made. */
const isMember = (object) => (name) => name in object;
const client = dtls.connect({ port: 9, host: '127.0.0.1', psk: 'x', pskIdentity: 'x' });
client.on('error', () => {});
client.destroy();
const socket = dtls.createDgramSocket({ psk: 'x' });
const RENAMED = { __proto__: null, Server: 'DtlsServer', TLSSocket: 'DtlsSocket' };

/** What older versions of Node.js do not have, and an object of ours has as soon as they do. */
const INHERITED = new Set(['bindSync']);

const walks = [
  ['tls.TLSSocket', members(tls.TLSSocket.prototype), isMember(client)],
  ['net.Socket', members(net.Socket.prototype), isMember(client)],
  ['tls.Server', members(tls.Server.prototype), isMember(dtls.DtlsServer.prototype)],
  ['net.Server', members(net.Server.prototype), isMember(dtls.DtlsServer.prototype)],
  ['tls', Object.keys(tls), (name) => (RENAMED[name] ?? name) in dtls],
  ['dgram.Socket', members(dgram.Socket.prototype), isMember(socket)],
];

describe('docs/parity.md', () => {
  for (const [section, names, isHere] of walks) {
    test(`has every member of ${section}, and says of each what is so`, () => {
      const rows = sections.get(section);
      assert.deepEqual(
        names.filter((name) => !rows.has(name)),
        [],
      );
      for (const [name, { here, why }] of rows) {
        assert.ok(['same', 'other', 'not'].includes(here), `${name} is ${here}`);
        assert.ok(here === 'same' || why !== '', `${name} is ${here} without a word`);
        if (INHERITED.has(name) && !names.includes(name)) continue;
        assert.equal(isHere(name), here !== 'not', `${section}.${name} is said to be "${here}"`);
      }
    });
  }

  test('says of each option whether it exists', () => {
    const known = new Set([...serverOptionNames, ...clientOptionNames]);
    for (const [name, { here }] of sections.get('Options')) {
      assert.equal(known.has(name), here !== 'not', `${name} is said to be "${here}"`);
      if (here === 'not') assert.notEqual(elsewhere(name), null, `the message about ${name} says what applies`);
    }
  });

  test('says of each event whether the types have it', () => {
    const types = fs.readFileSync(path.join(__dirname, '..', '..', 'index.d.ts'), 'utf8');
    for (const [name, { here }] of sections.get('Events')) {
      assert.equal(new RegExp(`^  ${name}: \\[`, 'm').test(types), here !== 'not', `'${name}' is said to be "${here}"`);
    }
  });
});
