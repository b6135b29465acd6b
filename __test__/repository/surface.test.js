'use strict';

// What the package offers is typed in index.d.ts and described in docs/api.md: every option, event, member, counter and error code. And
// what is typed is there.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { Duplex } = require('node:stream');
const { describe, test } = require('node:test');

const mbed = require('../..');
const { CONTEXT, clientOptionNames, serverOptionNames } = require('../../lib/options/options.js');

const ROOT = path.join(__dirname, '..', '..');
const read = (...file) => fs.readFileSync(path.join(ROOT, ...file), 'utf8');
const types = read('index.d.ts');
const reference = read('docs', 'api.md');

/** What stands between backquotes in the first cells of tables: names of options and members, and events in their quotes. */
const described = new Set(
  [...reference.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`([^`]*)`/g)].map(([, text]) => text.replace(/\(.*$/, '')),
  ),
);

/** The body of a declaration in index.d.ts. */
function bodyOf(declaration) {
  const [, body] = new RegExp(`^export ${declaration}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(types) ?? [];
  assert.notEqual(body, undefined, declaration);
  return body;
}

const membersOf = (declaration) =>
  new Set([...bodyOf(declaration).matchAll(/^ {2}(?:readonly )?(\w+)\??[:(<]/gm)].map(([, name]) => name));

const without = (names, others) => [...names].filter((name) => !others.has(name));

describe('every option', () => {
  /** Of node-mbed-dtls alone, or an alias that stands beside its option. */
  const elsewhere = new Set(['PSKIdent', 'CACert', 'compat']);

  test('is described in docs/api.md', () => {
    const names = new Set([...serverOptionNames, ...clientOptionNames]);
    assert.deepEqual(without(without(names, described), elsewhere), []);
  });

  test('of a context is typed, and listed in docs/api.md', () => {
    const names = Object.keys(CONTEXT).sort();
    const [, typed] = /^export type ContextOptions = Pick<\n([\s\S]*?)^>/m.exec(types) ?? [];
    assert.deepEqual([...typed.matchAll(/'(\w+)'/g)].map(([, name]) => name).sort(), names);
    const [, listed] = /^\| options of a context \|\n\|---\|\n\| (.*) \|$/m.exec(reference) ?? [];
    assert.deepEqual([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(), names);
  });
});

describe('every event', () => {
  /** Those of every Duplex. */
  const ofStreams = new Set(['drain', 'finish', 'pause', 'pipe', 'readable', 'resume', 'unpipe']);
  const typed = new Set([...membersOf('interface DtlsSocketEvents'), ...membersOf('interface DtlsServerEvents')]);

  test('that is typed is described in docs/api.md', () => {
    const quoted = new Set([...typed].filter((name) => !ofStreams.has(name)).map((name) => `'${name}'`));
    assert.deepEqual(without(quoted, new Set(reference.match(/'\w+'/g))), []);
  });

  test('that servers and connections emit is typed', () => {
    // Of a datagram socket, which is typed apart, and of sockets of node-mbed-dtls.
    const apart = new Set(['connect', 'message', 'peerError', 'timeout']);
    const files = fs.readdirSync(path.join(ROOT, 'lib')).filter((file) => file.endsWith('.js'));
    const emitted = files.flatMap((file) =>
      [...read('lib', file).matchAll(/\bemit\('(\w+)'/g)].map(([, name]) => name),
    );
    assert(emitted.length > 10);
    assert.deepEqual(without(without(new Set(emitted), typed), apart), []);
  });
});

describe('every member', () => {
  /** Names of the public members that a class has beyond those of Node's class beneath it. */
  function ownMembers(made, base) {
    const names = new Set();
    for (let proto = made.prototype; proto !== base.prototype; proto = Object.getPrototypeOf(proto))
      for (const name of Object.getOwnPropertyNames(proto)) names.add(name);
    return [...names].filter((name) => name !== 'constructor' && !/^_/.test(name) && !(name in base.prototype));
  }

  for (const [name, base, declarations] of [
    ['DtlsServer', EventEmitter, ['class DtlsServer']],
    ['DtlsSocket', Duplex, ['class DtlsSocket']],
    ['DtlsClient', Duplex, ['class DtlsSocket', 'class DtlsClient']],
  ]) {
    test(`of ${name} is typed, and described in docs/api.md`, () => {
      const typed = new Set(declarations.flatMap((declaration) => [...membersOf(declaration)]));
      const members = ownMembers(mbed[name], base);
      assert(members.length > 5);
      assert.deepEqual(without(members, typed), []);
      assert.deepEqual(without(members, described), []);
    });
  }
});

test('every counter is typed, and described in docs/api.md', () => {
  const { stats } = mbed.createServer({ psk: 'secret' });
  assert.deepEqual(Object.keys(stats).sort(), [...membersOf('interface Stats')].sort());
  assert.deepEqual(without(Object.keys(stats), described), []);
});

test('every code of a DtlsError is typed, and every code that is typed has its heading in docs/errors.md', () => {
  const [, union] = /^export type DtlsErrorCode =\n([\s\S]*?);$/m.exec(types) ?? [];
  const typed = new Set([...union.matchAll(/'(\w+)'/g)].map(([, code]) => code));
  const codes = new Set(
    [...read('src', 'binding', 'words.rs').matchAll(/=> (?:\{\s*)?"([A-Z_]+)"/g)].map(([, code]) => code),
  );
  assert(codes.size > 30);
  // Of process warnings, and of what require() throws, which are no DtlsErrors.
  const others = new Set(['NO_BINARY', 'SESSION_STORE', 'STORE_UNAVAILABLE', 'CLOCK_BEHIND', 'SHARED_PORT']);
  others.add('ASKED_ADDRESS_UNKNOWN');
  const sources = fs.readdirSync(path.join(ROOT, 'lib'), { recursive: true }).filter((file) => file.endsWith('.js'));
  for (const source of sources)
    for (const [, code] of read('lib', source).matchAll(/'ERR_DTLS_(\w+)'/g))
      if (!others.has(code)) codes.add(`ERR_DTLS_${code}`);
  assert.deepEqual(without(codes, typed), []);
  const headings = new Set([...read('docs', 'errors.md').matchAll(/^### (\w+)$/gm)].map(([, code]) => code));
  assert.deepEqual(without(typed, headings), []);
});
