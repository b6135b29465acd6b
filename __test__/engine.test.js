'use strict';

// What of the engine is in the addon at all. docs/security.md answers some advisories of Mbed TLS by this.

const assert = require('node:assert/strict');
const { test } = require('node:test');

require('..');

/** Functions that nothing here calls, so that the linker leaves them out, and what is wrong with them. */
const ABSENT = {
  mbedtls_x509_string_to_names: 'CVE-2025-47917',
  mbedtls_asn1_store_named_data: 'CVE-2025-48965',
  mbedtls_x509write_crt_der: 'CVE-2025-47917, CVE-2025-48965',
  mbedtls_rsa_gen_key: 'CVE-2025-54764',
  mbedtls_mpi_gen_prime: 'the side channel in the generation of primes that 3.6.7 closes',
  psa_cipher_decrypt: 'CVE-2025-59438',
  psa_asymmetric_decrypt: 'CVE-2026-50587',
  psa_generate_random: 'CVE-2026-25835',
  mbedtls_ctr_drbg_random: 'CVE-2026-25835',
  mbedtls_entropy_func: 'CVE-2026-34871',
  mbedtls_ssl_session_load: 'CVE-2026-34877',
  mbedtls_ssl_context_load: 'CVE-2026-34877',
};

const skip = process.platform !== 'linux' && 'the table of symbols is read from ELF files';

test('functions with advisories that are answered by not using them are not in the addon', { skip }, async (t) => {
  const { readElf } = await import('../scripts/elf.mjs');
  const { allSymbols, stripped } = readElf(Object.keys(require.cache).find((file) => file.endsWith('.node')));
  if (stripped) return t.skip('a release has no table of symbols');
  const symbols = new Set(allSymbols);
  assert(symbols.has('mbedtls_ssl_handshake_step'), 'the engine is there');
  assert.deepEqual(
    Object.keys(ABSENT).filter((name) => symbols.has(name)),
    [],
  );
});
