'use strict';

// Which of its certificates a server shows to which client.

const { X509Certificate } = require('node:crypto');

const certificates = require('./certificates.js');
const { event, openClient } = require('./endpoints.js');

/** A server's options for one of the certificates. */
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

const fingerprint = (name) => new X509Certificate(certificates[name].cert).fingerprint256;

/** The fingerprint of the certificate that a client is shown. */
async function shownTo(t, server, servername) {
  const client = openClient(t, server, { ca: certificates.ca.cert, servername, rejectUnauthorized: false });
  await event(client, 'secureConnect');
  return client.getPeerX509Certificate().fingerprint256;
}

module.exports = { fingerprint, own, shownTo };
