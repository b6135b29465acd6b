'use strict';

// What a server accepts and refuses, found by one question after the other.

const { Failure } = require('./failures');
const {
  DTLS_1_0,
  DTLS_1_2,
  DTLS_1_3,
  EXTENSION,
  GROUPS,
  SIGNATURE_ALGORITHMS,
  serverNameExtension,
  u16,
  u8,
  vector16,
  vector8,
} = require('./hello');
const { SUITES, suiteName } = require('./suites');

const ALL_SUITES = [...SUITES.keys()];
const ALL_GROUPS = [...GROUPS.keys()];

/** The suites of DTLS 1.3 (RFC 8446 appendix B.4). */
const SUITES_1_3 = [0x1301, 0x1302, 0x1303, 0x1304, 0x1305];

const X509 = 0;
const RAW_PUBLIC_KEY = 2;
const CERTIFICATE_TYPES = [X509, RAW_PUBLIC_KEY];

class Survey {
  /**
   * @param {import('./probe').Prober} prober
   * @param {{ servername?: string, alpn: string[], progress: (text: string) => void }} settings
   */
  constructor(prober, { servername, alpn, progress }) {
    this._prober = prober;
    this._servername = servername;
    this._alpn = alpn;
    this._progress = progress;
    /** Certificate chains and raw public keys that have come, by their leaf. */
    this.credentials = new Map();
  }

  /** @returns {Promise<object>} what docs/cli.md says about the JSON of `inspect` */
  async run() {
    const first = await this._ask('DTLS 1.2', {});
    if (first.hello === null && first.alert === null) {
      throw new Failure(
        'the server does not answer',
        'Check host and port, that a DTLS server listens there, and that no firewall drops UDP.',
        'ERR_DTLS_NO_ANSWER',
      );
    }
    const { versions, newest } = await this._versions(first);
    const accepts12 = versions['DTLSv1.2'];
    const accepts13 = versions['DTLSv1.3'];
    const suites = accepts12 ? await this._suites(first) : [];
    const groups = await this._groups(suites);
    const extensions = accepts12 ? await this._extensions(suites) : null;
    return {
      versions,
      cookie: cookieOf(first, newest, accepts13),
      refusal: first.hello === null && !accepts13 ? first.alert : null,
      suites: {
        accepted: suites.map(suiteName),
        refused: accepts12 ? ALL_SUITES.filter((suite) => !suites.includes(suite)).map(suiteName) : [],
        order: await this._order(suites),
      },
      groups,
      extensions,
      clientCertificate: accepts12 ? first.asksForCertificate : null,
      hint: this._hint ?? null,
    };
  }

  async _versions(first) {
    const is = (answer, version) => answer.hello?.version === version;
    const old = await this._ask('DTLS 1.0', { version: DTLS_1_0 });
    const extensions = [
      [EXTENSION.supportedVersions, vector8(u16(DTLS_1_3))],
      // Without a share, the server answers with its choice of a group (RFC 8446 section 4.1.4).
      [EXTENSION.keyShare, vector16()],
    ];
    const newest = await this._ask('DTLS 1.3', { suites: SUITES_1_3, extensions });
    // The names are those of node:tls's getProtocol().
    const versions = { 'DTLSv1.3': is(newest, DTLS_1_3), 'DTLSv1.2': is(first, DTLS_1_2), DTLSv1: is(old, DTLS_1_0) };
    return { versions, newest };
  }

  /** Offers what is left until the server refuses all of it. The result has the order in which it chose. */
  async _suites(first) {
    const accepted = [];
    let left = ALL_SUITES;
    for (let answer = first; answer.hello !== null; ) {
      const { suite } = answer.hello;
      if (!left.includes(suite))
        throw new Failure(`the server chose ${suiteName(suite)}, which was not offered`, '', 'MALFORMED');
      accepted.push(suite);
      left = left.filter((other) => other !== suite);
      if (left.length === 0) break;
      answer = await this._ask(`suites, ${accepted.length} accepted`, { suites: left });
    }
    return accepted;
  }

  /** Whose order decides: the server's, if its choice does not depend on ours. */
  async _order(suites) {
    if (suites.length < 2) return null;
    const answer = await this._ask('order of suites', { suites: [...suites].reverse() });
    if (answer.hello === null) return null;
    return answer.hello.suite === suites[0] ? 'server' : 'client';
  }

