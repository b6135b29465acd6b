'use strict';

// Implementations that are libraries, in small programs of ours (../drivers) that are all used in the same way.
//
//   PROGRAM                              prints the version of the library
//   PROGRAM client|server PORT NAME=VALUE ...
//
// Names: psk (hexadecimal) and identity, ca, cert and key (files in PEM), rawKey and peerKey (hexadecimal), suite (OpenSSL's
// name), version (that of node:tls; DTLS 1.2 without), group (the only one for the key exchange), alone (no key exchange beside
// the pre-shared key), resume (ticket or id), id (bytes of the connection ID that the program asks for), updates (keys are
// replaced: by a server after its first answer, by a client when it is told to). A client prints `connected` after its handshake;
// then it sends each line of its standard input as one datagram, and prints `received` and the line that comes back. At the line
// `again` it says goodbye, comes back with the session that it has kept, and prints `connected again`; at the line `update` it
// replaces its keys, has its server do so, and prints `updating`. A server prints `listening`, and sends back what it hears.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const { installed } = require('./installed.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, THEIR_ID, ecdsa, newer, psk, raw, rsa, withIds } = require('./scenarios.js');

const GCM = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const CCM8 = 'ECDHE-ECDSA-AES128-CCM8';
const RSA = 'ECDHE-RSA-AES128-GCM-SHA256';
/** ECDHE-PSK as RFC 8442 has it. */
const RFC8442 = [
  'ECDHE-PSK-AES128-GCM-SHA256',
  'ECDHE-PSK-AES256-GCM-SHA384',
  'ECDHE-PSK-AES128-CCM-SHA256',
  'ECDHE-PSK-AES128-CCM8-SHA256',
].map((suite) => psk(suite));
const MUTUAL = { mutual: true };
const LOST = { mutual: true, loss: true };
const RESUMED = { resume: true };
const BY_TICKET = { resume: 'ticket' };
const BY_ID = { resume: 'id' };
/** Known failures, and whose fault they are. */
const WOLFSSL_LOST = {
  ...LOST,
  theirs: 'unexpected_message for a ChangeCipherSpec before a datagram that was lost; its last flight is not repeated',
};

const PION_BY_ID = {
  ...BY_ID,
  theirs:
    'in its first, full handshake, takes the second datagram of our flight for a resumption when it has a SessionStore',
};

const ERLANG_LOST = { ...LOST, theirs: 'no answer to a repeated ClientHello when its HelloVerifyRequest was lost' };

