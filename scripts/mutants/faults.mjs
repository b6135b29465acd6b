// Faults that a reader of the tests once planted, most of which nothing noticed then: npm run mutants -- planted
//
// Each is one place (`find`, which must be there once, in one of the files `within`) and what stands there instead. The Rust tests
// judge it, or the test files in `tests`, with an addon that has the fault. In Rust, FAULT stands for whether the fault is there: so
// many faults are built at once, and each is switched on when its turn comes.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { CHECKS } from './checks.mjs';

/**
 * Where a fault's place is, below this directory. A fault whose place is gone, or in two places, is one to look at again.
 *
 * @param {string} [isThere] what FAULT is in Rust
 * @param {Map<string, string>} [texts] of files that have other faults already
 * @returns {{ file: string, text: string }} the file, and its text with the fault in it
 */
export function plant(root, { name, within, find, replace }, isThere = 'true', texts = new Map()) {
  const files = filesWithin(root, within).map(({ file, text }) => ({ file, text: texts.get(file) ?? text }));
  const hits = files.filter(({ text }) => text.includes(find));
  const parts = hits.flatMap(({ text }) => text.split(find));
  if (hits.length !== 1 || parts.length !== 2) {
    const places = hits.map(({ file }) => file).join(', ') || 'nowhere';
    throw new Error(`"${name}" wants its place once in ${within}, and it is ${places}`);
  }
  return { file: hits[0].file, text: parts.join(replace.replaceAll('FAULT', isThere)) };
}

const read = new Map();

function filesWithin(root, within) {
  const place = path.join(root, within);
  if (!read.has(place)) read.set(place, readFiles(root, within));
  return read.get(place);
}

function readFiles(root, within) {
  const names = statSync(path.join(root, within)).isDirectory()
    ? readdirSync(path.join(root, within), { recursive: true }).map((name) => `${within}/${name.replaceAll('\\', '/')}`)
    : [within];
  const sources = names.filter((name) => /\.(rs|js|md|d\.ts)$/.test(name) && !/\/tests(\/|\.rs)/.test(name));
  return sources.map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }));
}

