'use strict';

// Peers that are absent, deaf, or of another protocol.

const { freePort } = require('../support/endpoints.js');
const { clientAlone, impostor } = require('./outcomes.js');

const BOB = { psk: 'secret', pskIdentity: 'bob' };

/** An alert in plaintext: DTLS 1.2, epoch 0. */
const alert = (description) => [Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, description])];

/** A HelloVerifyRequest of DTLS 1.0 is what a server of any version sends; a ServerHello names the version. */
function serverHello(version) {
  const body = Buffer.concat([Buffer.from(version), Buffer.alloc(32, 7), Buffer.from([0, 0xc0, 0xa8, 0])]);
  const header = Buffer.from([2, 0, 0, body.length, 0, 0, 0, 0, 0, 0, 0, body.length]);
  const record = Buffer.from([22, ...version, 0, 0, 0, 0, 0, 0, 0, 0, 0, header.length + body.length]);
  return [Buffer.concat([record, header, body])];
}

module.exports = {
  'Peers that are absent, deaf, or of another protocol': {
    'nobody on that port': async () => clientAlone({ port: await freePort() }),
    'a `lookup` that answers with a name': () =>
      clientAlone({ port: 5684, host: 'a.test', lookup: (_host, _family, callback) => callback(null, 'b.test') }),
    'a zone that is no network interface': () => clientAlone({ port: 5684, host: 'fe80::1%nosuch' }),
    'somebody who never answers': () => impostor(() => []),
    'an HTTP server': () => impostor(() => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]),
    'an echo server without DTLS': () => impostor((datagram) => [datagram]),
    'a server that only sends handshake_failure': () => impostor(() => alert(40)),
    'a server that only sends protocol_version': () => impostor(() => alert(70)),
    'a server that only sends protocol_version, to a client of DTLS 1.2 alone': () =>
      impostor(() => alert(70), { ...BOB, maxVersion: 'DTLSv1.2' }),
    'a server that only sends unknown_psk_identity': () => impostor(() => alert(115)),
    'a server of DTLS 1.0': () => impostor(() => serverHello([0xfe, 0xff])),
    'a cookie exchange that never ends': () =>
      impostor(() => [
        Buffer.from([
          22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 3, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5, 0xfe, 0xff, 2, 1, 2,
        ]),
      ]),
  },
};
