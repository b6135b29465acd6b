'use strict';

// Which scenarios apply when ours takes one side, and why the others do not.

const { opensslName } = require('../../../lib/ciphers.js');
const { SRTP, named, suiteName } = require('./options.js');

/** Shortest datagrams that our option `mtu` takes. */
const LEAST_MTU = 256;

/**
 * The first rule that fits says why a scenario does not apply. Each sees the scenario; `ours` and `theirs`, the sides, each with
 * its role and arguments; and the build of their programs.
 */
const RULES = [
  ['neither side is a program of Mbed TLS then', ({ theirs }) => !theirs.isMbedTls],
  ['it needs valgrind', ({ conditions }) => conditions.some(([name]) => name === 'only_with_valgrind')],
  ['the script itself skips it', ({ conditions }) => conditions.some(([name]) => name === 'skip_next_test')],
  [
    'DTLS 1.0 is not spoken here',
    ({ sides }) =>
      sides.some(({ args, words }) => /^(dtls1|tls1_1)$/.test(args.force_version) || words.includes('-dtls1')),
  ],
  ['there is no EC J-PAKE here', ({ sides }) => sides.some(({ args }) => args.ecjpake_pw !== undefined)],
  ['there is no truncated HMAC here', ({ sides }) => sides.some(({ args }) => args.trunc_hmac === '1')],
  [
    'it wants a cipher suite that we do not have, with RSA key exchange or SHA-1',
    ({ sides }) => sides.some(forcesUnknownSuite),
  ],
  [
    'their program is built otherwise than it wants',
    ({ conditions, build }) => !conditions.every((each) => build.meets(each)),
  ],
  ['there is no renegotiation here', ({ sides }) => sides.some(renegotiates)],
  ['our server always asks for a cookie', ({ ours, name }) => ours.args.cookies !== undefined && /cookie/.test(name)],
  ['ours takes no record twice, and no option changes that', ({ ours }) => ours.args.anti_replay === '0'],
  [
    'forged records never end a connection of ours',
    ({ ours, succeeds }) => ours.args.badmac_limit !== undefined && !succeeds,
  ],
  ['no option of ours turns encrypt-then-MAC off', ({ ours }) => ours.args.etm === '0'],
  ['ours has no computation in slices', ({ ours }) => ours.args.ec_max_ops !== undefined],
  [
    'contexts of ours have one answer to whether clients are asked for a certificate',
    ({ ours, name }) => ours.args.sni !== undefined && /override: /.test(name),
  ],
  [
    'it wants SRTP without encryption, or with an MKI',
    ({ ours }) => ours.args.mki || ours.args.support_mki || (ours.args.srtp_force_profile ?? 1) in SRTP === false,
  ],
  [
    'connections with ChaCha20-Poly1305 do not go on elsewhere',
    ({ ours, sides }) => ours.args.serialize > 0 && sides.some(({ args }) => /CHACHA/.test(args.force_ciphersuite)),
  ],
  ['nothing of it is to be seen from outside', ({ ours }) => ours.args.context_file !== undefined],
  [`datagrams of ours have room for ${LEAST_MTU} bytes at least`, ({ ours }) => ours.args.mtu < LEAST_MTU],
  ['ours puts several records into one datagram, and no option changes that', packs],
  [
    'a client of ours always takes tickets',
    ({ ours, theirs, checks }) =>
      ours.args.tickets === '0' &&
      checks.some((check) => /session ticket/.test(check.pattern) && isAbsent(check, theirs)),
  ],
  [
    'ours takes no signature with SHA-1, which their certificate has',
    ({ ours, theirs }) => ours.role === 'client' && /server2\.crt/.test(theirs.args.sni),
  ],
];

/** @returns {string | undefined} the reason, or undefined for a scenario that applies */
function whyNot(situation) {
  return RULES.find(([, fits]) => fits(situation))?.[0];
}

function forcesUnknownSuite({ args: { force_ciphersuite: forced } }) {
  return forced !== undefined && opensslName(suiteName(forced)) === suiteName(forced);
}

function renegotiates({ args, words }) {
  return args.renegotiate === '1' || args.renego_period !== undefined || words.includes('-renegotiate');
}

/**
 * Whether a scenario depends on a datagram for each record: the proxy holds those back that begin with a certain message, or the
 * other side must not see two records in one, or must not hear a whole flight twice.
 */
function packs({ ours, theirs, checks, proxy, args = named(proxy) }) {
  if (ours.args.dgram_packing !== '0' && !ours.args.isForeign) return false;
  const held = { server: args.delay_srv, client: args.delay_cli }[ours.role];
  if (args.delay_ccs === '1' || (held !== undefined && ours.args.mtu === undefined)) return true;
  return checks.some((check) => /^(next record|resend)/.test(check.pattern) && isAbsent(check, theirs));
}

/** Whether a check is that something is absent from this side's output. */
function isAbsent({ flag }, { role }) {
  return flag === { server: '-S', client: '-C' }[role];
}

module.exports = { RULES, whyNot };
