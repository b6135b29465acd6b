'use strict';

// A process whose Object.prototype has been written to, and in which a client meets a stranger's server, or a server a
// stranger: what options.test.js starts.
//
//   node victim.js client|server NAME
//
// Prints what became of the handshake: 'secure', 'refused', or the code of an error.

const { X509Certificate, createPublicKey } = require('node:crypto');
const process = require('node:process');

const certificates = require('../../support/certificates.js');
const { connect, createServer } = require('../../..');

const { ca, otherIssuer, otherCa, server } = certificates;
/** In the form that the native layer takes them in, which no checker of options would have to let through. */
const strangersKeys = [createPublicKey(otherIssuer.key).export({ type: 'spki', format: 'der' })];
const strangersAuthorities = [new X509Certificate(otherCa.cert).raw];

/** What an attacker would write under each name; the last ones are names of the native layer. */
const POLLUTION = {
  client: {
    nothing: undefined,
    peerPublicKey: strangersKeys,
    rejectUnauthorized: false,
    verifyPeer: () => true,
    checkServerIdentity: () => undefined,
    ca: strangersAuthorities,
    CACert: strangersAuthorities,
    servername: 'elsewhere.test',
    psk: Buffer.from('known to all'),
    pskIdentity: Buffer.from('anybody'),
    pskCallback: () => ({ psk: 'known to all', identity: 'anybody' }),
    omitServerCertificate: true,
    crl: [],
    pfx: 'nothing',
    compat: 'neustar',
    asksForPsk: true,
    leavesName: true,
  },
  server: {
    nothing: undefined,
    rejectUnauthorized: false,
    requestCert: false,
    verifyPeer: () => true,
    peerPublicKey: strangersKeys,
    ca: strangersAuthorities,
    psk: Buffer.from('known to all'),
    pskCallback: () => 'known to all',
    identityPskCallback: () => 'known to all',
    psk_cb: () => Buffer.from('known to all'),
    SNICallback: () => null,
    compat: 'neustar',
    insecureLegacyAlerts: true,
  },
};

const [role, name] = process.argv.slice(2);
if (!Object.hasOwn(POLLUTION[role], name)) throw new Error(`No pollution is called ${name}`);
if (name !== 'nothing') {
  Object.prototype[name] = POLLUTION[role][name];
}
process.on('uncaughtException', (error) => report(`thrown: ${error?.message ?? error}`));
if (role === 'client') meetStrangersServer();
else meetStranger();

function report(outcome) {
  process.stdout.write(`${outcome}\n`, () => process.exit());
}

/** Options that somebody else wrote, who has not been attacked. */
function bare(options) {
  return Object.assign(Object.create(null), options);
}

function meetStrangersServer() {
  const strangers = createServer(bare({ key: otherIssuer.key, cert: otherIssuer.cert }));
  strangers.on('clientError', () => {});
  strangers.listen(0, '127.0.0.1', () => {
    // What the application writes: a plain object.
    const options = { host: '127.0.0.1', port: strangers.address().port, ca: ca.cert };
    connect(options, () => report('secure')).on('error', ({ code }) => report(code));
  });
}

function meetStranger() {
  const victim = createServer({ key: server.key, cert: server.cert, ca: ca.cert });
  victim.on('clientError', () => report('refused'));
  victim.on('secureConnection', (socket) => report(`secure ${socket.authorized}`));
  victim.listen(0, '127.0.0.1', () => {
    const { port } = victim.address();
    const own = { key: otherIssuer.key, cert: otherIssuer.cert, ca: ca.cert };
    connect(bare({ host: '127.0.0.1', port, ...own })).on('error', () => {});
  });
}
