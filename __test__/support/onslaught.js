'use strict';

// What the clients of __test__/load/onslaught.js have in common, honest ones and rogues.

const { connect } = require('../..');
const certificates = require('./certificates.js');
const { HOST } = require('./radio.js');

const KEY = 'a key that the rogues have as well';

const [OLDER, NEWER] = ['DTLSv1.2', 'DTLSv1.3'].map((version) => ({ minVersion: version, maxVersion: version }));
const withKey = { psk: KEY, pskIdentity: 'anybody' };
const withChain = certificates.available && { ca: certificates.ca.cert, servername: 'localhost' };
const MODES = [
  { ...OLDER, ...withKey },
  { ...OLDER, ...withKey, connectionId: 0 },
  { ...OLDER, ...withKey, ciphers: 'ECDHE-PSK-AES128-GCM-SHA256' },
  { ...NEWER, ...withKey },
  { ...NEWER, ...withKey, connectionId: 4 },
  ...(withChain ? [OLDER, NEWER].map((version) => ({ ...version, ...withChain })) : []),
];

/** The options of one client of many. */
const modeOf = (number) => MODES[number % MODES.length];

/** @returns {Promise<{ client: object, isOpen: boolean }>} after its handshake */
async function shakeHands(options) {
  const client = connect({ host: HOST, ...options });
  client.on('error', () => {});
  const isOpen = await new Promise((resolve) => {
    client.once('secureConnect', () => resolve(true));
    client.once('close', () => resolve(false));
  });
  return { client, isOpen };
}

module.exports = { KEY, modeOf, shakeHands };
