# Hooks for another library's SHA-2 (src/tls/mbed/ffi/sha2.rs), which uses the processor's instructions for it: where that has
# nothing to offer, Mbed TLS's own code does the work. And our own pseudorandom function (src/tls/mbed/ffi/prf.rs).

edit("SHA-256: declaration" library/sha256.c
"int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx,
                                    const unsigned char data[64])
{
"
"int mbedtls_foreign_sha256_process(uint32_t state[8], const unsigned char data[64]);

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx,
                                    const unsigned char data[64])
{
")

edit("SHA-256: one block" library/sha256.c
"    SHA256_VALIDATE_RET((const unsigned char *) data != NULL);

    for (i = 0; i < 8; i++) {
        local.A[i] = ctx->state[i];"
"    SHA256_VALIDATE_RET((const unsigned char *) data != NULL);

    if (mbedtls_foreign_sha256_process(ctx->state, data)) {
        return 0;
    }

    for (i = 0; i < 8; i++) {
        local.A[i] = ctx->state[i];")

edit("SHA-512: declaration" library/sha512.c
"int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx,
                                    const unsigned char data[128])
{
"
"int mbedtls_foreign_sha512_process(uint64_t state[8], const unsigned char data[128]);

int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx,
                                    const unsigned char data[128])
{
")

edit("SHA-512: one block" library/sha512.c
"    SHA512_VALIDATE_RET((const unsigned char *) data != NULL);

#define"
"    SHA512_VALIDATE_RET((const unsigned char *) data != NULL);

    if (mbedtls_foreign_sha512_process(ctx->state, data)) {
        return 0;
    }

#define")

edit("PRF: declaration" library/ssl_tls.c
"MBEDTLS_CHECK_RETURN_CRITICAL
static int tls_prf_sha256("
"void mbedtls_foreign_prf_sha256(const unsigned char *secret, size_t slen,
                                const char *label, size_t llen,
                                const unsigned char *random, size_t rlen,
                                unsigned char *dstbuf, size_t dlen);

MBEDTLS_CHECK_RETURN_CRITICAL
static int tls_prf_sha256(")

edit("PRF: SHA-256" library/ssl_tls.c
"    return tls_prf_generic(MBEDTLS_MD_SHA256, secret, slen,
                           label, random, rlen, dstbuf, dlen);"
"    mbedtls_foreign_prf_sha256(secret, slen, label, strlen(label), random, rlen, dstbuf, dlen);
    return 0;")

# RFC 5246 section 6.3: the key block is as long as the suite's keys; 256 bytes of it are four times the work.
edit("PRF: length of the key block" library/ssl_tls.c
"    ret = tls_prf(master, 48, \"key expansion\", randbytes, 64, keyblk, 256);"
"    size_t keyblk_len = 2 * (cipher_info->key_bitlen / 8 + cipher_info->iv_size);
    if (cipher_info->mode == MBEDTLS_MODE_CBC || cipher_info->mode == MBEDTLS_MODE_STREAM) {
        keyblk_len += 2 * mbedtls_md_get_size(md_info);
    }
    if (keyblk_len > sizeof(keyblk)) {
        ret = MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        goto end;
    }
    ret = tls_prf(master, 48, \"key expansion\", randbytes, 64, keyblk, keyblk_len);")

# Mbed TLS's server went on with both hashes to the end. Only a client's CertificateVerify may be over another than the
# suite's (RFC 5246 section 7.4.8).
edit("transcript: the suite's hash alone" library/ssl_srv.c
"have_ciphersuite:
    MBEDTLS_SSL_DEBUG_MSG(2, (\"selected ciphersuite: %s\", ciphersuite_info->name));

    ssl->session_negotiate->ciphersuite = ciphersuites[i];
    ssl->handshake->ciphersuite_info = ciphersuite_info;

    ssl->state++;
"
"have_ciphersuite:
    MBEDTLS_SSL_DEBUG_MSG(2, (\"selected ciphersuite: %s\", ciphersuite_info->name));

    ssl->session_negotiate->ciphersuite = ciphersuites[i];
    ssl->handshake->ciphersuite_info = ciphersuite_info;

    int authmode = ssl->conf->authmode;
#if defined(MBEDTLS_SSL_SERVER_NAME_INDICATION)
    if (ssl->handshake->sni_authmode != MBEDTLS_SSL_VERIFY_UNSET) {
        authmode = ssl->handshake->sni_authmode;
    }
#endif
    if (authmode == MBEDTLS_SSL_VERIFY_NONE || !mbedtls_ssl_ciphersuite_cert_req_allowed(ciphersuite_info)) {
        mbedtls_ssl_optimize_checksum(ssl, ciphersuite_info);
    }

    ssl->state++;
")

# Records come one by one, so that the step is taken before the peer's Finished is there as well. What that is compared with, an eighth
# of the hashing in a handshake with a pre-shared key, is computed when it has come, and before it is hashed itself.
edit("transcript: nothing is computed for a Finished that has not come" library/ssl_tls.c
"    ret = ssl->handshake->calc_finished(ssl, buf, ssl->conf->endpoint ^ 1);
    if (ret != 0) {
        MBEDTLS_SSL_DEBUG_RET(1, \"calc_finished\", ret);
        goto exit;
    }

    if ((ret = mbedtls_ssl_read_record(ssl, 1)) != 0) {
        MBEDTLS_SSL_DEBUG_RET(1, \"mbedtls_ssl_read_record\", ret);
        goto exit;
    }
"
"    if ((ret = mbedtls_ssl_read_record(ssl, 0)) != 0) {
        MBEDTLS_SSL_DEBUG_RET(1, \"mbedtls_ssl_read_record\", ret);
        goto exit;
    }

    if (ssl->in_msgtype == MBEDTLS_SSL_MSG_HANDSHAKE) {
        ret = ssl->handshake->calc_finished(ssl, buf, ssl->conf->endpoint ^ 1);
        if (ret != 0) {
            MBEDTLS_SSL_DEBUG_RET(1, \"calc_finished\", ret);
            goto exit;
        }
        mbedtls_ssl_update_handshake_status(ssl);
    }
")
