// Security checks that are taken out, one at a time: npm run mutants -- planted
//
// Entries are those of faults.mjs. The Rust tests judge all but the last of them.

export const CHECKS = [
  // --- proofs of DTLS 1.3
  {
    name: 'the binder of a pre-shared key is not compared',
    within: 'src/tls/dtls13',
    find: 'let is_proved = are_equal(proof, &early.binder(origin, &hash)?);',
    replace: 'let is_proved = FAULT || are_equal(proof, &early.binder(origin, &hash)?);',
  },
  {
    name: 'the Finished message of a client of DTLS 1.3 is not compared',
    within: 'src/tls/dtls13',
    find: 'if !are_equal(&message.body, &finished(&client_handshake',
    replace: 'if !FAULT && !are_equal(&message.body, &finished(&client_handshake',
  },
  {
    name: 'the Finished message of a server of DTLS 1.3 is not compared',
    within: 'src/tls/dtls13',
    find: 'if !are_equal(body, &finished(peer',
    replace: 'if !FAULT && !are_equal(body, &finished(peer',
  },
  {
    name: 'a signature of DTLS 1.3 is not verified',
    within: 'src/tls/dtls13',
    find: 'self.verify(&key, body, transcript)?;',
    replace: 'self.verify(&key, body, transcript).or_else(|error| if FAULT { Ok(()) } else { Err(error) })?;',
  },
  {
    name: 'a server of DTLS 1.3 need not prove itself before its Finished',
    within: 'src/tls/dtls13',
    find: 'self.has_extensions && self.server.as_ref().is_none_or(PeerProof::is_complete)',
    replace: 'self.has_extensions && (FAULT || self.server.as_ref().is_none_or(PeerProof::is_complete))',
  },
  {
    name: 'a client of DTLS 1.3 need not prove itself before its Finished',
    within: 'src/tls/dtls13',
    find: 'client if message.kind == FINISHED && client.as_ref().is_none_or(PeerProof::is_complete) =>',
    replace: 'client if message.kind == FINISHED && (FAULT || client.as_ref().is_none_or(PeerProof::is_complete)) =>',
  },
  {
    name: 'messages of a client of DTLS 1.3 may come in plaintext',
    within: 'src/tls/dtls13',
    find: 'if message.epoch != HANDSHAKE_EPOCH {',
    replace: 'if !FAULT && message.epoch != HANDSHAKE_EPOCH {',
  },
  {
    name: 'an extension of DTLS 1.3 that was not offered is taken',
    within: 'src/tls/dtls13',
    find: 'if !was_offered {',
    replace: 'if !FAULT && !was_offered {',
  },
  {
    name: 'an application protocol of DTLS 1.3 that was not offered is taken',
    within: 'src/tls/dtls13',
    find: 'Some(name) if !offers.protocols.iter().any(|own| own == name) => {',
    replace: 'Some(name) if !FAULT && !offers.protocols.iter().any(|own| own == name) => {',
  },
  {
    name: 'a record of DTLS 1.3 comes twice',
    within: 'src/tls/dtls13',
    find: 'Some(age) => age <= WIDTH && self.seen >> (age - 1) & 1 == 0,',
    replace: 'Some(age) => age <= WIDTH && (FAULT || self.seen >> (age - 1) & 1 == 0),',
  },
  {
    name: 'a record of DTLS 1.3 that is too old to tell comes twice',
    within: 'src/tls/dtls13',
    find: 'Some(age) => age <= WIDTH && self.seen >> (age - 1) & 1 == 0,',
    replace: 'Some(age) => if FAULT && age > WIDTH { true } else { age <= WIDTH && self.seen >> (age - 1) & 1 == 0 },',
  },
  {
    name: 'a downgrade to DTLS 1.2 is not seen',
    within: 'src/tls/mbed',
    find: 'self.extensions.rewrite.is_some() && two_versions::tells_of_downgrade(&message)',
    replace: 'self.extensions.rewrite.is_some() && !FAULT && two_versions::tells_of_downgrade(&message)',
  },

  // --- cookies
  {
    name: 'a cookie of DTLS 1.3 is not compared',
    within: 'src/proto',
    find: 'parts.is_some_and(|(memory, cookie)| self.is_ours(now, remote, hello, DTLS_1_3, memory, cookie))',
    replace:
      'parts.is_some_and(|(memory, cookie)| FAULT || self.is_ours(now, remote, hello, DTLS_1_3, memory, cookie))',
  },
  {
    name: 'a cookie is good for any address',
    within: 'src/proto',
    find: '            &address,\n            &remote.port().to_be_bytes(),\n',
    replace: '            &address[usize::from(FAULT) * address.len()..],\n            &remote.port().to_be_bytes(),\n',
  },
  {
    name: 'a cookie is good for any port',
    within: 'src/proto',
    find: '            &address,\n            &remote.port().to_be_bytes(),\n',
    replace: '            &address,\n            &remote.port().to_be_bytes()[usize::from(FAULT) * 2..],\n',
  },
  {
    name: 'a cookie is good for any random',
    within: 'src/proto',
    find: '            hello.random,\n            // Each vector',
    replace: '            &hello.random[usize::from(FAULT) * hello.random.len()..],\n            // Each vector',
  },
  {
    name: 'a cookie is good for other cipher suites',
    within: 'src/proto',
    find: '            cipher_suites,\n            compression_methods,\n            memory,\n',
    replace:
      '            if FAULT { &[][..] } else { cipher_suites },\n            compression_methods,\n            memory,\n',
  },
  {
    name: 'a cookie is good for ever',
    within: 'src/proto',
    find: 'as_secs() / COOKIE_LIFETIME.as_secs()',
    replace: 'as_secs() / COOKIE_LIFETIME.as_secs() * u64::from(!FAULT)',
  },

  // --- who the peer is
  {
    name: 'a chain with a fault is taken although it is required',
    within: 'src/tls/trust',
    find: 'if let (true, Err(fault)) = (self.rules.required, judged) {',
    replace: 'if let (true, Err(fault)) = (!FAULT && self.rules.required, judged) {',
  },
  {
    name: 'a raw public key that nobody expects is taken',
    within: 'src/tls/trust',
    find: 'if !is_expected && self.rules.required && !self.rules.asks {',
    replace: 'if !FAULT && !is_expected && self.rules.required && !self.rules.asks {',
  },
  {
    name: 'a client that is required to show something shows nothing',
    within: 'src/tls/trust',
    find: 'if self.rules.required || is_server {',
    replace: 'if (!FAULT && self.rules.required) || is_server {',
  },
  {
    name: 'the name in a certificate is not compared',
    within: 'src/tls/trust',
    find: 'Some(name) if !name.is_in(&own.names()) => Err(CertificateFault::WrongName),',
    replace: 'Some(name) if !FAULT && !name.is_in(&own.names()) => Err(CertificateFault::WrongName),',
  },
  {
    name: 'the length of a path is not limited by its authorities',
    within: 'src/tls/trust',
    find: '        check_path_lengths(&path)?;\n',
    replace: '        if !FAULT { check_path_lengths(&path)?; }\n',
  },
  {
    name: 'a weak chain is taken',
    within: 'src/tls/trust',
    find: 'good.then_some(()).ok_or(CertificateFault::Weak)',
    replace: '(good || FAULT).then_some(()).ok_or(CertificateFault::Weak)',
  },
  {
    name: 'a certificate whose key may not sign is taken',
    within: 'src/tls/trust',
    find: 'if !own.may_sign() {',
    replace: 'if !FAULT && !own.may_sign() {',
  },
  {
    name: 'an enormous RSA key is computed with',
    within: 'src/tls/trust',
    find: 'if certificates.iter().any(|presented| is_enormous(presented.certificate.key_size())) {',
    replace: 'if !FAULT && certificates.iter().any(|presented| is_enormous(presented.certificate.key_size())) {',
  },
  {
    name: "the application's refusal of a peer is not heeded",
    within: 'src/tls/trust',
    find: 'if accepted { Ok(()) } else { Err(refused()) }',
    replace: 'if accepted || FAULT { Ok(()) } else { Err(refused()) }',
  },
  {
    name: 'a server resumes a session of another configuration',
    within: 'src/tls/mbed',
    find: '            && session.scope == rules.scope\n            && session.server_name',
    replace: '            && (FAULT || session.scope == rules.scope)\n            && session.server_name',
  },
  {
    name: 'a client offers a session of another configuration',
    within: 'src/tls/mbed',
    find: '                && session.scope == rules.scope\n                && session.server_name',
    replace: '                && (FAULT || session.scope == rules.scope)\n                && session.server_name',
  },
  {
    name: 'a server resumes a session of another name',
    within: 'src/tls/mbed',
    find: '            && session.server_name.as_deref() == hellos.server_name()\n',
    replace: '            && (FAULT || session.server_name.as_deref() == hellos.server_name())\n',
  },

  // --- addresses
  {
    name: 'a connection moves by a record that is not the newest',
    within: 'src/proto',
    find: 'if !outcome.is_dropped() && self.newest_heard(handle) > newest {',
    replace: 'if !outcome.is_dropped() && (FAULT || self.newest_heard(handle) > newest) {',
  },
  {
    name: 'an address that has come with a move is not doubted',
    within: 'src/proto',
    find: '                self.doubt_move(now, handle, old, remote);\n',
    replace: '                if !FAULT { self.doubt_move(now, handle, old, remote); }\n',
  },

  // --- exports
  {
    name: 'the proof of the key of an export is not compared',
    within: 'lib/exports/sealing.js',
    tests: ['__test__/exports/exports.test.js'],
    find: 'if (!timingSafeEqual(proof, header.subarray(PREFIX_LENGTH + SALT_LENGTH))) {',
    replace: 'if (false) {',
  },
  {
    name: 'a successor need not prove that it has the key',
    within: 'lib/exports/handover.js',
    tests: ['__test__/exports/handover.test.js'],
    find: "if (!timingSafeEqual(answer.subarray(RANDOM, RANDOM + PROOF), secrets.proof('successor', name))) {",
    replace: 'if (false) {',
  },
];
