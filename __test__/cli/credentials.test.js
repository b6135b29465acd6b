'use strict';

// Keys and certificates of a command, as options of connect() and createServer(), without a process for each.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { beforeEach, describe, test } = require('node:test');

const { clientCredentials, serverCredentials } = require('../../lib/cli/credentials');
const { UsageError } = require('../../lib/cli/failures');
const { temporaryDirectory } = require('../support/cli');

const VARIABLES = ['MBED_DTLS_PSK', 'MBED_DTLS_KEY', 'MBED_DTLS_PASSPHRASE'];
const KEY = '-----BEGIN PRIVATE KEY-----\n';
const FORM = 'The form is IDENTITY:KEY, with a key of 1 to 64 bytes in hex. mbed-dtls keygen psk makes one.';
const EXPOSED =
  '--psk-key shows the key to everybody who can list the processes of this machine. ' +
  'Put it into a file for --psk, or into MBED_DTLS_PSK.';
const INSECURE = 'with --insecure anybody can be the server, because its certificate or key is not verified';

/** What a person sees. */
let warnings = [];
const terminal = { warning: (text) => warnings.push(text), quote: (text) => `<${text}>` };

beforeEach(() => {
  warnings = [];
  for (const name of VARIABLES) delete process.env[name];
});

/** A file with this content, which is gone after the test. */
function file(t, name, content) {
  const where = path.join(temporaryDirectory(t), name);
  fs.writeFileSync(where, content);
  return where;
}

function asClient(values, env = {}) {
  Object.assign(process.env, env);
  return clientCredentials(values, terminal);
}

function asServer(values, env = {}) {
  Object.assign(process.env, env);
  return serverCredentials(values, terminal);
}

function refused(act, message, advice = '', code = 'USAGE') {
  assert.throws(act, (error) => {
    assert(error instanceof UsageError);
    assert.deepEqual([error.message, error.advice, error.code], [message, advice, code]);
    return true;
  });
}

describe('pre-shared keys', () => {
  const table = (keys) => [...keys].map(([identity, key]) => [identity, key.toString('hex')]);

  test('are lines of identities and keys; the last colon parts them', (t) => {
    const psk = file(t, 'keys', 'a:00\r\n\n  \nb:c:FFab \n');
    assert.deepEqual(table(asServer({ psk }).psk), [
      ['a', '00'],
      ['b:c', 'ffab'],
    ]);
    assert.deepEqual(table(asServer({ 'psk-key': `x:${'ab'.repeat(64)}` }).psk), [['x', 'ab'.repeat(64)]]);
    assert.deepEqual(table(asServer({}, { MBED_DTLS_PSK: 'y:01' }).psk), [['y', '01']]);
  });

  test('come from --psk-key with a warning, else from --psk, else from the environment', (t) => {
    const psk = file(t, 'keys', 'file:00');
    const env = { MBED_DTLS_PSK: 'environment:00' };
    const identityOf = (values) => asClient(values, env).pskIdentity;
    assert.equal(identityOf({}), 'environment');
    assert.equal(identityOf({ psk }), 'file');
    assert.deepEqual(warnings, []);
    assert.equal(identityOf({ psk, 'psk-key': 'argument:00' }), 'argument');
    assert.deepEqual(warnings, [EXPOSED]);
  });

  test('that are none are refused by the number of their line, and never repeated', (t) => {
    for (const line of ['a', 'a:', ':00', 'a:0', 'a:0g', `a:${'00'.repeat(65)}`]) {
      const psk = file(t, 'keys', `ok:00\n\n${line}\n`);
      refused(() => asServer({ psk }), `${psk}: line 3 is not a pre-shared key`, FORM);
    }
    refused(() => asServer({ 'psk-key': 'a' }), '--psk-key: line 1 is not a pre-shared key', FORM);
    refused(() => asServer({}, { MBED_DTLS_PSK: 'a' }), 'MBED_DTLS_PSK: line 1 is not a pre-shared key', FORM);
    refused(() => asServer({ 'psk-key': '\n' }), '--psk-key holds no pre-shared key');
  });

  test('of a client are the only one, or the one of its identity', () => {
    const keys = (count) => Array.from({ length: count }, (_, index) => `id${index}:0${index}`).join('\n');
    assert.deepEqual(asClient({ 'psk-key': keys(1) }), { psk: Buffer.from([0]), pskIdentity: 'id0' });
    const chosen = asClient({ 'psk-key': keys(2), 'psk-identity': 'id1' });
    assert.deepEqual(chosen, { psk: Buffer.from([1]), pskIdentity: 'id1' });
    const several = (count, list) =>
      refused(
        () => asClient({ 'psk-key': keys(count) }),
        `there are ${count} pre-shared keys, ${list}`,
        'Choose one with --psk-identity.',
      );
    several(2, '<id0>, <id1>');
    several(5, '<id0>, <id1>, <id2>, <id3>, <id4>');
    several(6, '<id0>, <id1>, <id2>, <id3>, <id4> ...');
    refused(
      () => asClient({ 'psk-key': keys(2), 'psk-identity': 'x' }),
      'there is no pre-shared key for the identity <x>',
    );
    refused(() => asClient({ 'psk-identity': 'x' }), '--psk-identity needs --psk');
  });
});

