# Corrections that upstream made after 2.28 reached its end of life; docs/security.md says which of them a test covers.

edit("CVE-2026-49300: trailing data in basicConstraints" library/x509_crt.c
"        return MBEDTLS_ERROR_ADD(MBEDTLS_ERR_X509_INVALID_EXTENSIONS, ret);
    }

    if (*p == end) {
        return 0;
    }

    if ((ret = mbedtls_asn1_get_bool(p, end, ca_istrue)) != 0) {
        if (ret == MBEDTLS_ERR_ASN1_UNEXPECTED_TAG) {
            ret = mbedtls_asn1_get_int(p, end, ca_istrue);
        }

        if (ret != 0) {
            return"
"        return MBEDTLS_ERROR_ADD(MBEDTLS_ERR_X509_INVALID_EXTENSIONS, ret);
    }

    if (*p + len != end) {
        return MBEDTLS_ERROR_ADD(MBEDTLS_ERR_X509_INVALID_EXTENSIONS,
                                 MBEDTLS_ERR_ASN1_LENGTH_MISMATCH);
    }

    if (*p == end) {
        return 0;
    }

    if ((ret = mbedtls_asn1_get_bool(p, end, ca_istrue)) != 0) {
        if (ret != 0) { /* an INTEGER is no cA flag */
            return")

edit("CVE-2026-50585: state that survives a reset" library/ssl_tls.c
"    ssl->in_hslen = 0;
    ssl->nb_zero = 0;

    ssl->keep_current_message = 0;
"
"    ssl->in_hslen = 0;
    ssl->nb_zero = 0;
#if defined(MBEDTLS_SSL_DTLS_BADMAC_LIMIT)
    ssl->badmac_seen = 0;
#endif
#if defined(MBEDTLS_SSL_DTLS_SRTP)
    memset(&ssl->dtls_srtp_info, 0, sizeof(ssl->dtls_srtp_info));
#endif

    ssl->keep_current_message = 0;
")

edit("CVE-2026-50586: uninitialised ticket length and lifetime" library/ssl_srv.c
     "    size_t tlen;\n    uint32_t lifetime;"
     "    size_t tlen = 0;\n    uint32_t lifetime = 0;")

# The size check left out leading zeros of the secret, which are written all the same.
edit("CVE-2026-35336: a shared secret beyond the end of a short buffer" library/ecdh.c
"    if (mbedtls_mpi_size(&ctx->z) > blen) {
        return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    }

    *olen = ctx->grp.pbits / 8 + ((ctx->grp.pbits % 8) != 0);
"
"    *olen = ctx->grp.pbits / 8 + ((ctx->grp.pbits % 8) != 0);
    if (*olen > blen) {
        return MBEDTLS_ERR_ECP_BUFFER_TOO_SMALL;
    }
")

# The counter of blocks has 32 bits. What would take it past its last value is refused before anything is written.
edit("CVE-2026-50584: a counter that wraps" library/chacha20.c
"    size_t offset = 0U;
    size_t i;

    CHACHA20_VALIDATE_RET(ctx != NULL);
    CHACHA20_VALIDATE_RET(size == 0 || input  != NULL);
    CHACHA20_VALIDATE_RET(size == 0 || output != NULL);
"
"    size_t offset = 0U;
    size_t i;

    CHACHA20_VALIDATE_RET(ctx != NULL);
    CHACHA20_VALIDATE_RET(size == 0 || input  != NULL);
    CHACHA20_VALIDATE_RET(size == 0 || output != NULL);

    size_t left = CHACHA20_BLOCK_SIZE_BYTES - ctx->keystream_bytes_used;
    if (size > left) {
        size_t blocks = (size - left) / CHACHA20_BLOCK_SIZE_BYTES + ((size - left) % CHACHA20_BLOCK_SIZE_BYTES != 0);
        if (blocks > 0xffffffff - ctx->state[CHACHA20_CTR_INDEX]) {
            return MBEDTLS_ERR_CHACHA20_BAD_INPUT_DATA;
        }
    }
")
