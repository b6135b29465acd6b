/* Our configuration of Mbed TLS, on top of the one that mbedtls-sys-auto generates.
 * Read from check_config.h, at the end of config.h: the library, bindgen and every dependent crate see the same. */

/* --- Connection ID, RFC 9146 --- */
#define MBEDTLS_SSL_DTLS_CONNECTION_ID
#undef MBEDTLS_TLS_EXT_CID
#define MBEDTLS_TLS_EXT_CID 54
/* RFC 9146 section 5: padding is optional, and costs a constrained peer energy. */
#undef MBEDTLS_SSL_CID_PADDING_GRANULARITY
#define MBEDTLS_SSL_CID_PADDING_GRANULARITY 1
/* RFC 9853 section 3: return_routability_check. */
#define MBEDTLS_SSL_MSG_RETURN_ROUTABILITY_CHECK 27

/* --- Limits --- */
/* Bytes in a pre-shared key; the default of 32 refuses what LwM2M servers hand out. */
#undef MBEDTLS_PSK_MAX_LEN
#define MBEDTLS_PSK_MAX_LEN 64
/* Bytes in a server's hint: what RFC 4279 section 5.3 has clients take; library/psk.cmake. */
#define MBEDTLS_PSK_HINT_MAX_LEN 128

/* --- Verification --- */
/* CVE-2025-27809: with this, a client that forgot the name verifies nothing. */
#undef MBEDTLS_SSL_CLI_ALLOW_WEAK_CERTIFICATE_VERIFICATION_WITHOUT_HOSTNAME
#undef MBEDTLS_TLS_DEFAULT_ALLOW_SHA1_IN_KEY_EXCHANGE

/* --- Elliptic curves: src/tls/mbed/ffi/elliptic.rs implements these four --- */
#define MBEDTLS_ECDH_GEN_PUBLIC_ALT
#define MBEDTLS_ECDH_COMPUTE_SHARED_ALT
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDSA_VERIFY_ALT

/* --- Key exchanges without forward secrecy of their own, or with finite-field groups --- */
#undef MBEDTLS_KEY_EXCHANGE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED

/* --- Weak or unused --- */
#undef MBEDTLS_SSL_FALLBACK_SCSV
#undef MBEDTLS_SSL_TRUNCATED_HMAC
/* A ClientHello from the address of a live connection is the Endpoint's business (RFC 6347 section 4.2.8). */
#undef MBEDTLS_SSL_DTLS_CLIENT_PORT_REUSE
/* Not ARC4, ARIA, Camellia, ECJPAKE, MD2, MD4, RIPEMD160, XTEA: the mbedtls crate binds their self-tests.
 * No suite that we offer uses them, and the linker drops them. */
#undef MBEDTLS_BLOWFISH_C
#undef MBEDTLS_HAVEGE_C
#undef MBEDTLS_CERTS_C
#undef MBEDTLS_NET_C
#undef MBEDTLS_SSL_CACHE_C
#undef MBEDTLS_SSL_COOKIE_C
#undef MBEDTLS_ECP_DP_SECP192R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
/* The engine's debug messages print keys. src/proto has a trace of its own. */
#undef MBEDTLS_DEBUG_C