describe('options', () => {
  test('of a client without any are none, and each is passed on as it is', (t) => {
    assert.deepEqual(asClient({}), {});
    const content = (name) => file(t, name, name);
    const values = {
      key: content('key'),
      cert: content('cert'),
      ca: content('ca'),
      pfx: content('pfx'),
      'peer-key': [content('one'), content('two')],
      ciphers: 'A:B',
      alpn: 'coap,x',
      dtls: '1.3',
      servername: 'host',
    };
    const bytes = (name) => Buffer.from(name);
    assert.deepEqual(asClient(values), {
      minVersion: 'DTLSv1.3',
      maxVersion: 'DTLSv1.3',
      key: bytes('key'),
      cert: bytes('cert'),
      ca: bytes('ca'),
      pfx: bytes('pfx'),
      peerPublicKey: [bytes('one'), bytes('two')],
      ciphers: 'A:B',
      ALPNProtocols: ['coap', 'x'],
      servername: 'host',
    });
    assert.equal(asServer({ ...values, dtls: '1.2' }).maxVersion, 'DTLSv1.2');
    assert.deepEqual(warnings, []);
  });

  test('of a client that accepts anybody come with a warning', () => {
    assert.deepEqual(asClient({ insecure: true }), { rejectUnauthorized: false });
    assert.deepEqual(warnings, [INSECURE]);
  });

  test('name one of the versions', () => {
    refused(() => asClient({ dtls: '1.0' }), '--dtls <1.0>: the versions are 1.2 and 1.3');
  });

  test('have the key of the environment where no file is named, and it has to be PEM', (t) => {
    const key = file(t, 'key', 'file');
    assert.deepEqual(asClient({}, { MBED_DTLS_KEY: KEY }), { key: KEY });
    assert.deepEqual(asClient({ key }, { MBED_DTLS_KEY: KEY }), { key: Buffer.from('file') });
    assert.deepEqual(asClient({}, { MBED_DTLS_KEY: '' }), {});
    refused(() => asClient({}, { MBED_DTLS_KEY: 'text' }), 'MBED_DTLS_KEY does not hold a private key in PEM');
  });

  test('have the passphrase of the environment beside what it belongs to', (t) => {
    const env = { MBED_DTLS_PASSPHRASE: 'open' };
    const [key, pfx] = [file(t, 'key', 'key'), file(t, 'pfx', 'pfx')];
    assert.deepEqual(asClient({}, env), {});
    assert.deepEqual(asClient({ key }, env), { key: Buffer.from('key'), passphrase: 'open' });
    assert.deepEqual(asClient({ pfx }, env), { pfx: [{ buf: Buffer.from('pfx'), passphrase: 'open' }] });
    assert.equal('passphrase' in asClient({ key, pfx }, env), false);
  });

  test('of a server have something to prove itself with', (t) => {
    const nothing = ['a server needs something to prove itself with: --psk, --key or --pfx'];
    const advice = 'mbed-dtls keygen makes keys and certificates.';
    const name = file(t, 'any', 'any');
    refused(() => asServer({}), ...nothing, advice);
    refused(() => asServer({ ca: name }), ...nothing, advice);
    assert.deepEqual(asServer({ key: name }), { key: Buffer.from('any') });
    assert.deepEqual(asServer({ pfx: name }), { pfx: Buffer.from('any') });
    assert.equal('psk' in asServer({ key: name }), false);
  });

  test('have the key of each certificate', (t) => {
    const cert = file(t, 'cert', 'cert');
    const message = '--cert needs the private key of the certificate: --key FILE, or MBED_DTLS_KEY';
    refused(() => asClient({ cert }), message);
    assert.deepEqual(Object.keys(asClient({ cert }, { MBED_DTLS_KEY: KEY })), ['key', 'cert']);
  });
});

describe('files', () => {
  test('have up to a megabyte', (t) => {
    const most = 1024 * 1024;
    assert.equal(asClient({ ca: file(t, 'ca', Buffer.alloc(most)) }).ca.length, most);
    const large = file(t, 'large', Buffer.alloc(most + 1));
    const reason = 'it is longer than 1048576 bytes, so it is not a key or a certificate';
    refused(() => asClient({ ca: large }), `--ca ${large}: ${reason}`, '', undefined);
  });

  test('are read whole, as they are', (t) => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
    assert.deepEqual(asClient({ ca: file(t, 'ca', bytes) }).ca, bytes);
  });

  test('that cannot be read are named with the reason', (t) => {
    const directory = temporaryDirectory(t);
    const missing = path.join(directory, 'no');
    const below = path.join(file(t, 'plain', ''), 'no');
    refused(() => asClient({ key: missing }), `--key ${missing}: there is no such file`, '', 'ENOENT');
    refused(
      () => asClient({ key: directory }),
      `--key ${directory}: this is a directory, and not a file`,
      '',
      'EISDIR',
    );
    refused(() => asClient({ 'peer-key': [below] }), `--peer-key ${below}: there is no such file`, '', 'ENOTDIR');
  });

  test('are not left open', { skip: !fs.existsSync('/proc/self/fd') }, (t) => {
    const ca = file(t, 'ca', 'ca');
    const open = () => fs.readdirSync('/proc/self/fd').length;
    const before = open();
    for (let count = 0; count < 20; count++) asClient({ ca });
    assert(open() < before + 10);
  });

  test('are not repeated where somebody has given a key in the place of a name', () => {
    const message = (option) => `--${option} takes the name of a file, and not the key itself`;
    refused(() => asClient({ key: KEY }), message('key'), '', 'ENOENT');
    refused(() => asClient({ psk: '8f3c0d94e1a24b7c' }), message('psk'), '', 'ENOENT');
    refused(() => asClient({ psk: '8F3C0D94E1A24B7' }), '--psk 8F3C0D94E1A24B7: there is no such file', '', 'ENOENT');
  });
});
