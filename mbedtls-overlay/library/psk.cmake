# Pre-shared keys: a server's hint (RFC 4279), and a client that learns its identity and key during the handshake.

edit("PSK: a place for the hint" include/mbedtls/ssl.h
"    size_t         psk_identity_len;/*!< The length of PSK identity."
"    const unsigned char *psk_hint;  /*!< A server's, or NULL; not owned. */
    size_t         psk_hint_len;    /*!< Bytes in it. */

    size_t         psk_identity_len;/*!< The length of PSK identity.")

edit("RFC 4279 section 2: a hint makes a ServerKeyExchange of its own" library/ssl_srv.c
"    if (mbedtls_ssl_ciphersuite_no_pfs(ciphersuite_info)) {
        /* For suites"
"    if (mbedtls_ssl_ciphersuite_no_pfs(ciphersuite_info) &&
        !(ciphersuite_info->key_exchange == MBEDTLS_KEY_EXCHANGE_PSK &&
          ssl->conf->psk_hint_len != 0)) {
        /* For suites")

# src/tls/mbed/negotiation.rs keeps it far shorter than the buffer.
edit("RFC 4279 section 2, RFC 5489 section 2: write the hint" library/ssl_srv.c
"    if (ciphersuite_info->key_exchange == MBEDTLS_KEY_EXCHANGE_DHE_PSK ||
        ciphersuite_info->key_exchange == MBEDTLS_KEY_EXCHANGE_ECDHE_PSK) {
        ssl->out_msg[ssl->out_msglen++] = 0x00;
        ssl->out_msg[ssl->out_msglen++] = 0x00;
    }"
"    if (ciphersuite_info->key_exchange == MBEDTLS_KEY_EXCHANGE_PSK ||
        ciphersuite_info->key_exchange == MBEDTLS_KEY_EXCHANGE_ECDHE_PSK) {
        size_t hint_len = ssl->conf->psk_hint_len;
        if (hint_len > MBEDTLS_PSK_HINT_MAX_LEN) {
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        }
        ssl->out_msg[ssl->out_msglen++] = MBEDTLS_BYTE_1(hint_len);
        ssl->out_msg[ssl->out_msglen++] = MBEDTLS_BYTE_0(hint_len);
        if (hint_len != 0) {
            memcpy(ssl->out_msg + ssl->out_msglen, ssl->conf->psk_hint, hint_len);
            ssl->out_msglen += hint_len;
        }
    }")

# A client with f_psk gets both in time: src/tls/mbed/ffi/psk.rs. Without, ssl_write_client_key_exchange() fails, as it would.
edit("PSK: offered by a client whose key is yet to come" library/ssl_cli.c
"    if (mbedtls_ssl_ciphersuite_uses_psk(suite_info) &&
        ssl_conf_has_static_psk(ssl->conf) == 0) {"
"    if (mbedtls_ssl_ciphersuite_uses_psk(suite_info) &&
        ssl->conf->f_psk == NULL &&
        ssl_conf_has_static_psk(ssl->conf) == 0) {")

# RFC 4279 section 5.1 has identities of 0 to 2^16 - 1 bytes.
edit("RFC 4279: an identity may be empty, on a server" library/ssl_srv.c
"    if (n == 0 || n > end - *p) {"
"    if (n > end - *p) {")

edit("RFC 4279: an identity may be empty, on a client" library/ssl_cli.c
"static int ssl_conf_has_static_psk(mbedtls_ssl_config const *conf)
{
    if (conf->psk_identity     == NULL ||
        conf->psk_identity_len == 0) {"
"static int ssl_conf_has_static_psk(mbedtls_ssl_config const *conf)
{
    if (conf->psk_identity == NULL) {")

edit("RFC 4279: memory for an identity without bytes" library/ssl_tls.c
"    conf->psk_identity = mbedtls_calloc(1, psk_identity_len);"
"    conf->psk_identity = mbedtls_calloc(1, psk_identity_len + 1);")
