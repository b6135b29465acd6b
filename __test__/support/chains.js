'use strict';

// Chains of certificates, each with something about it that a verification has to see. What the verdict on each must be is
// node:tls's to say; where ours is another, `differs` has both and the reason stands in docs/security.md.

const { certificate, extensions: X, newKey, revocationList } = require('./x509.js');

const NAME = 'server.test';
const PAST = ['20200101000000Z', '20200102000000Z'];
const FUTURE = ['20480101000000Z', '20491231235959Z'];
const USAGE_OF_CA = X.keyUsage('keyCertSign', 'cRLSign');

/** OpenSSL has a number of its own for an issuer that must not issue, and node:tls no name for it. */
const NOT_AN_ISSUER = { theirs: 'UNSPECIFIED', ours: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' };

/** An authority; a root unless it has an issuer. */
function authority(subject, { pathLength, extensions = [], ...rest } = {}) {
  const own = [X.basicConstraints(true, pathLength), USAGE_OF_CA, ...extensions];
  return certificate({ subject: `CN=${subject}`, extensions: own, ...rest });
}

/** A certificate for `server.test`, good for both roles. */
function leaf(issuer, { names = [`dns:${NAME}`], extensions = [], ...rest } = {}) {
  const own = [X.basicConstraints(false), X.keyUsage('digitalSignature'), ...extensions];
  if (names.length > 0) own.push(X.alternativeNames(...names));
  return certificate({ issuer, extensions: own, ...rest });
}

/**
 * One entry of the table. `chain`: what the peer shows, its own first. `roles`: in which roles it is judged, both unless
 * ours cannot show it.
 */
const entry = (title, anchors, chain, more = {}) => ({
  title,
  ca: [anchors].flat().map(({ pem }) => pem),
  chain: [chain].flat(),
  roles: ['client', 'server'],
  servername: NAME,
  ...more,
});

function* basics() {
  const root = authority('Root');
  const other = authority('Other Root');
  const intermediate = authority('Intermediate', { issuer: root });
  yield entry('a root and a leaf', root, leaf(root));
  yield entry('an intermediate', root, [leaf(intermediate), intermediate]);
  yield entry('a chain that brings its root', root, [leaf(intermediate), intermediate, root]);
  yield entry('a chain in the wrong order', root, [leaf(intermediate), root, intermediate]);
  yield entry('a chain with somebody else in it', root, [leaf(intermediate), other, intermediate]);
  yield entry('an intermediate that is missing', root, leaf(intermediate));
  yield entry('an intermediate that is missing and trusted beside its root', [root, intermediate], leaf(intermediate));
  yield entry('an intermediate alone that is trusted', intermediate, leaf(intermediate));
  yield entry('another root', other, leaf(root));
  yield entry('another root and a chain', other, [leaf(intermediate), intermediate]);
  yield entry('another root and a chain that brings its own', other, [leaf(intermediate), intermediate, root]);
  yield entry('another root of the same name', authority('Root'), leaf(root));
  const anonymous = authority('Root', { identifiers: false });
  const twin = authority('Root', { identifiers: false });
  yield entry('another root of the same name, without key identifiers', twin, leaf(anonymous, { identifiers: false }));
  yield entry('a signature that does not verify', root, leaf(root, { damaged: true }));
  const damaged = authority('Damaged', { issuer: root, damaged: true });
  yield entry('an intermediate whose signature does not verify', root, [leaf(damaged), damaged]);
  const itself = leaf(undefined);
  yield entry('a self-signed leaf', root, itself);
  yield entry('a self-signed leaf that is trusted', itself, itself);
  const bare = certificate({ extensions: [X.alternativeNames(`dns:${NAME}`)] });
  yield entry('a self-signed leaf without constraints that is trusted', bare, bare);
  const own = authority('server.test', { extensions: [X.alternativeNames(`dns:${NAME}`)] });
  yield entry('a self-signed leaf that is an authority and must not sign handshakes', own, own, {
    roles: ['server'],
  });
  yield entry('a leaf that is trusted itself, and no root', leaf(root), leaf(root));
  yield entry('a leaf that has issued another', root, [leaf(leaf(root)), leaf(root)]);
  const child = leaf(root);
  yield entry('a leaf that was issued by a leaf', root, [leaf(child), child], { differs: NOT_AN_ISSUER });
}

function* validity() {
  const root = authority('Root');
  yield entry('a leaf that has expired', root, leaf(root, { validity: PAST }));
  yield entry('a leaf that is not yet valid', root, leaf(root, { validity: FUTURE }));
  for (const [what, dates] of [
    ['has expired', PAST],
    ['is not yet valid', FUTURE],
  ]) {
    const intermediate = authority('Intermediate', { issuer: root, validity: dates });
    yield entry(`an intermediate that ${what}`, root, [leaf(intermediate), intermediate]);
    const old = authority('Root', { validity: dates });
    yield entry(`a root that ${what}`, old, leaf(old));
  }
  const itself = leaf(undefined, { validity: PAST });
  yield entry('a self-signed leaf that has expired', root, itself);
  yield entry('a self-signed leaf that has expired and is trusted', itself, itself);
  yield entry('a leaf of an unknown root that has expired', authority('Other'), leaf(root, { validity: PAST }));
}

function* rollovers() {
  const [key, newer] = [newKey(), newKey()];
  const old = authority('Root', { key, validity: PAST });
  const renewed = authority('Root', { key });
  yield entry('a root that was renewed with its key', [old, renewed], leaf(renewed));
  yield entry('a root that was renewed, sent beside the old one', renewed, [leaf(renewed), old]);
  const rolled = authority('Root', { key: newer });
  yield entry('a root that has another key, and the old one', [renewed, rolled], leaf(rolled));
  const link = authority('Root', { key: newer, issuer: renewed });
  yield entry('a new root that the old one vouches for', renewed, [leaf(rolled), link]);
  const legacy = authority('Legacy Root');
  const expired = authority('Legacy Root', { key: legacy.key, validity: PAST });
  const cross = authority('Root', { key: newer, issuer: legacy });
  const intermediate = authority('Intermediate', { issuer: rolled });
  yield entry('a cross-signed root, the old one trusted', legacy, [leaf(intermediate), intermediate, cross]);
  yield entry('a cross-signed root, the new one trusted', rolled, [leaf(intermediate), intermediate, cross]);
  yield entry('a cross-signed root, the old one expired', [expired, rolled], [leaf(intermediate), intermediate, cross]);
  const late = authority('Root', { key: newer, issuer: legacy, validity: PAST });
  yield entry('a cross-signed root whose cross has expired', rolled, [leaf(intermediate), intermediate, late]);
  yield entry('only a cross that has expired', legacy, [leaf(intermediate), intermediate, late]);
}

function* authorities() {
  const root = authority('Root');
  const judged = (title, recipe, more) => {
    const intermediate = certificate({ subject: 'CN=Intermediate', issuer: root, ...recipe });
    return entry(title, root, [leaf(intermediate), intermediate], more);
  };
  const noAuthority = { differs: { theirs: 'INVALID_CA', ours: 'INVALID_PURPOSE' } };
  yield judged('an intermediate without basic constraints', { extensions: [USAGE_OF_CA] }, noAuthority);
  yield judged('an intermediate that is no authority', { extensions: [X.basicConstraints(false), USAGE_OF_CA] });
  const mustNot = [X.basicConstraints(true), X.keyUsage('digitalSignature')];
  yield judged('an intermediate that must not sign', { extensions: mustNot }, { differs: NOT_AN_ISSUER });
  yield judged('an intermediate without key usage', { extensions: [X.basicConstraints(true)] });
  yield judged('an intermediate whose basic constraints are not critical', {
    extensions: [X.basicConstraints(true, undefined, false), USAGE_OF_CA],
  });
  yield judged('an intermediate of version 1', { version: 1 });
  const first = certificate({ subject: 'CN=Root of version 1', version: 1 });
  yield entry('a root of version 1', first, leaf(first));
  const plain = certificate({ subject: 'CN=Plain Root', extensions: [] });
  yield entry('a root without basic constraints', plain, leaf(plain));
  const signs = certificate({ subject: 'CN=Signing Root', extensions: [X.keyUsage('keyCertSign')] });
  // RFC 5280, 4.2.1.9: without them it is no authority.
  const unconstrained = { differs: { theirs: 'authorized', ours: 'INVALID_PURPOSE' } };
  yield entry('a root without basic constraints that may sign', signs, leaf(signs), unconstrained);
  for (const [length, below] of [
    [0, 1],
    [0, 2],
    [1, 2],
    [1, 3],
  ]) {
    const top = authority('Root', { pathLength: length });
    const line = [top];
    for (let depth = 1; depth < below; depth++) line.unshift(authority(`Below ${depth}`, { issuer: line[0] }));
    yield entry(`a path length of ${length} and ${below - 1} below`, top, [leaf(line[0]), ...line.slice(0, -1)]);
  }
  const short = authority('Short', { issuer: root, pathLength: 0 });
  const same = authority('Short', { issuer: short });
  yield entry('a path length of 0 and a new key of the same name', root, [leaf(same), same, short]);
  const deep = [authority('Deep 0', { issuer: root })];
  for (let depth = 1; depth < 12; depth++) deep.unshift(authority(`Deep ${depth}`, { issuer: deep[0] }));
  yield entry('twelve intermediates', root, [leaf(deep[0]), ...deep]);
  for (let depth = 12; depth < 18; depth++) deep.unshift(authority(`Deep ${depth}`, { issuer: deep[0] }));
  yield entry('eighteen intermediates', root, [leaf(deep[0]), ...deep], {
    differs: {
      theirs: 'authorized',
      ours: 'CERT_CHAIN_TOO_LONG',
    },
  });
}

function* purposes() {
  const root = authority('Root');
  const needed = { client: 'serverAuth', server: 'clientAuth' };
  for (const role of ['client', 'server']) {
    const [own, wrong] = [needed[role], needed[role === 'client' ? 'server' : 'client']];
    const roles = [role];
    const judged = (title, list, more) =>
      entry(title, root, leaf(root, { extensions: [X.extendedKeyUsage(...list)] }), { roles, ...more });
    yield judged(`a leaf for ${own}`, [own]);
    yield judged(`a leaf for ${own} and for code`, ['codeSigning', own]);
    // A server of ours does not show what no client takes.
    if (role === 'server') {
      yield judged(`a leaf for ${wrong} alone`, [wrong]);
      yield judged('a leaf for code alone', ['codeSigning']);
    }
    yield judged('a leaf for every purpose', ['any']);
    for (const list of [[own], [wrong], ['any'], ['ocspSigning']]) {
      const intermediate = authority('Intermediate', { issuer: root, extensions: [X.extendedKeyUsage(...list)] });
      yield entry(`an intermediate for ${list}`, root, [leaf(intermediate), intermediate], { roles });
    }
    const narrow = authority('Root', { extensions: [X.extendedKeyUsage(wrong)] });
    yield entry(`a root for ${wrong}`, narrow, leaf(narrow), { roles });
  }
  const using = (...usages) => [X.basicConstraints(false), X.keyUsage(...usages), X.alternativeNames(`dns:${NAME}`)];
  for (const usage of ['keyEncipherment', 'keyAgreement', 'keyCertSign']) {
    const theirs = usage === 'keyAgreement' ? 'authorized' : 'INVALID_PURPOSE';
    const differs = usage === 'keyAgreement' ? { theirs, ours: 'INVALID_PURPOSE' } : undefined;
    const own = certificate({ issuer: root, extensions: using(usage) });
    yield entry(`a leaf whose key is for ${usage}`, root, own, { roles: ['server'], differs });
  }
  const none = certificate({ issuer: root, extensions: [X.alternativeNames(`dns:${NAME}`)] });
  yield entry('a leaf without usages', root, none);
}

function* criticals() {
  const root = authority('Root');
  yield entry('an unknown extension', root, leaf(root, { extensions: [X.unknown(false)] }));
  yield entry('an unknown critical extension', root, leaf(root, { extensions: [X.unknown(true)] }));
  for (const critical of [false, true]) {
    const how = critical ? 'critical' : 'plain';
    const with_ = (title, ...list) => {
      const intermediate = authority('Intermediate', { issuer: root, extensions: list });
      return entry(`an intermediate with ${how} ${title}`, root, [leaf(intermediate), intermediate]);
    };
    yield with_('unknown extension', X.unknown(critical));
    yield with_('policies', X.policies(critical, '2.23.140.1.2.1'));
    yield with_('any policy', X.policies(critical, '2.5.29.32.0'));
    yield with_('policy constraints', X.policyConstraints(0, critical));
    yield with_('inhibitAnyPolicy', X.inhibitAnyPolicy(0, critical));
    const device = authority('IEEE 2030.5 Root', {
      extensions: [X.policies(critical, '1.3.6.1.4.1.40732.2.1', '2.5.29.32.0')],
    });
    const own = leaf(device, { extensions: [X.policies(critical, '1.3.6.1.4.1.40732.1.1')] });
    yield entry(`a device and a root with ${how} policies`, device, own);
  }
}

function* constraints() {
  const root = authority('Root');
  const forms = [
    ['dns', { permitted: ['dns:server.test'] }, {}],
    ['dns, a domain', { permitted: ['dns:test'] }, {}],
    ['dns, with a dot', { permitted: ['dns:.test'] }, {}],
    ['dns, another', { permitted: ['dns:other.test'] }, {}],
    ['dns, of two names', { permitted: ['dns:server.test'] }, { names: [`dns:${NAME}`, 'dns:evil.test'] }],
    ['dns, all', { permitted: ['dns:'] }, {}],
    ['no dns', { excluded: ['dns:server.test'] }, {}],
    ['no dns, all', { excluded: ['dns:'] }, {}],
    ['no dns, another', { excluded: ['dns:other.test'] }, {}],
    ['dns and a wildcard', { permitted: ['dns:other.test'] }, { names: ['dns:*.test'] }],
    ['no dns and a wildcard', { excluded: ['dns:server.test'] }, { names: [`dns:${NAME}`, 'dns:*.server.test'] }],
    ['dns and a common name', { permitted: ['dns:other.test'] }, { names: [] }],
    ['dns and a common name that is one', { permitted: ['dns:server.test'] }, { names: [] }],
    ['ip', { permitted: ['ip:c0000200ffffff00'] }, { names: [`dns:${NAME}`, 'ip:c0000201'] }],
    ['ip, another', { permitted: ['ip:0a000000ff000000'] }, { names: [`dns:${NAME}`, 'ip:c0000201'] }],
    ['no ip', { excluded: ['ip:c0000200ffffff00'] }, { names: [`dns:${NAME}`, 'ip:c0000201'] }],
    ['no ip, another', { excluded: ['ip:0a000000ff000000'] }, { names: [`dns:${NAME}`, 'ip:c0000201'] }],
    ['ip, and no address', { permitted: ['ip:0a000000ff000000'] }, {}],
    ['uri', { permitted: ['uri:server.test'] }, { names: [`dns:${NAME}`, 'uri:coaps://server.test/a'] }],
    ['uri, another', { permitted: ['uri:other.test'] }, { names: [`dns:${NAME}`, 'uri:coaps://server.test/a'] }],
    ['no uri', { excluded: ['uri:server.test'] }, { names: [`dns:${NAME}`, 'uri:coaps://server.test/a'] }],
    ['email', { permitted: ['email:server.test'] }, { names: [`dns:${NAME}`, 'email:a@server.test'] }],
    ['email, another', { permitted: ['email:other.test'] }, { names: [`dns:${NAME}`, 'email:a@server.test'] }],
    ['no email', { excluded: ['email:a@server.test'] }, { names: [`dns:${NAME}`, 'email:a@server.test'] }],
    ['dirName', { permitted: ['dir:O=Org'] }, { subject: 'O=Org,CN=server.test' }],
    ['dirName, another', { permitted: ['dir:O=Other'] }, { subject: 'O=Org,CN=server.test' }],
    ['no dirName', { excluded: ['dir:O=Org'] }, { subject: 'O=Org,CN=server.test' }],
    ['dirName and no subject', { permitted: ['dir:O=Org'] }, { subject: '' }],
  ];
  for (const [title, constraint, more] of forms) {
    for (const critical of [false, true]) {
      const extensions = [X.nameConstraints(constraint, critical)];
      const intermediate = authority('Intermediate', { issuer: root, extensions });
      const how = critical ? 'critical' : 'plain';
      yield entry(`${how} constraint: ${title}`, root, [leaf(intermediate, more), intermediate]);
    }
  }
  for (const critical of [false, true]) {
    const extensions = [X.nameConstraints({ permitted: ['dns:other.test'] }, critical)];
    const narrow = authority('Narrow Root', { extensions });
    const how = critical ? 'critical' : 'plain';
    yield entry(`${how} constraint of a root`, narrow, leaf(narrow));
    const below = authority('Below', { issuer: narrow });
    yield entry(`${how} constraint of a root, and an intermediate`, narrow, [leaf(below), below]);
    const wide = authority('Wide Root', { extensions: [X.nameConstraints({ permitted: ['dns:test'] }, critical)] });
    yield entry(`${how} constraint of a root that permits`, wide, leaf(wide));
  }
}

function* names() {
  const root = authority('Root');
  const judged = (title, servername, list, more = {}) =>
    entry(`${title} (${servername})`, root, leaf(root, { names: list, ...more }), { roles: ['client'], servername });
  yield judged('another name', 'other.test', ['dns:server.test']);
  yield judged('one of several names', 'b.test', ['dns:a.test', 'dns:b.test']);
  yield judged('a name in capitals', 'server.test', ['dns:SERVER.Test']);
  yield judged('a wildcard', 'a.server.test', ['dns:*.server.test']);
  yield judged('a wildcard and two labels', 'a.b.server.test', ['dns:*.server.test']);
  yield judged('a wildcard and none', 'server.test', ['dns:*.server.test']);
  yield judged('a wildcard of a top-level domain', 'server.test', ['dns:*.test']);
  yield judged('part of a label', 'web1.server.test', ['dns:web*.server.test']);
  yield judged('a wildcard in the middle', 'a.b.test', ['dns:a.*.test']);
  yield judged('a common name alone', 'server.test', []);
  yield judged('a common name beside an URI', 'server.test', ['uri:coaps://server.test']);
  yield judged('a common name beside an address', 'server.test', ['ip:7f000001']);
  yield judged('a common name beside another name', 'server.test', ['dns:other.test']);
  yield judged('a common name that is a wildcard', 'a.server.test', [], { subject: 'CN=*.server.test' });
  yield judged('one of several common names', 'server.test', [], { subject: 'CN=other.test,CN=server.test' });
  yield judged('an address', '127.0.0.1', ['ip:7f000001']);
  yield judged('another address', '127.0.0.1', ['ip:7f000002']);
  yield judged('an address as a name', '127.0.0.1', ['dns:127.0.0.1']);
  yield judged('an address as a common name', '127.0.0.1', [], { subject: 'CN=127.0.0.1' });
  yield judged('an address of version 6', '::1', ['ip:00000000000000000000000000000001']);
  yield judged('a zero byte', 'server.test', ['dns:server.test\0.evil.test']);
  yield judged('an empty subject', 'server.test', ['dns:server.test'], { subject: '' });
}

function* strengths() {
  const root = authority('Root');
  const rsa = { key: newKey('rsa', { modulusLength: 2048 }) };
  const rsaRoot = authority('RSA Root', rsa);
  const weak = 'ERR_DTLS_WEAK_CERTIFICATE';
  const differs = { theirs: 'UNSPECIFIED', ours: weak };
  // AWS-LC verifies no signature with MD5.
  const unknown = { differs: { theirs: 'UNSPECIFIED', ours: 'CERT_SIGNATURE_FAILURE' } };
  yield entry('RSA and md5', rsaRoot, leaf(rsaRoot, { hash: 'md5' }), unknown);
  yield entry('RSA and sha1', rsaRoot, leaf(rsaRoot, { hash: 'sha1' }), { differs });
  yield entry('ECDSA and sha1', root, leaf(root, { hash: 'sha1' }), { differs });
  const accepts = { theirs: 'authorized', ours: weak };
  yield entry('RSA and sha224', rsaRoot, leaf(rsaRoot, { hash: 'sha224' }), { differs: accepts });
  yield entry('ECDSA and sha224', root, leaf(root, { hash: 'sha224' }), { differs: accepts });
  for (const hash of ['sha256', 'sha384', 'sha512']) {
    yield entry(`RSA and ${hash}`, rsaRoot, leaf(rsaRoot, { hash }));
    yield entry(`ECDSA and ${hash}`, root, leaf(root, { hash }));
  }
  const poor = authority('Intermediate', { issuer: root, hash: 'sha1' });
  yield entry('an intermediate signed with sha1', root, [leaf(poor), poor], { differs });
  const old = authority('Root', { hash: 'sha1' });
  yield entry('a root signed with sha1', old, leaf(old));
  yield entry('RSA-PSS by an RSA key', rsaRoot, leaf(rsaRoot, { pss: true }));
  const pss = authority('PSS Root', { key: newKey('rsa-pss', { modulusLength: 2048 }) });
  yield entry('a root with an RSA-PSS key', pss, leaf(pss));
  const edwards = authority('Ed25519 Root', { key: newKey('ed25519', {}) });
  yield entry('a root with an Ed25519 key', edwards, leaf(edwards));
  const below = authority('Ed25519 Intermediate', { key: newKey('ed25519', {}), issuer: root });
  yield entry('an intermediate with an Ed25519 key', root, [leaf(below), below]);
  for (const curve of ['P-384', 'P-521', 'P-224']) {
    const top = authority(`${curve} Root`, { key: newKey('ec', { namedCurve: curve }) });
    yield entry(`a root with a ${curve} key`, top, leaf(top));
  }
  const small = { key: newKey('rsa', { modulusLength: 1024 }) };
  const smallRoot = authority('Small Root', small);
  yield entry('a root with 1024 bits of RSA', smallRoot, leaf(smallRoot), { differs });
  const smallBelow = authority('Small Intermediate', { ...small, issuer: root });
  yield entry('an intermediate with 1024 bits of RSA', root, [leaf(smallBelow), smallBelow], { differs });
  yield entry('a leaf with 1024 bits of RSA', root, leaf(root, small), { differs });
  yield entry('a leaf with 2048 bits of RSA', root, leaf(root, rsa));
}

function* revocations() {
  const root = authority('Root');
  const intermediate = authority('Intermediate', { issuer: root });
  const [good, bad] = [leaf(intermediate), leaf(intermediate)];
  const judged = (title, crl, own = good, ca = root) => entry(`lists: ${title}`, ca, [own, intermediate], { crl });
  const [above, below] = [revocationList(root, []), revocationList(intermediate, [bad])];
  yield judged('nothing revoked', [above, below]);
  yield judged('a leaf that is revoked', [above, below], bad);
  yield judged('an intermediate that is revoked', [revocationList(root, [intermediate]), below]);
  yield judged('of the root alone', [above]);
  yield judged('of the intermediate alone', [below]);
  yield judged('of somebody else', [revocationList(authority('Other'), [])]);
  yield judged('expired', [above, revocationList(intermediate, [], { validity: PAST })]);
  yield judged('expired, and the leaf is on it', [above, revocationList(intermediate, [bad], { validity: PAST })], bad);
  yield judged('not yet valid', [above, revocationList(intermediate, [], { validity: FUTURE })]);
  yield judged('forged', [above, revocationList(intermediate, [], { damaged: true })]);
  const imposter = authority('Intermediate');
  yield judged('of an authority of the same name', [above, revocationList(imposter, [])]);
  yield judged('an unknown root', [above, below], good, authority('Other'));
  const silent = certificate({
    subject: 'CN=Silent',
    issuer: root,
    extensions: [X.basicConstraints(true), X.keyUsage('keyCertSign')],
  });
  yield entry('lists: of an authority that must not sign them', root, [leaf(silent), silent], {
    crl: [above, revocationList(silent, [])],
  });
}

module.exports = {
  NAME,
  *chains() {
    for (const group of [
      basics,
      validity,
      rollovers,
      authorities,
      purposes,
      criticals,
      constraints,
      names,
      strengths,
      revocations,
    ]) {
      yield* group();
    }
  },
};
