'use strict';

// The layer check itself: each rule fires on a bad tree, and on nothing else.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

async function check(files) {
  const { checkLayers } = await import('../../scripts/check-layers.mjs');
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'layers-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(root, 'src', name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    }
    return checkLayers(root).violations;
  } finally {
    fs.rmSync(root, { recursive: true });
  }
}

const ALLOWED = {
  'lib.rs': '#![deny(unsafe_code)]\n#![warn(missing_docs)]\nmod binding;\nmod proto;\nmod tls;\nmod wire;\n',
  'binding/server.rs':
    'use napi::{Env, Result};\nuse crate::proto::Endpoint;\nfn now() { std::time::Instant::now(); }\n',
  'proto/mod.rs': 'use crate::tls::Context;\nuse std::time::{Duration, Instant};\nfn f(now: Instant) {}\n',
  'proto/table.rs': 'use crate::wire::Record;\nuse super::Endpoint;\npub(super) fn f() {}\n',
  'proto/tests/clock.rs': 'fn base() -> std::time::Instant { std::time::Instant::now() }\n',
  'tls/context.rs': 'use super::mbed::Handshake;\nuse crate::wire::Record;\n',
  'tls/mbed/mod.rs': 'mod ffi;\npub(crate) use ffi::ssl::Ssl;\nuse super::Error;\n',
  'tls/mbed/handshake.rs':
    'use mbedtls::ssl;\nuse super::ffi::ssl::Ssl;\nuse crate::tls::{Error, mbed::ffi};\nfn f() { mbedtls_sys::TLS_EXT_CID; }\n',
  'tls/mbed/ffi/mod.rs': 'pub(crate) mod bio;\nuse mbedtls_sys as sys;\n',
  'tls/mbed/ffi/bio.rs':
    'use super::sys;\n#[unsafe(no_mangle)]\nunsafe extern "C" fn f() {}\nmod lc {\n  use super::super::sys;\n  use aws_lc_sys::EC_KEY;\n}\nuse super::ssl;\n',
  'tls/ffi/mod.rs': '#![allow(unsafe_code)]\npub(crate) mod hash;\n',
  'tls/ffi/hash.rs': 'use super::check;\nuse aws_lc_sys as lc;\nfn f() { unsafe { g() } }\n',
  'tls/dtls13/mod.rs': 'mod link;\npub(crate) use link::Link;\n',
  'tls/dtls13/link.rs': 'use crate::tls::ffi::hash;\nuse crate::tls::error::Error;\nuse crate::wire::Record;\n',
  'tls/dtls13/tests.rs': 'fn base() -> std::time::Instant { std::time::Instant::now() }\n',
  'wire/mod.rs': 'mod record;\npub(crate) use record::Record;\n',
  'wire/record.rs': 'use crate::wire::alert;\nuse super::hello;\n#[cfg(test)]\nmod tests { use super::*; }\n',
};

test('a tree that keeps the rules passes', async () => {
  assert.deepEqual(await check(ALLOWED), []);
});

