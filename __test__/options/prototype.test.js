'use strict';

// Whoever can write to Object.prototype, by some other library's fault, does not write options of ours. Nothing here waits,
// so that nobody else meets the prototype while it has been written to.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { connect, createServer } = require('../..');
const { listenArguments } = require('../../lib/options/arguments');
const options = require('../../lib/options/options');
const { fromResumable } = require('../../lib/saved-connection');
const certificates = require('../support/certificates.js');

const skip = certificates.available ? false : 'openssl not found';

/** What an attacker writes: of a kind that the native layer would take without a check. */
const POLLUTION = [Buffer.from('known to all')];

/** Names of the native layer's options, which the application never sees. */
const NATIVE_NAMES = [
  'asksForPsk',
  'leavesName',
  'negotiation',
  'extendedMasterSecret',
  'curves',
  'protocols',
  'clientPreference',
];

const NAMES = new Set([
  ...options.clientOptionNames,
  ...options.serverOptionNames,
  ...NATIVE_NAMES,
  'fd',
  'callback',
  'passphrase',
]);

function polluted(name, act) {
  Object.defineProperty(Object.prototype, name, { value: POLLUTION, configurable: true, writable: true });
  try {
    return act();
  } finally {
    delete Object.prototype[name];
  }
}

/** Whether a reader of these objects, or of objects in them, would find the attacker's value under this name. */
function shows(value, name) {
  if (value === null || typeof value !== 'object') return false;
  // What is no record of options is read by other means than names.
  if (ArrayBuffer.isView(value) || Array.isArray(value) || value instanceof Map) return false;
  return value[name] === POLLUTION || Object.keys(value).some((key) => shows(value[key], name));
}

describe('an option that Object.prototype has is not given', { skip }, () => {
  const own = { key: certificates.server?.key, cert: certificates.server?.cert, ca: certificates.ca?.cert };
  const calls = {
    'to a client': () => options.clientOptions({ host: '127.0.0.1', port: 5684, ca: own.ca }).native,
    'to a client, beside the handshake': () => options.clientOptions({ port: 5684, ca: own.ca }).rules,
    'to a client with a key of its own': () => options.clientOptions({ port: 5684, ...own }).native,
    'to a server': () => options.serverOptions(own).native,
    'to a server with pre-shared keys': () => options.serverOptions({ psk: { bob: 'secret' } }).psk,
    'to a server, by hello': () => options.serverOptions(own).byHello,
    'to listen()': () => listenArguments([0, '127.0.0.1']),
    'to listen() with options': () => listenArguments([{ port: 0 }]),
  };
  for (const [title, call] of Object.entries(calls)) {
    test(title, () => {
      for (const name of NAMES) {
        assert.equal(
          polluted(name, () => shows(call(), name)),
          false,
          name,
        );
      }
    });
  }

  test('to a context', () => {
    const server = createServer(own);
    for (const name of NAMES) {
      polluted(name, () => {
        server.addContext('a.test', options.createSecureContext({ key: own.key, cert: own.cert }));
        server.setSecureContext({ key: own.key, cert: own.cert });
      });
    }
  });

  test('compat chooses no profile', () => {
    polluted('compat', () => {
      assert.equal(createServer(own).mbedServer, undefined);
      const client = connect({ host: '127.0.0.1', port: 5684, ca: own.ca });
      client.destroy();
      assert.equal(client.dumbPing, undefined);
    });
  });
});

test('a field that Object.prototype has vouches for no session', () => {
  const session = { id: Buffer.alloc(32), ciphersuite: 0xc0a8, master: Buffer.alloc(48) };
  const offer = { id: session.id, servername: false };
  for (const name of ['extended_master_secret', 'encrypt_then_mac', 'servername', 'psk_identity', 'public_key']) {
    const resumable = polluted(name, () => fromResumable(session, offer));
    assert.equal(resumable.extendedMasterSecret, undefined, name);
    assert.equal(resumable.pskIdentity, undefined, name);
  }
});
