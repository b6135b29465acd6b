// Compiled, never run: what an application in CommonJS writes against index.d.ts.

import dgram = require('node:dgram');
import dtls = require('../..');

const options: dtls.ServerOptions = {
  psk: new Map([['sensor', Buffer.from('secret')]]),
  idleTimeout: 60_000,
  ciphers: ['TLS_PSK_WITH_AES_128_CCM_8'],
};

const server: dtls.DtlsServer = dtls.createServer(options, (socket) => {
  const identity: Buffer | undefined = socket.pskIdentity;
  const cipher: string | undefined = socket.getCipher()?.standardName;
  socket.on('data', (message) => socket.write(message));
  socket.on('close', (hadError) => console.log(hadError, identity?.toString(), cipher));
  socket.pipe(socket);
});
server.listen(5684, '::', () => console.log(server.address()?.port));
server.listen({ port: 0, address: '127.0.0.1' });
server.on('clientError', (error, socket) => console.log(error.code, error.alert, socket.remoteAddress));
server.getConnections((count) => console.log(count.toFixed()));
server.close((error) => console.log(error?.message));
dtls.serveDashboard(server, { port: 8080 }, () => {}).on('error', (error) => console.log(error.message));

const client: dtls.DtlsClient = dtls.connect({
  port: '5684',
  socket: dgram.createSocket('udp4'),
  psk: 'secret',
  pskIdentity: 'sensor',
});
dtls.createServer({
  key: '-----BEGIN PRIVATE KEY-----',
  peerPublicKey: [Buffer.from('DER')],
  verifyPeer: async (socket, peer) => peer.cert === undefined && !socket.connected && peer.publicKey.length > 0,
  requestCert: true,
  rejectUnauthorized: false,
});
dtls.connect({
  port: 5684,
  key: Buffer.from('DER'),
  verifyPeer: (socket, _peer, callback) => callback(null, socket.publicKeyPEM.equals(socket.publicKey)),
});
// @ts-expect-error -- a decision is a boolean
dtls.connect({ port: 5684, verifyPeer: () => 'yes' });

client.once('secureConnect', (socket) => socket.end('hello'));
client.on('error', (error) => {
  if (error instanceof dtls.DtlsError) console.log(+error.errno, error.port);
});

// What an application of node-mbed-dtls has.
const store = new Map<string, dtls.SavedSession>();
const legacy = dtls.createServer({ compat: 'particle', key: 'server.der', host: 'ignored', port: 'ignored' });
legacy.on('lookupKey', (deviceId, callback) => callback(null, { address: deviceId, port: 5 }));
legacy.on('resumeSession', (key, socket, callback) => callback(null, store.get(key) ?? socket.session));
legacy.on('renegotiate', async (sessionId, _socket, callback) => callback(null, store.get(sessionId)));
legacy.on('forceDeviceRehandshake', ({ address, port }, deviceId) => console.log(address, port, deviceId?.length));
legacy.on('secureConnection', (socket, session) => {
  socket.on('ipChanged', (old) => console.log(old.address, old.port, old.deviceId));
  socket.on('reconnect', (successor) => successor.reset());
  socket.on('error', (error, message) => console.log(error.message, message.length));
  socket.send(Buffer.alloc(8), 0, 8, 5684, 'ignored', (error, bytes) => console.log(error, bytes));
  if (socket.session !== undefined) store.set(`${socket.remoteAddress}:${socket.remotePort}`, socket.session);
  console.log(session?.in_epoch, socket.outCounter.readBigUInt64BE(), socket.resumed, socket.selfRestored);
});
const resumed: boolean = legacy.resumeSocket({ address: '127.0.0.1', port: 5 }, JSON.parse('{}') as dtls.SavedSession);
console.log(resumed);
// @ts-expect-error -- no such fork
dtls.createServer({ compat: 'bosch', key: 'server.der' });
// @ts-expect-error -- an address is required
legacy.resumeSocket({ port: 5 }, {});

