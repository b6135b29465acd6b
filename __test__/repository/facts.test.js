'use strict';

// Facts that stand in more than one place are the same in each of them: defaults in the code, the reference and the
// types; cipher suites and limits in JavaScript and Rust.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');

const { getCiphers } = require('../../lib/capabilities.js');
const { opensslName, suiteName } = require('../../lib/ciphers.js');
const { clientOptionNames, serverOptionNames } = require('../../lib/options/options.js');

const ROOT = path.join(__dirname, '..', '..');
const read = (...file) => fs.readFileSync(path.join(ROOT, ...file), 'utf8');

/** The file with the tables of options. */
const reference = [['docs', 'api.md'], ['README.md']]
  .filter((file) => fs.existsSync(path.join(ROOT, ...file)))
  .map((file) => ({ name: file.join('/'), text: read(...file) }))
  .find(({ text }) => /^\| option \|/m.test(text));

/** Defaults as they are written, without what a variant of the tests has changed. */
function freshDefaults() {
  const file = require.resolve('../../lib/options/defaults.js');
  const loaded = require.cache[file];
  delete require.cache[file];
  try {
    return require(file);
  } finally {
    require.cache[file] = loaded;
  }
}

const defaults = freshDefaults();

/** All Rust sources in one string. */
const rust = fs
  .readdirSync(path.join(ROOT, 'src'), { recursive: true })
  .filter((file) => file.endsWith('.rs'))
  .map((file) => read('src', file))
  .join('\n');

/**
 * What a text says about a default: 'server 3000, client 1000', '1000 on a client', 'utf8' in quotes, or 5000 alone.
 */
function statedDefault(text, side) {
  const parts = text.split(',');
  const part = parts.find((each) => new RegExp(`\\b${side}\\b`).test(each)) ?? parts[0];
  return /'[^']*'|\b\d+\b|\btrue\b|\bfalse\b|\bInfinity\b/.exec(part)?.[0];
}

/** 'option' -> the cell of its default, for each table of options, and for each side that has one. */
function documentedDefaults() {
  const rows = [];
  let columns = null;
  for (const line of reference.text.split('\n')) {
    const cells = line.startsWith('|') ? line.split(/(?<!\\)\|/).map((cell) => cell.trim()) : null;
    if (cells === null) columns = null;
    else if (cells[1] === 'option') columns = { default: cells.indexOf('default') };
    else if (columns !== null && columns.default > 0 && cells[columns.default] !== '') {
      for (const [, name] of cells[1].matchAll(/`(\w+)`/g))
        rows.push([name, cells[columns.default].replaceAll('`', '')]);
    }
  }
  return rows;
}

/** 'option' -> what its comment says after 'Default:'. */
function typedDefaults() {
  const rows = [];
  for (const [, comment, name] of read('index.d.ts').matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(\w+)\?:/g)) {
    const words = comment.replace(/\s*\n\s*\*\s?/g, ' ');
    const stated = /Default: (.*?)(?:\.(?:\s|$)|$)/.exec(words)?.[1];
    if (stated !== undefined) rows.push([name, stated]);
  }
  return rows;
}

describe('the defaults of lib/options/defaults.js', () => {
  test('are those of options that exist', () => {
    for (const [side, names] of [
      ['server', serverOptionNames],
      ['client', clientOptionNames],
    ]) {
      assert.deepEqual(
        Object.keys(defaults[side]).filter((name) => !names.includes(name)),
        [],
      );
    }
  });

  for (const [where, stated] of [
    [reference.name, documentedDefaults()],
    ['index.d.ts', typedDefaults()],
  ]) {
    test(`are the same in ${where}`, () => {
      for (const side of ['server', 'client', 'dgram']) {
        for (const [name, value] of Object.entries(defaults[side])) {
          const written = typeof value === 'string' ? `'${value}'` : String(value);
          const rows = stated.filter(([option]) => option === name);
          assert.notEqual(rows.length, 0, `${where} says nothing about the default of '${name}'`);
          for (const [, text] of rows)
            assert.equal(statedDefault(text, side), written, `${name} of a ${side}: ${text}`);
        }
      }
    });
  }
});

describe('index.d.ts has exactly the options that there are', () => {
  const types = read('index.d.ts');
  /** Those of `compat`, which are not the server's or client's own. */
  const legacy = new Set(['insecureLegacyPing', 'insecureLegacyAlerts', 'psk_cb']);
  /** The names of an interface's members, at its own level alone. */
  const membersOf = (name) => {
    const [, body] = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(types) ?? [];
    assert.notEqual(body, undefined, name);
    return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, member]) => member);
  };

  for (const [side, names] of [
    ['Server', serverOptionNames],
    ['Client', clientOptionNames],
  ]) {
    test(`of a ${side.toLowerCase()}`, () => {
      const typed = [...membersOf('SharedOptions'), ...membersOf(`${side}Options`)];
      assert.deepEqual(typed.filter((name) => !legacy.has(name)).sort(), [...names].sort());
    });
  }
});

describe('cipher suites', () => {
  test("have IANA's numbers, and OpenSSL's names that follow from IANA's", () => {
    const names = [
      [0xc0a8, 'TLS_PSK_WITH_AES_128_CCM_8', 'PSK-AES128-CCM8'],
      [0x00ae, 'TLS_PSK_WITH_AES_128_CBC_SHA256', 'PSK-AES128-CBC-SHA256'],
      [0xccac, 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-PSK-CHACHA20-POLY1305'],
      [0xd001, 'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256', 'ECDHE-PSK-AES128-GCM-SHA256'],
      [0xd003, 'TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256', 'ECDHE-PSK-AES128-CCM8-SHA256'],
      [0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
      [0xc028, 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384', 'ECDHE-RSA-AES256-SHA384'],
    ];
    for (const [number, iana, openssl] of names) {
      assert.equal(suiteName(number), iana);
      assert.equal(opensslName(iana), openssl);
    }
  });

  test('are listed in docs/api.md, all of them', () => {
    for (const name of getCiphers()) assert.ok(reference.text.includes(`\`${name}\``), name);
  });
});

test('handshakeThreads has the limit of the pool of threads', () => {
  const [, limit] = /\bTHREADS_LIMIT: usize = (\d+);/.exec(rust) ?? [];
  const [, most] = /\bMAX_THREADS = (\d+);/.exec(read('lib', 'options', 'checkers.js')) ?? [];
  assert.notEqual(limit, undefined, 'no limit was found in the Rust sources');
  assert.equal(most, limit);
});

test('limits of moves are the same in docs/api.md', () => {
  const limits = {
    PER_CONNECTION_LIMIT: (number) => `keeps up to ${number} former addresses of a connection`,
    KEPT_FOR: (seconds) => `each for ${seconds / 3_600} hours after the move`,
    ESTABLISHED_LIMIT: (number) => `Up to ${number} connections can share an address`,
  };
  const text = reference.text.replaceAll(/\s+/g, ' ');
  for (const [name, words] of Object.entries(limits)) {
    const [, number] = new RegExp(`\\b${name}: \\w+ = (?:Duration::from_secs\\()?([\\d_]+)\\)?;`).exec(rust) ?? [];
    assert.notEqual(number, undefined, `no ${name} was found in the Rust sources`);
    const expected = words(Number(number.replaceAll('_', '')));
    assert(text.includes(expected), `${reference.name} does not say: ${expected}`);
  }
});
