/* Sizes and offsets as the C compiler sees them, left in the object file as text for build.rs to read.
 * Nothing has to run, so this works when cross-compiling. */
#include <stddef.h>
#include <mbedtls/aes.h>
#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_internal.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#if !defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) || MBEDTLS_TLS_EXT_CID != 54
#error "Mbed TLS was not configured by mbedtls-overlay: is RUST_MBEDTLS_SYS_SOURCE set (.cargo/config.toml)?"
#endif

#if defined(MBEDTLS_PLATFORM_MEMORY)
#error "raw_public_key.rs allocates with calloc() what Mbed TLS frees"
#endif

#if !defined(MBEDTLS_THREADING_C)
#error "Threads share RSA keys (config.rs), which have a mutex with MBEDTLS_THREADING_C only"
#endif

#if defined(MBEDTLS_USE_PSA_CRYPTO)
#error "CVE-2026-50581, CVE-2026-50587 and CVE-2025-59438 are answered by an engine that computes without PSA"
#endif

#if defined(MBEDTLS_SHA256_ALT) || defined(MBEDTLS_SHA256_PROCESS_ALT) || \
    defined(MBEDTLS_SHA512_ALT) || defined(MBEDTLS_SHA512_PROCESS_ALT)
#error "CVE-2026-50581 is answered by hashes that cannot fail"
#endif

#if defined(MBEDTLS_RSA_NO_CRT)
#error "CVE-2025-54764 is answered by RSA keys that are taken as they are written, with their CRT parameters"
#endif

struct fact {
    char tag[8];
    char digits[5];
    char name[51];
};

#define DIGIT(n, unit) (char) ('0' + ((n) / (unit)) % 10)
#define FACT(name, n)                                                                          \
    const struct fact layout_##name = {                                                        \
        { 'L', 'A', 'Y', 'O', 'U', 'T', ':', ':' },                                            \
        { DIGIT(n, 10000), DIGIT(n, 1000), DIGIT(n, 100), DIGIT(n, 10), DIGIT(n, 1) }, #name };
#define SIZE(type) FACT(type, sizeof(mbedtls_##type))
#define FIELD(type, field) FACT(type##__##field, offsetof(mbedtls_##type, field))

#include "layout.h"