// @ts-expect-error -- a client has one key
dtls.connect({ port: 5684, psk: { sensor: 'secret' }, pskIdentity: 'sensor' });
// @ts-expect-error -- a port is required
dtls.connect({ psk: 'secret', pskIdentity: 'sensor' });
// @ts-expect-error -- no such option
dtls.createServer({ pks: 'secret' });
// @ts-expect-error -- sockets are made by servers
new dtls.DtlsSocket();
const suites: string[] = dtls.getCiphers();
const limit: number | undefined = dtls.constants.MAX_PSK_LENGTH;
const engine: string | undefined = dtls.versions.mbedtls;
const names = dtls.createServer({
  key: '-----BEGIN PRIVATE KEY-----',
  crl: [Buffer.from('DER')],
  ecdhCurve: 'P-256:X25519',
  sigalgs: ['ECDSA+SHA256'],
  ALPNProtocols: Buffer.from('\x04coap'),
  srtpProfiles: ['SRTP_AEAD_AES_128_GCM'],
  requireExtendedMasterSecret: true,
});
names.addContext('*.example.test', { key: Buffer.from('DER'), cert: Buffer.from('DER') });
names.setSecureContext({ ca: Buffer.from('DER') });
names.addContext('other.test', { pfx: Buffer.from('DER'), passphrase: 'secret' });
names.setSecureContext({ pfx: [{ buf: Buffer.from('DER'), passphrase: 'secret' }] });
names.setSecureContext({
  key: [Buffer.from('DER'), { pem: '-----BEGIN', passphrase: 'secret' }],
  cert: ['PEM', 'PEM'],
});
// @ts-expect-error -- a name needs something to prove itself with
names.addContext('third.test', { ca: Buffer.from('DER') });
names.on('secureConnection', (socket) => {
  const protocol: string | false | null = socket.alpnProtocol;
  const subject = socket.getPeerCertificate(true)?.subject?.CN;
  const key: Buffer = socket.exportKeyingMaterial(60, 'EXTRACTOR-dtls_srtp');
  console.log(suites, limit, engine, protocol, subject, key, socket.authorizationError, socket.servername);
});
dtls.connect({
  port: 5684,
  maxFragmentLength: 1024,
  checkServerIdentity: (servername, cert) => (cert.subject.CN === servername ? undefined : new Error('no')),
});
const context: dtls.SecureContext = dtls.createSecureContext({ key: 'pem', cert: ['pem'], ALPNProtocols: ['coap'] });
names.addContext('a.example.test', context);
names.setSecureContext(context);
dtls.createServer({
  psk: 'secret',
  SNICallback: (servername, callback) => callback(null, servername === 'a.test' ? context : null),
  ALPNCallback({ servername, protocols }) {
    return servername === false || this.remotePort === 5 ? undefined : protocols[0];
  },
});
dtls.createServer({ psk: 'secret', SNICallback: async () => ({ key: 'pem' }), ALPNCallback: async () => null });
// @ts-expect-error -- contexts are made by createSecureContext()
names.setSecureContext({ context: {} });
// @ts-expect-error -- a context
dtls.createServer({ psk: 'secret', SNICallback: () => 'a.test' });
// @ts-expect-error -- one protocol
dtls.createServer({ psk: 'secret', ALPNCallback: ({ protocols }) => protocols });

// The one line that changes in an application of a fork.
import particle = require('mbed-dtls/particle');
const fork = particle.createServer({ key: 'server.der', cert: 'ignored.pem', debug: 5 }, (socket) =>
  socket.pipe(socket),
);
fork.on('clientError', (error) => console.log(`${error}`));

const udp: dgram.Socket = dtls.createDgramSocket({ psk: { sensor: 'secret' } }, (message, rinfo) => {
  const identity: Buffer | undefined = rinfo.socket.pskIdentity;
  udp.send(message, rinfo.port, rinfo.address, (error, bytes) => console.log(error?.message, bytes, identity));
});
dtls
  .createDgramSocket({ type: 'udp6', client: { psk: 'secret', pskIdentity: 'sensor' }, sendQueueLimit: 0 })
  .on('secureConnection', (socket) => console.log(socket.authorized))
  .on('peerError', (error, socket) => console.log(error.code, socket?.remotePort))
  .on('listening', () => udp.close())
  .bind(5684);
// @ts-expect-error: send() says where
dtls.createDgramSocket({ client: { port: 5684, psk: 'secret', pskIdentity: 'sensor' } });
