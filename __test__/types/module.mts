// Compiled, never run: what an application in ES modules writes against index.d.ts.

import type { ConnectionOptions } from 'node:tls';

import dtls, {
  type ClientOptions,
  connect,
  createServer,
  DtlsError,
  DtlsServer,
  type DtlsSocket,
} from '../../index.js';
import { dtls as facade } from '../../node-dtls-client.js';

const keys = new Map<string, string>();

createServer({ pskCallback: (_socket, identity) => keys.get(identity) });
createServer({ pskCallback: async (socket, identity) => `${socket.remoteAddress} ${identity.toUpperCase()}` });
createServer({ pskCallback: (_socket, identity, callback) => void callback(null, keys.get(identity) ?? null) });
createServer({ pskCallback: (_socket, identity) => identity.subarray(1), pskIdentityEncoding: 'buffer' });
createServer({ identityPskCallback: (identity) => (identity === 'sensor' ? 'secret' : '') });
createServer({ key: 'pem', cert: ['pem', new Uint8Array(3)], mtu: 1400, debug: 2 }).listen(() => {});

const remote: ClientOptions = { host: 'localhost', port: 5684, ca: 'pem', servername: 'example.test' };
connect(remote, (client) => client.end());
connect(5684, 'localhost', { psk: 'secret', pskIdentity: Buffer.from([0xff]) }, (client) => client.unref());
connect(5684, { ca: ['pem'] });
connect(5684, { pskCallback: (hint) => (hint === null ? null : { psk: keys.get(hint) ?? '', identity: hint }) });
connect(5684, { pskCallback: async () => ({ psk: new Uint8Array(16), identity: Buffer.from([0xff]) }) });
// What node:tls takes.
const asInTls: ConnectionOptions['pskCallback'] = () => ({ psk: Buffer.alloc(16), identity: 'sensor' });
if (asInTls !== undefined) connect(5684, { pskCallback: asInTls });
createServer({ psk: 'secret', pskIdentityHint: 'hint' }).addContext('a.test', { pskIdentityHint: Buffer.alloc(1) });
const socket: DtlsSocket = dtls.connect(5684, 'localhost');
for await (const message of socket) console.log(message);

const server: DtlsServer = new DtlsServer({ psk: 'secret' });
const first: DtlsSocket | undefined = Object.values(server.sockets)[0];
console.log(first?.remoteFamily, server.stats.handshakesFailed);
console.log(new DtlsError('message', { code: 'ERR_DTLS_PROTOCOL', errno: -1 }).errno + 1);

// @ts-expect-error -- identities are strings unless asked otherwise
createServer({ pskCallback: (_socket, identity) => identity.subarray(1) });
// @ts-expect-error -- a key needs its identity
connect(5684, { pskCallback: () => ({ psk: 'secret' }) });
// @ts-expect-error -- a name needs something of its own
server.addContext('a.test', { ca: 'pem' });
// @ts-expect-error -- a level
createServer({ psk: 'secret', debug: 5 });
// @ts-expect-error -- a boolean
socket.on('close', (hadError: string) => console.log(hadError)).connected.length;

const tradfri = facade.createSocket({ type: 'udp4', address: '192.0.2.1', port: 5684, psk: { identity: 'key' } });
tradfri.on('connected', () => tradfri.send(Buffer.from('hello')));
tradfri.on('message', (message, rinfo) => console.log(message.toString(), rinfo.port));
const same: typeof facade = dtls.dtls;
console.log(same);
