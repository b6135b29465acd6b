'use strict';

// OpenSSL's s_client and s_server.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { messages } = require('../../support/endpoints.js');
const openssl = require('../../support/openssl.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, ecdsa, psk, rsa } = require('./scenarios.js');

const GCM = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const RESUMED = 'PSK-AES128-GCM-SHA256';

const clients = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-CCM'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('PSK-CHACHA20-POLY1305'),
  psk('PSK-AES128-CBC-SHA256'),
  psk('ECDHE-PSK-CHACHA20-POLY1305'),
  psk('ECDHE-PSK-AES128-CBC-SHA256'),
  ecdsa(GCM),
  ecdsa('ECDHE-ECDSA-AES128-CCM8'),
  rsa('ECDHE-RSA-AES128-GCM-SHA256'),
  rsa('ECDHE-RSA-CHACHA20-POLY1305'),
  ecdsa(GCM, { mutual: true }),
  ecdsa('ECDHE-ECDSA-AES256-GCM-SHA384', { mutual: true }),
  psk(RESUMED, { resume: true }),
  psk(RESUMED, { resume: 'ticket' }),
  ecdsa(GCM, { mutual: true, resume: 'ticket' }),
  ecdsa(GCM, { mutual: true, resume: 'id' }),
  ecdsa(GCM, { mutual: true, loss: true }),
];

const servers = [
  'PSK-AES128-CCM8',
  'PSK-AES128-GCM-SHA256',
  'ECDHE-PSK-CHACHA20-POLY1305',
  GCM,
  'ECDHE-RSA-AES128-GCM-SHA256',
].flatMap((suite) => {
  const make = suite.includes('PSK') ? psk : suite.includes('RSA-') && !suite.includes('ECDSA') ? rsa : ecdsa;
  return [make(suite), make(suite, { cookies: false })];
});
servers.push(ecdsa(GCM, { mutual: true }), ecdsa(GCM, { mutual: true, loss: true }));
servers.push(psk(RESUMED, { resume: 'ticket' }), ecdsa(GCM, { mutual: true, resume: 'ticket' }));
servers.push(ecdsa(GCM, { mutual: true, resume: 'id' }));

/** The options that both programs share. */
function common({ auth, suite, resume }, { ca, cert, key }) {
  const args = ['-cipher', `${suite}@SECLEVEL=0`];
  if (resume === 'id') args.push('-no_ticket');
  if (auth === 'psk') args.push('-psk', KEY.toString('hex'), '-psk_identity', IDENTITY);
  if (ca) args.push('-CAfile', ca);
  if (cert) args.push('-cert', cert, '-key', key, '-cert_chain', cert);
  return args;
}

function client(t, port, scenario, files) {
  const verified = files.ca ? ['-verify_return_error', '-verify_hostname', 'localhost'] : [];
  const args = [...common(scenario, files), ...verified, ...(scenario.mtu ? ['-mtu', String(scenario.mtu)] : [])];
  const start = (...more) => {
    const command = ['openssl', 's_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, ...args, ...more];
    return new LineProgram(t, command, { connected: 'Verify return code', again });
  };
  if (!scenario.resume) return start();

  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'session-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const session = path.join(directory, 'session.pem');
  return start('-sess_out', session);

  function again(first) {
    first.kill();
    return start('-sess_in', session);
  }
}

function server(t, port, scenario, files) {
  const args = common(scenario, files);
  if (scenario.auth === 'psk') args.push('-nocert');
  if (scenario.cookies !== false) args.push('-listen');
  if (scenario.mutual) args.push('-Verify', '3', '-verify_return_error');
  const command = ['openssl', 's_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, ...args];
  return new LineProgram(t, command, { listening: 'ACCEPT', answer });
}

/** s_server prints what it hears, and sends what it is told. */
async function answer(program, ours) {
  ours.write('a line from us\n');
  await program.printed('a line from us\n');
  const received = messages(ours, 1);
  program.say('a line from the peer');
  const [line] = await received;
  if (line !== 'a line from the peer\n') throw new Error(`received ${JSON.stringify(line)}`);
}

module.exports = {
  name: 'OpenSSL',
  // s_server stays connected to the address of its first client.
  hearsOneAddress: true,
  programs: 's_client, s_server',
  from: 'Debian openssl',
  quick: true,
  remarks: '`@SECLEVEL=0` for CCM8; `-nocert` on a server with PSK; `-listen` for cookies',
  probe: () => (openssl.missing ? { missing: openssl.missing } : { version: openssl.version.split(' ')[1] }),
  clients,
  servers,
  client,
  server,
};