export const FAULTS = [
  // --- keys and cookies
  {
    name: 'the key of an unknown identity is zeros',
    within: 'src',
    find: '    fill_random(&mut key).map_err(|_| Error::internal(sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED))?;\n',
    replace:
      '    if !FAULT { fill_random(&mut key).map_err(|_| Error::internal(sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED))?; }\n',
  },
  {
    name: 'the key for an identity that is too long to ask about is zeros',
    within: 'src',
    find: 'let key = nobodys_key().map_err(|_| sys::ERR_SSL_INTERNAL_ERROR)?;',
    replace: 'let key = if FAULT { &[0; 32][..] } else { nobodys_key().map_err(|_| sys::ERR_SSL_INTERNAL_ERROR)? };',
  },
  {
    name: 'the MAC of a cookie is cut to one byte',
    within: 'src',
    find: 'const MAC_LENGTH: usize = 19;',
    replace: 'const MAC_LENGTH: usize = 1;',
  },
  {
    name: 'a cookie is compared by its beginning alone',
    within: 'src',
    tests: ['__test__/attack/datagrams.test.js'],
    find: 'left.len() == right.len() && black_box',
    replace: '(FAULT || left.len() == right.len()) && black_box',
  },

  // --- limits
  {
    name: 'maxConnections lets one more in',
    within: 'src',
    find: 'handshakes.min(connections.saturating_sub(finished))',
    replace: 'handshakes.min((connections + usize::from(FAULT)).saturating_sub(finished))',
  },
  {
    name: 'maxConnections lets one less in',
    within: 'src',
    find: 'handshakes.min(connections.saturating_sub(finished))',
    replace: 'handshakes.min((connections - usize::from(FAULT)).saturating_sub(finished))',
  },
  {
    name: 'maxConnections is not looked at by handshakes',
    within: 'src',
    find: 'in_all: if evicts_idle { handshakes }',
    replace: 'in_all: if evicts_idle || FAULT { handshakes }',
  },
  {
    name: 'maxConnections is not passed on',
    within: 'lib',
    tests: ['__test__/server/limits.test.js'],
    find: " 'maxConnections', 'requestCert'];",
    replace: " 'requestCert'];",
  },
  {
    name: 'a restore goes beyond maxConnections',
    within: 'src',
    find: 'self.connections.len() >= self.limits.connections && !self.limits.evicts_idle',
    replace: '(!FAULT && self.connections.len() >= self.limits.connections && !self.limits.evicts_idle)',
  },
  {
    name: 'a restore without a question goes beyond maxConnections',
    within: 'src',
    find: 'if lives || self.is_taken(remote, restoration.saved) || self.is_full() {',
    replace: 'if lives || self.is_taken(remote, restoration.saved) || (!FAULT && self.is_full()) {',
  },
  {
    name: 'the answer to a question goes beyond maxConnections',
    within: 'src',
    find: '        if self.is_full() {\n            return Outcome::Dropped(DropReason::Limit);\n        }\n        // What could',
    replace:
      '        if !FAULT && self.is_full() {\n            return Outcome::Dropped(DropReason::Limit);\n        }\n        // What could',
  },
  {
    name: 'held records have no bound',
    within: 'src',
    find: 'held + record.weight() <= FLIGHT_BYTES_LIMIT',
    replace: '(FAULT || held + record.weight() <= FLIGHT_BYTES_LIMIT)',
  },
  {
    name: 'early records have no bound in number',
    within: 'src',
    find: 'self.records.len() + self.others.len() > RECORD_LIMIT || ',
    replace: '(!FAULT && self.records.len() + self.others.len() > RECORD_LIMIT) || ',
  },
  {
    name: 'early records have no bound in bytes',
    within: 'src',
    find: ' || self.bytes() > BYTES_LIMIT',
    replace: ' || (!FAULT && self.bytes() > BYTES_LIMIT)',
  },
  {
    name: 'records for a question about an address have no bound',
    within: 'src',
    find: 'held + record.weight() <= HELD_BYTES_LIMIT',
    replace: '(FAULT || held + record.weight() <= HELD_BYTES_LIMIT)',
  },
  {
    name: 'a full memory for messages takes on',
    within: 'lib',
    tests: ['__test__/socket/stream.test.js'],
    find: '    if (used > this._limit) return false;\n',
    replace: '',
  },
  {
    name: 'a full memory for lines of the trace takes on',
    within: 'src',
    find: 'self.lines.len() == LINES_LIMIT',
    replace: '(!FAULT && self.lines.len() == LINES_LIMIT)',
  },

  // --- connections, questions and their ends
  {
    name: 'a deadline outlives its connection',
    within: 'src',
    find: '        self.deadlines.change(handle, entry.scheduled, None);\n',
    replace: '        if !FAULT { self.deadlines.change(handle, entry.scheduled, None); }\n',
  },
  {
    name: 'a close_notify is not answered',
    within: 'src',
    find: '                self.context.close_notify(now, &mut scratch.outbox);\n                Step::Ended(CloseReason::Peer)',
    replace:
      '                if !FAULT { self.context.close_notify(now, &mut scratch.outbox); }\n                Step::Ended(CloseReason::Peer)',
  },
  {
    name: 'an answer finds its question although it is late',
    within: 'src',
    find: '        self.open.remove(&id);\n        Some(open.connection)',
    replace: '        if !FAULT { self.open.remove(&id); }\n        Some(open.connection)',
  },
  {
    name: 'held records come before those that a job has not read',
    within: 'src',
    find: '            self.queue().push_front(record);',
    replace: '            if FAULT { self.queue().push_back(record) } else { self.queue().push_front(record) }',
  },
  {
    name: 'records that a job has not read come in the wrong order',
    within: 'src',
    find: 'for record in records.rev() {',
    replace: 'for record in records {',
  },
  {
    name: 'the trace remembers an identity after its connection',
    within: 'src',
    find: '        trace.forget(remote);\n',
    replace: '        if !FAULT { trace.forget(remote); }\n',
  },
  {
    name: 'a question outlives its connection',
    within: 'src',
    find: 'Pending::Question(question) => self.questions.withdraw(question),',
    replace: 'Pending::Question(question) => { if !FAULT { self.questions.withdraw(question); } }',
  },

  // --- resumption and sleep
  {
    name: 'a session is resumed with another extended master secret',
    within: 'src',
    find: '            && extended_master_secret == (handshake.extended_ms != 0)\n',
    replace: '            && (FAULT || extended_master_secret == (handshake.extended_ms != 0))\n',
  },
  {
    name: 'a session is resumed with another encrypt-then-MAC',
    within: 'src',
    find: '            && encrypt_then_mac.is_none_or(|was| was == (session.encrypt_then_mac != 0));',
    replace: '            && (FAULT || encrypt_then_mac.is_none_or(|was| was == (session.encrypt_then_mac != 0)));',
  },
  {
    name: 'a client with the session’s extended master secret is not asked for it again',
    within: 'src',
    find: '        if !ssl.agrees_on_extended_master_secret() {\n            return Err(without_extended_master_secret());\n        }\n        let encrypt',
    replace:
      '        if !FAULT && !ssl.agrees_on_extended_master_secret() {\n            return Err(without_extended_master_secret());\n        }\n        let encrypt',
  },
  {
    name: 'sleep forgets the extended master secret',
    within: 'src',
    find: 'saved.extended_master_secret.unwrap_or(false)',
    replace: '(!FAULT && saved.extended_master_secret.unwrap_or(false))',
  },
  {
    name: 'sleep forgets encrypt-then-MAC',
    within: 'src',
    find: 'encrypt_then_mac: saved.encrypt_then_mac,',
    replace: 'encrypt_then_mac: !FAULT && saved.encrypt_then_mac,',
  },

  // --- certificates and groups
  {
    name: 'an intermediate is not looked for in a revocation list',
    within: 'src',
    tests: ['__test__/authentication/revocation.test.js'],
    find: 'let check = lc::X509_V_FLAG_CRL_CHECK | lc::X509_V_FLAG_CRL_CHECK_ALL;',
    replace: 'let check = lc::X509_V_FLAG_CRL_CHECK | if FAULT { 0 } else { lc::X509_V_FLAG_CRL_CHECK_ALL };',
  },
  {
    name: 'a dNSName of four bytes is an address',
    within: 'src',
    find: 'lc::GEN_DNS => names.dns.push(unsafe { string(value.cast()) }),',
    replace:
      'lc::GEN_DNS => (if FAULT { &mut names.addresses } else { &mut names.dns }).push(unsafe { string(value.cast()) }),',
  },
  {
    name: 'a point of small order is taken',
    within: 'src',
    find: '&& lc::X25519(product.as_mut_ptr(), private.as_ptr(), public.as_ptr()) == 1',
    replace: '&& lc::X25519(product.as_mut_ptr(), private.as_ptr(), public.as_ptr()) >= 1 - i32::from(FAULT)',
  },
  {
    name: 'a point of small order is taken in DTLS 1.3',
    within: 'src',
    find: 'check(unsafe { lc::X25519(',
    replace: 'check(i32::from(FAULT) | unsafe { lc::X25519(',
  },
  {
    name: 'renegotiation is switched on',
    within: 'src',
    find: 'sys::SSL_RENEGOTIATION_DISABLED',
    replace: 'if FAULT { sys::SSL_RENEGOTIATION_ENABLED } else { sys::SSL_RENEGOTIATION_DISABLED }',
  },
  {
    name: 'plaintext stays in the buffer that it came in',
    within: 'src',
    find: '        unsafe { sys::platform_zeroize(record.as_mut_ptr().cast(), record.len()) };',
    replace: '        if !FAULT { unsafe { sys::platform_zeroize(record.as_mut_ptr().cast(), record.len()) } };',
  },

  // --- the socket
  {
    name: 'ipv6Only is ignored',
    within: 'src',
    tests: ['__test__/server/listen-and-close.test.js', '__test__/server/given-udp-socket.test.js'],
    find: 'setsockopt(&descriptor, sockopt::Ipv6V6Only, &true)?;',
    replace: 'if !FAULT { setsockopt(&descriptor, sockopt::Ipv6V6Only, &true)?; }',
  },
  {
    name: 'congestion is ignored',
    within: 'src',
    tests: ['__test__/transport/congestion.test.js'],
    find: '        self.is_congested = is_congested;',
    replace: '        self.is_congested = is_congested && !FAULT;',
  },
  {
    name: 'congestion loses a batch',
    within: 'src',
    tests: ['__test__/transport/congestion.test.js'],
    find: '            self.endpoint.put_back(route, datagram.to_vec());',
    replace: '            if !FAULT { self.endpoint.put_back(route, datagram.to_vec()); }',
  },
  {
    name: 'a batch overtakes what is congested',
    within: 'src',
    tests: ['__test__/transport/congestion.test.js'],
    find: 'let udp = self.udp.as_ref().filter(|_| !self.is_congested);\n        let taken',
    replace: 'let udp = self.udp.as_ref().filter(|_| FAULT || !self.is_congested);\n        let taken',
  },
  {
    name: 'a payload overtakes what is congested',
    within: 'src',
    tests: ['__test__/transport/congestion.test.js'],
    find: 'let udp = self.udp.as_ref().filter(|_| !self.is_congested);\n        let sealed',
    replace: 'let udp = self.udp.as_ref().filter(|_| FAULT || !self.is_congested);\n        let sealed',
  },
  {
    name: 'congestion exerts no backpressure',
    within: 'lib',
    tests: ['__test__/transport/congestion.test.js'],
    find: 'if (this._isQueueShort()) {',
    replace: 'if (this._isQueueShort() || true) {',
  },

  // --- what JavaScript sees
  {
    name: 'handshakeTime is in seconds',
    within: 'src',
    tests: ['__test__/observing/counters.test.js', '__test__/observing/diagnostics.test.js'],
    find: 'time: handshake_time.as_secs_f64() * 1000.0,',
    replace: 'time: handshake_time.as_secs_f64() * if FAULT { 1.0 } else { 1000.0 },',
  },
  {
    name: 'the MAC of a .pfx is not compared',
    within: 'lib',
    tests: ['__test__/pkcs12/pfx.test.js'],
    find: 'mac.length === expected.length && crypto.timingSafeEqual(mac, expected)',
    replace: 'mac.length === expected.length',
  },
  {
    name: 'insecureLegacyAlerts lets pings in',
    within: 'lib',
    tests: ['__test__/adapters/trackle.test.js'],
    find: 'if (!insecureLegacyPing) return;',
    replace: '',
  },
  {
    name: 'insecureLegacyPing lets alerts in',
    within: 'lib',
    tests: ['__test__/adapters/trackle.test.js'],
    find: 'if (insecureLegacyAlerts && datagram[0] === ALERT)',
    replace: 'if (datagram[0] === ALERT)',
  },
  {
    name: 'a full memory for the texts of brief events takes on',
    within: 'src',
    tests: ['__test__/server/many-clients.test.js', '__test__/transport/endpoint.test.js'],
    find: ' || self.text + length > end',
    replace: ' || (!FAULT && self.text + length > end)',
  },
  {
    name: 'closing comes twice',
    within: 'lib',
    tests: ['__test__/socket/close.test.js', '__test__/socket/stream.test.js'],
    find: '    if (this._state === CLOSED) return;\n    this._state = CLOSED;',
    replace: '    this._state = CLOSED;',
  },
  {
    name: 'an event is dispatched in the middle of another',
    within: 'lib',
    tests: [
      '__test__/socket/listeners.test.js',
      '__test__/transport/endpoint.test.js',
      '__test__/transport/turns.test.js',
    ],
    find: 'if (this._draining || this._turns.isDelivering) return;',
    replace: 'if (this._turns.isDelivering) return;',
  },
  {
    name: 'an event overtakes the payloads of its batch',
    within: 'lib',
    tests: [
      '__test__/socket/listeners.test.js',
      '__test__/transport/endpoint.test.js',
      '__test__/transport/turns.test.js',
    ],
    find: 'if (this._draining || this._turns.isDelivering) return;',
    replace: 'if (this._draining) return;',
  },
  {
    name: 'close() of a server waits for ever for sockets that nobody reads',
    within: 'lib',
    tests: ['__test__/server/listen-and-close.test.js'],
    find: ' && performance.now() < until',
    replace: '',
  },
  {
    name: 'the rejection of an async listener is swallowed',
    within: 'lib',
    tests: ['__test__/socket/listeners.test.js', '__test__/questions/question.test.js'],
    find: '    else Promise.reject(error);',
    replace: '',
  },
  {
    name: 'bind() of a client binds nothing',
    within: 'lib',
    tests: [
      '__test__/client/udp-socket.test.js',
      '__test__/adapters/defects.test.js',
      '__test__/adapters/profiles.test.js',
    ],
    find: "localPort: checkPort(0)(port, 'port') };",
    replace: "localPort: checkPort(0)(0, 'port') };",
  },
  {
    name: 'an option is misspelt in index.d.ts',
    within: 'index.d.ts',
    tests: ['__test__/repository/facts.test.js'],
    find: '  SNICallback?:',
    replace: '  sniCallback?:',
  },
  {
    name: 'a default is wrong in docs/api.md',
    within: 'docs/api.md',
    tests: ['__test__/repository/facts.test.js'],
    find: '| `maxConnections` | count | 1000000 |',
    replace: '| `maxConnections` | count | 100000 |',
  },

  // --- security checks that are taken out
  ...CHECKS,
];