const BAD = [
  ['napi below binding', 'proto/mod.rs', 'use napi::Env;', 'napi belongs'],
  ['napi in an attribute', 'tls/config.rs', '#[napi(object)]\nstruct A;', 'napi belongs'],
  ['napi_derive in lib.rs', 'lib.rs', 'use napi_derive::napi;', 'napi belongs'],
  ['tokio below binding', 'proto/mod.rs', 'tokio::spawn(f);', 'tokio belongs'],
  ['mbedtls above tls', 'proto/mod.rs', 'fn f() -> mbedtls::Error {}', 'mbedtls belongs'],
  ['mbedtls in the face of tls', 'tls/context.rs', 'use mbedtls_sys as sys;', 'mbedtls belongs'],
  ['mbedtls_sys in binding', 'binding/mod.rs', 'use mbedtls_sys as sys;', 'mbedtls belongs'],
  ['mbedtls in wire', 'wire/record.rs', 'use mbedtls::x509;', 'mbedtls belongs'],
  ['aws-lc above tls', 'proto/mod.rs', 'use aws_lc_sys::EC_KEY;', 'aws-lc belongs'],
  ['aws-lc above ffi', 'tls/mbed/work.rs', 'use aws_lc_sys::EC_KEY;', 'aws-lc belongs'],
  ['unsafe in the face of tls', 'tls/context.rs', 'fn f() { unsafe { g() } }', 'unsafe belongs'],
  ['unsafe above ffi', 'tls/mbed/handshake.rs', 'fn f() { unsafe { g() } }', 'unsafe belongs'],
  ['unsafe in wire', 'wire/record.rs', 'fn f() { unsafe { g() } }', 'unsafe belongs'],
  ['unsafe in binding', 'binding/mod.rs', '#[unsafe(no_mangle)] fn f() {}', 'unsafe belongs'],
  ['the clock in proto', 'proto/mod.rs', 'let now = Instant::now();', 'the clock'],
  ['the clock in tls', 'tls/context.rs', 'std::time::SystemTime::now()', 'the clock'],
  ['the clock through elapsed', 'proto/mod.rs', 'start.elapsed()', 'the clock'],
  ['the clock in a test of tls', 'tls/tests.rs', 'Instant::now()', 'the clock'],
  ['a path broken over lines', 'proto/mod.rs', 'let now = Instant\n    ::now();', 'the clock'],
  ['a socket in proto', 'proto/mod.rs', 'use std::net::{IpAddr, UdpSocket};', 'sockets belong'],
  ['a thread in proto', 'proto/mod.rs', 'std::thread::sleep(d);', 'no threads'],
  ['a thread by nested use', 'tls/context.rs', 'use std::{io, thread::{self, JoinHandle}};', 'no threads'],
  ['tls that imports proto', 'tls/context.rs', 'use crate::proto::Endpoint;', 'src/tls imports'],
  [
    'tls that imports proto in a group',
    'tls/context.rs',
    'use crate::{\n  tls::Record,\n  proto::Endpoint,\n};',
    'src/tls imports',
  ],
  ['tls that names binding in code', 'tls/context.rs', 'fn f(_: crate::binding::DtlsServer) {}', 'src/tls imports'],
  ['tls that climbs by super', 'tls/mod.rs', 'use super::proto;', 'src/tls imports'],
  ['proto that imports binding', 'proto/endpoint.rs', 'use crate::{binding, tls};', 'src/proto imports'],
  ['proto that reaches for an engine', 'proto/endpoint.rs', 'use crate::tls::mbed::Ssl;', 'no engine past the face'],
  ['binding that skips proto', 'binding/mod.rs', 'use crate::tls::Context;', 'src/binding imports'],
  ['binding that reads records', 'binding/mod.rs', 'use crate::wire::Record;', 'src/binding imports'],
  ['wire that imports tls', 'wire/record.rs', 'use crate::tls::Error;', 'src/wire imports nothing'],
  ['wire that climbs by super', 'wire/record.rs', 'use super::super::proto;', 'src/wire imports nothing'],
  ['wire that climbs out of a group', 'wire/hello.rs', 'use super::{alert, super::tls};', 'src/wire imports nothing'],
  ['mbed that imports proto', 'tls/mbed/work.rs', 'use crate::proto::Endpoint;', 'src/tls imports'],
  ['a face that reaches into ffi', 'tls/context.rs', 'use super::mbed::ffi::ssl::Ssl;', 'reaches no further'],
  ['the clock in the newer engine', 'tls/dtls13/link.rs', 'let now = Instant::now();', 'the clock'],
  ['unsafe in the newer engine', 'tls/dtls13/link.rs', 'fn f() { unsafe { g() } }', 'unsafe belongs'],
  ['an engine that imports the other', 'tls/dtls13/link.rs', 'use crate::tls::mbed::Ssl;', 'no engine the other'],
  ['the other engine, too', 'tls/mbed/work.rs', 'use crate::tls::dtls13::Link;', 'no engine the other'],
  ['proto that reaches for the newer engine', 'proto/mod.rs', 'use crate::tls::dtls13::Link;', 'past the face'],
  ['primitives that import an engine', 'tls/ffi/hash.rs', 'use crate::tls::mbed::Ssl;', 'nothing of ours'],
  ['a face that reaches for primitives', 'tls/context.rs', 'use super::ffi::hash;', 'reaches no further'],
  ['ffi that imports the engine', 'tls/mbed/ffi/ssl.rs', 'use crate::tls::mbed::Credentials;', 'nothing from above'],
  ['ffi that imports the face', 'tls/mbed/ffi/ssl.rs', 'use crate::tls::Error;', 'nothing from above'],
  ['ffi that imports wire', 'tls/mbed/ffi/ssl.rs', 'use crate::wire::PublicKey;', 'nothing from above'],
  ['ffi that climbs by super', 'tls/mbed/ffi/ssl.rs', 'use super::super::Credentials;', 'nothing from above'],
  ['ffi that climbs in code', 'tls/mbed/ffi/mod.rs', 'fn f(_: super::Credentials) {}', 'nothing from above'],
  [
    'a module inside a file that climbs out of ffi',
    'tls/mbed/ffi/ssl.rs',
    'mod inner { use super::super::super::Role; }',
    'nothing from above',
  ],
  ['a file in no layer', 'time.rs', '', 'in no layer'],
];

for (const [name, file, text, why] of BAD) {
  test(`reports ${name}`, async () => {
    const violations = await check({ ...ALLOWED, [file]: text });
    assert.equal(violations.length, 1, violations.join('\n'));
    assert.match(violations[0], new RegExp(`^src/${file.replaceAll('.', '\\.')}:\\d+: .*${why}`));
  });
}

test('comments, strings and characters do not count', async () => {
  const text = [
    '// unsafe { napi }',
    '/* mbedtls /* nested: Instant::now() */ unsafe */',
    '//! [`binding`]: crate::binding',
    'const A: &str = "unsafe \\" napi \\\\";',
    'const B: &str = r#"mbedtls "unsafe" "#;',
    'const C: &[u8] = b"unsafe";',
    "const D: char = '\"'; const E: char = '\\''; // unsafe",
    "fn f<'a>(x: &'a str) -> &'a str { x } // unsafe 'a'",
    'const F: &str = "two',
    'lines of unsafe";',
  ].join('\n');
  assert.deepEqual(await check({ ...ALLOWED, 'proto/text.rs': text }), []);
});

test('code after comments, strings and characters counts, with its line', async () => {
  const text = 'const A: &str = "a\\\\"; /* b\n */ const B: char = \'"\'; unsafe {}\n';
  assert.deepEqual(await check({ ...ALLOWED, 'proto/text.rs': text }), [
    'src/proto/text.rs:2: unsafe belongs in src/tls/ffi and src/tls/mbed/ffi',
  ]);
});

test('reports files that import each other in a circle, however long it is', async () => {
  const circle = {
    'proto/routes.rs': 'use super::moves::Move;\n',
    'proto/moves/mod.rs': 'fn f(_: super::jobs::Job) {}\n',
    'proto/jobs.rs': 'use crate::proto::routes::{Route, Routes};\n',
    'proto/leaf.rs': 'use super::routes::Route;\n',
  };
  assert.deepEqual(await check({ ...ALLOWED, ...circle }), [
    'src/proto/jobs.rs, src/proto/moves/mod.rs, src/proto/routes.rs: these files import each other in a circle',
  ]);
});