  /**
   * Groups of ECDHE. With an ECDSA suite, the group of the certificate has to be on offer too (RFC 8422 section 5.3), and
   * a server that prefers it does not show what else it has.
   */
  async _groups(suites) {
    const named = (pattern) => suites.filter((suite) => pattern.test(suiteName(suite)));
    const free = named(/^ECDHE-(RSA|PSK)-|^AECDH-/);
    const ecdhe = free.length > 0 ? free : named(/^ECDHE-/);
    const accepted = [];
    let left = ecdhe.length > 0 ? ALL_GROUPS : [];
    while (left.length > 0) {
      const answer = await this._ask(`groups, ${accepted.length} accepted`, { suites: ecdhe, groups: left });
      if (answer.hello === null || !left.includes(answer.group)) break;
      accepted.push(answer.group);
      left = left.filter((other) => other !== answer.group);
    }
    const names = (groups) => groups.map((group) => GROUPS.get(group));
    const isCertain = free.length > 0 || left.length === 0;
    return { accepted: names(accepted), refused: isCertain ? names(left) : [], unknown: isCertain ? [] : names(left) };
  }

  async _extensions(suites) {
    // Encrypt-then-MAC (RFC 7366) is about CBC, and a server does not answer to it where it chooses an AEAD suite.
    const cbc = suites.filter((suite) => !/GCM|CCM|CHACHA20|RC4|NULL/.test(suiteName(suite)));
    const answer = await this._ask('extensions', {
      suites: cbc.length > 0 ? cbc : suites,
      extensions: [
        [EXTENSION.encryptThenMac, Buffer.alloc(0)],
        [EXTENSION.sessionTicket, Buffer.alloc(0)],
        [EXTENSION.connectionId, vector8()],
        [EXTENSION.maxFragmentLength, u8(4)],
        ...(this._alpn.length > 0
          ? [[EXTENSION.alpn, vector16(...this._alpn.map((name) => vector8(Buffer.from(name))))]]
          : []),
      ],
    });
    const rawKey = await this._ask('raw public keys', { serverTypes: [RAW_PUBLIC_KEY] });
    if (answer.hello === null) return null;
    const has = (type) => answer.hello.extensions.has(type);
    const protocol = answer.hello.extensions.get(EXTENSION.alpn);
    return {
      extendedMasterSecret: has(EXTENSION.extendedMasterSecret),
      secureRenegotiation: has(EXTENSION.renegotiationInfo),
      encryptThenMac: cbc.length > 0 ? has(EXTENSION.encryptThenMac) : null,
      sessionTickets: has(EXTENSION.sessionTicket),
      connectionId: has(EXTENSION.connectionId),
      maxFragmentLength: has(EXTENSION.maxFragmentLength),
      rawPublicKey: rawKey.isRawKey === true,
      ...(this._alpn.length > 0 ? { alpn: protocol === undefined ? null : protocol.subarray(3).toString() } : {}),
    };
  }

  async _ask(
    subject,
    { version = DTLS_1_2, suites = ALL_SUITES, groups = ALL_GROUPS, serverTypes = CERTIFICATE_TYPES, extensions = [] },
  ) {
    this._progress(`question ${this._prober.asked + 1}: ${subject}`);
    const answer = await this._prober.ask({
      version,
      suites,
      extensions: [
        ...serverNameExtension(this._servername),
        [EXTENSION.supportedGroups, vector16(...groups.map(u16))],
        [EXTENSION.ecPointFormats, vector8(u8(0))],
        [EXTENSION.signatureAlgorithms, vector16(...SIGNATURE_ALGORITHMS.map(u16))],
        [EXTENSION.clientCertificateType, vector8(...CERTIFICATE_TYPES.map(u8))],
        [EXTENSION.serverCertificateType, vector8(...serverTypes.map(u8))],
        [EXTENSION.extendedMasterSecret, Buffer.alloc(0)],
        [EXTENSION.renegotiationInfo, vector8()],
        ...extensions,
      ],
    });
    const [leaf] = answer.certificates ?? [];
    if (leaf !== undefined) {
      const { isRawKey, certificates } = answer;
      this.credentials.set(leaf.toString('base64'), { isRawKey, certificates });
    }
    if (answer.hint?.length > 0) this._hint = answer.hint.toString();
    return answer;
  }
}

/** Whether the server asks for a cookie; null where it has refused whatever would show that. */
function cookieOf(first, newest, accepts13) {
  if (first.hasCookie || first.hello !== null) return first.hasCookie;
  // In DTLS 1.3 it is in the HelloRetryRequest (RFC 9147 section 5.1).
  return accepts13 ? newest.hello.extensions.has(EXTENSION.cookie) : null;
}

module.exports = { Survey };