const PION = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('ECDHE-PSK-AES128-CBC-SHA256'),
  ecdsa(GCM),
  ecdsa(CCM8),
  rsa(RSA),
  ecdsa(GCM, MUTUAL),
  psk('PSK-AES128-GCM-SHA256', BY_ID),
  ecdsa(GCM, LOST),
];
const PION_3 = withIds(true, {
  theirs:
    'its MAC-then-encrypt with a connection ID hashes the plaintext twice (RFC 9146 section 5.1); version 4 does not',
});
const ERLANG = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('ECDHE-PSK-AES128-CBC-SHA256'),
  ...RFC8442.filter(({ suite }) => !suite.endsWith('SHA384')),
  ecdsa(GCM),
  ecdsa(CCM8),
  rsa(RSA),
  ecdsa(GCM, MUTUAL),
];
const BOUNCY_CASTLE = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('ECDHE-PSK-CHACHA20-POLY1305'),
  ...RFC8442,
  ecdsa(GCM),
  ecdsa(CCM8),
  rsa(RSA),
  ecdsa(GCM, MUTUAL),
  ecdsa(GCM, LOST),
];
const CALIFORNIUM = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('ECDHE-PSK-AES128-CBC-SHA256'),
  ...RFC8442,
  ecdsa(GCM),
  ecdsa(CCM8),
  ecdsa(GCM, MUTUAL),
  psk('ECDHE-PSK-AES128-GCM-SHA256', { loss: true }),
  ...withIds(true),
];
const NEWER_GCM = 'TLS_AES_128_GCM_SHA256';
const NEWER_SUITES = [NEWER_GCM, 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
/** What every peer with DTLS 1.3 does, in either role. */
const NEWER = [
  ...NEWER_SUITES.map((suite) => psk(suite)),
  ...['P-256', 'P-384', 'X25519MLKEM768'].map((group) => psk(NEWER_GCM, { group })),
  psk(NEWER_GCM, { updates: true }),
  psk(NEWER_GCM, { loss: true }),
  ...NEWER_SUITES.map((suite) => ecdsa(suite)),
  ecdsa(NEWER_GCM, { group: 'X25519MLKEM768' }),
  ecdsa(NEWER_GCM, MUTUAL),
  ecdsa(NEWER_GCM, { group: 'X25519MLKEM768', ...LOST }),
  rsa(NEWER_GCM),
].map(newer);
const newerWithIds = (ids) => [psk(NEWER_GCM, { ids }), ecdsa(NEWER_GCM, { ids, mutual: true })].map(newer);
const WOLFSSL_NEWER = [
  ...NEWER,
  newer(psk('TLS_AES_128_CCM_SHA256')),
  newer(raw('P-256', { suite: NEWER_GCM })),
  newer(psk(NEWER_GCM, { alone: true })),
  newer(psk(NEWER_GCM, BY_TICKET)),
  newer(ecdsa(NEWER_GCM, { ...MUTUAL, ...BY_TICKET })),
  ...newerWithIds(true),
  newer(psk(NEWER_GCM, { handshakes: 200 })),
  newer(ecdsa(NEWER_GCM, { handshakes: 200, mutual: true })),
];
/** dimpl tells and shows one certificate, so that the authority is the issuer. */
const DIRECT = { direct: true };
const P384 = { kind: 'P-384' };
const DIMPL = [
  psk('PSK-AES128-CCM8'),
  ...[GCM, 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'].map((suite) => ecdsa(suite, DIRECT)),
  ecdsa(GCM, P384),
  ecdsa(GCM, { ...DIRECT, ...MUTUAL }),
  ecdsa(GCM, { ...DIRECT, ...LOST }),
  ...[
    ...NEWER_SUITES.map((suite) => ecdsa(suite, DIRECT)),
    ...['X25519', 'P-256', 'P-384'].map((group) => ecdsa(NEWER_GCM, { ...DIRECT, group })),
    ecdsa(NEWER_GCM, { ...DIRECT, group: 'P-384', retry: true }),
    ecdsa(NEWER_GCM, P384),
    ecdsa(NEWER_GCM, { ...DIRECT, ...MUTUAL }),
    ecdsa(NEWER_GCM, { ...P384, ...MUTUAL }),
    ecdsa(NEWER_GCM, { ...DIRECT, updates: true }),
    ecdsa(NEWER_GCM, { ...DIRECT, ...LOST }),
    ecdsa(NEWER_GCM, { ...DIRECT, ...MUTUAL, handshakes: 200 }),
  ].map(newer),
];
const BORINGSSL = [
  psk('ECDHE-PSK-CHACHA20-POLY1305'),
  ecdsa(GCM),
  ecdsa('ECDHE-ECDSA-CHACHA20-POLY1305'),
  ecdsa(GCM, P384),
  rsa(RSA),
  ecdsa(GCM, MUTUAL),
  ecdsa(GCM, { ...MUTUAL, ...BY_TICKET }),
  ecdsa(GCM, { ...MUTUAL, ...BY_ID }),
  ecdsa(GCM, LOST),
  ...[
    ...NEWER_SUITES.map((suite) => ecdsa(suite)),
    ...['X25519', 'P-256', 'P-384', 'X25519MLKEM768'].map((group) => ecdsa(NEWER_GCM, { group })),
    ecdsa(NEWER_GCM, { group: 'P-384', retry: true }),
    ecdsa(NEWER_GCM, P384),
    rsa(NEWER_GCM),
    ecdsa(NEWER_GCM, MUTUAL),
    raw('P-256', { suite: NEWER_GCM }),
    ecdsa(NEWER_GCM, { updates: true }),
    ecdsa(NEWER_GCM, { ...MUTUAL, ...BY_TICKET }),
    ecdsa(NEWER_GCM, { group: 'X25519MLKEM768', ...LOST }),
    ecdsa(NEWER_GCM, { handshakes: 200, mutual: true }),
  ].map(newer),
];
const JARS = ['bcprov', 'bcutil', 'bcpkix', 'bctls'];

const python = (file) => [installed('python', 'bin', 'python'), driver(file)];
const driver = (file) => path.join(__dirname, '..', 'drivers', file);

module.exports = [
  {
    name: 'wolfSSL',
    command: [installed('bin', 'wolfssl')],
    from: 'Debian libwolfssl-dev',
    remarks: "PSK only with ECDHE: Debian's build is without WOLFSSL_STATIC_PSK",
    clients: [
      psk('ECDHE-PSK-AES128-GCM-SHA256'),
      psk('ECDHE-PSK-AES128-CBC-SHA256'),
      ecdsa(GCM),
      ecdsa(CCM8),
      rsa(RSA),
      ecdsa(GCM, MUTUAL),
      psk('ECDHE-PSK-AES128-CBC-SHA256', RESUMED),
      psk('ECDHE-PSK-AES128-GCM-SHA256', BY_TICKET),
      ecdsa(GCM, { ...MUTUAL, ...BY_TICKET }),
      ecdsa(GCM, { ...MUTUAL, ...BY_ID }),
      ecdsa(GCM, LOST),
    ],
    servers: [
      psk('ECDHE-PSK-AES128-GCM-SHA256'),
      psk('ECDHE-PSK-AES128-CBC-SHA256'),
      ecdsa(GCM),
      ecdsa(CCM8),
      rsa(RSA),
      ecdsa(GCM, MUTUAL),
      psk('ECDHE-PSK-AES128-GCM-SHA256', BY_TICKET),
      ecdsa(GCM, { ...MUTUAL, ...BY_TICKET }),
      ecdsa(GCM, { ...MUTUAL, ...BY_ID }),
      ecdsa(GCM, WOLFSSL_LOST),
    ],
  },
  {
    name: 'wolfSSL 5.9',
    command: [installed('bin', 'wolfssl59')],
    from: "built from the crate wolfssl-sys's sources, with connection IDs and DTLS 1.3",
    clients: [...withIds(true), ...WOLFSSL_NEWER],
    servers: [...withIds(true), ...WOLFSSL_NEWER],
  },
  {
    name: 'tinydtls',
    command: python('tinydtls.py'),
    from: 'PyPI DTLSSocket',
    remarks: 'PSK-AES128-CCM8 only',
    clients: [psk('PSK-AES128-CCM8')],
    servers: [psk('PSK-AES128-CCM8')],
  },
  {
    name: 'python-mbedtls',
    command: python('python-mbedtls.py'),
    from: 'PyPI python-mbedtls',
    clients: [psk('PSK-AES128-CCM8'), psk('ECDHE-PSK-AES128-CBC-SHA256'), ecdsa(GCM), rsa(RSA), ecdsa(GCM, MUTUAL)],
    servers: [psk('PSK-AES128-CCM8'), psk('ECDHE-PSK-AES128-CBC-SHA256'), ecdsa(GCM), rsa(RSA), ecdsa(GCM, MUTUAL)],
  },
  {
    name: 'pyOpenSSL',
    command: python('pyopenssl.py'),
    from: 'PyPI pyOpenSSL, with the OpenSSL that the package cryptography brings',
    clients: [ecdsa(GCM), rsa(RSA), ecdsa(GCM, MUTUAL), ecdsa(GCM, RESUMED), ecdsa(GCM, LOST)],
    servers: [ecdsa(GCM), rsa(RSA), ecdsa(GCM, MUTUAL), ecdsa(GCM, LOST)],
  },
  {
    name: 'pion',
    command: [installed('bin', 'pion')],
    from: 'Go module github.com/pion/dtls/v2',
    clients: [...PION, ecdsa(GCM, PION_BY_ID)],
    servers: [...PION, ecdsa(GCM, BY_ID)],
  },
  {
    name: 'pion v3',
    command: [installed('bin', 'pion3')],
    from: 'Go module github.com/pion/dtls/v3',
    clients: PION_3,
    servers: PION_3,
  },
  {
    name: 'pion v4',
    command: [installed('bin', 'pion4')],
    from: 'Go module github.com/pion/dtls/v4',
    clients: [...withIds('checked'), ...NEWER, ...newerWithIds('checked')],
    servers: [...withIds('checked'), ...NEWER, ...newerWithIds('checked')],
  },
  {
    name: 'dimpl',
    command: [installed('bin', 'dimpl')],
    from: 'crate dimpl, with the primitives of RustCrypto',
    remarks:
      'made for WebRTC: it shows one certificate, has PSK in DTLS 1.2 alone, and has its user verify, which the driver does',
    clients: DIMPL,
    servers: DIMPL,
  },
  {
    name: 'BoringSSL',
    command: [installed('bin', 'boringssl')],
    from: "built from the crate boring-sys's sources, unchanged",
    remarks: 'in DTLS 1.3, it has only pre-shared keys that are imported (RFC 9258)',
    clients: BORINGSSL,
    servers: BORINGSSL,
  },
  {
    name: 'Erlang/OTP',
    command: ['escript', driver('erlang.escript')],
    from: 'Debian erlang-ssl',
    remarks: 'OTP 25 knows ECDHE-PSK-AES256-GCM-SHA384 by name, and neither offers nor takes it',
    clients: [...ERLANG, ecdsa(GCM, LOST), ecdsa(GCM, RESUMED)],
    servers: [...ERLANG, ecdsa(GCM, ERLANG_LOST)],
  },
  {
    name: 'BouncyCastle',
    command: ['java', '-cp', [installed('java'), ...JARS.map((jar) => `/usr/share/java/${jar}.jar`)].join(':'), 'Peer'],
    from: 'Debian libbctls-java',
    clients: [...BOUNCY_CASTLE, psk('PSK-AES128-CCM8', RESUMED), ecdsa(GCM, RESUMED)],
    servers: BOUNCY_CASTLE,
  },
  {
    name: 'Californium',
    command: ['java', '-cp', [installed('californium'), installed('californium', 'lib', '*')].join(':'), 'Californium'],
    from: 'Maven org.eclipse.californium:scandium',
    remarks: 'calls 0xD002 TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA378',
    clients: CALIFORNIUM,
    servers: CALIFORNIUM,
  },
  {
    name: 'node-dtls-client',
    command: [process.execPath, driver('node-dtls-client.mjs')],
    from: 'npm node-dtls-client',
    remarks: 'a client only, with PSK; it repeats nothing that is lost',
    clients: [psk('PSK-AES128-CCM8'), psk('PSK-AES128-GCM-SHA256'), psk('PSK-AES128-CBC-SHA256')],
  },
  {
    name: 'werift-dtls',
    command: [process.execPath, driver('werift.mjs')],
    from: 'npm werift-dtls',
    remarks: 'made for WebRTC: it verifies no chain',
    clients: [ecdsa(GCM), rsa(RSA), ecdsa(GCM, MUTUAL)],
    servers: [ecdsa(GCM, { direct: true }), rsa(RSA)],
  },
].map(peer);

function peer({ command, ...rest }) {
  const start = (role) => (t, port, scenario, files) => {
    const values = { ...files, suite: scenario.suite };
    for (const name of ['version', 'group', 'alone', 'updates']) {
      if (scenario[name] !== undefined) values[name] = scenario[name];
    }
    if (scenario.retry && role === 'client') delete values.group;
    if (typeof scenario.resume === 'string') values.resume = scenario.resume;
    if (scenario.ids) values.id = THEIR_ID;
    if (scenario.auth === 'psk') Object.assign(values, { psk: KEY.toString('hex'), identity: IDENTITY });
    const args = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    return new LineProgram(t, [...command, role, String(port), ...args], {
      connected: 'connected\n',
      listening: 'listening\n',
      heard: (line) => `received ${line}\n`,
      updating: 'updating\n',
      again: comeBack,
    });
  };
  return { programs: 'library', ...rest, probe, client: start('client'), server: start('server') };

  function probe() {
    const { stdout, status } = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
    const what = path.basename(command.find((part) => part.includes(`${path.sep}drivers${path.sep}`)) ?? command[0]);
    if (status !== 0) return { missing: `${what}: library not found` };
    return { version: stdout.trim() };
  }
}

/** The same program, in its second connection. */
function comeBack(program) {
  program.say('again');
  return {
    get output() {
      return program.output;
    },
    connected: (patience) => program.printed('connected again\n', patience),
    exchange: () => program.exchange(undefined, 'another line from the peer'),
  };
}
