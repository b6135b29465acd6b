# Signatures: RSA-PSS in a server's key exchange. Whoever offers it for DTLS 1.3 has to take it in DTLS 1.2 as well (RFC 8446 section
# 4.2.3), and BoringSSL, Botan and wolfSSL prefer it there. A client of DTLS 1.2 alone does not offer it.

edit("RFC 8446 section 4.2.3: a server signs with RSA-PSS" library/ssl_cli.c
"    /*
     * Get hash algorithm
     */
    if ((*md_alg = mbedtls_ssl_md_alg_from_hash((*p)[0]))"
"    /* rsa_pss_rsae_sha256 (0x0804), rsa_pss_rsae_sha384 and rsa_pss_rsae_sha512: the second byte is the number of the hash. */
    if (ssl->conf->speaks_dtls13 && (*p)[0] == 8 &&
        (*p)[1] >= MBEDTLS_SSL_HASH_SHA256 && (*p)[1] <= MBEDTLS_SSL_HASH_SHA512) {
        *md_alg = mbedtls_ssl_md_alg_from_hash((*p)[1]);
        if (*md_alg == MBEDTLS_MD_NONE || mbedtls_ssl_check_sig_hash(ssl, *md_alg) != 0) {
            return MBEDTLS_ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE;
        }
        *pk_alg = MBEDTLS_PK_RSASSA_PSS;
        *p += 2;
        return 0;
    }

    /*
     * Get hash algorithm
     */
    if ((*md_alg = mbedtls_ssl_md_alg_from_hash((*p)[0]))")

edit("RFC 8446 section 4.2.3: a suite with RSA may have such a signature" library/ssl_cli.c
"            if (pk_alg !=
                mbedtls_ssl_get_ciphersuite_sig_pk_alg(ciphersuite_info)) {"
"            if ((pk_alg == MBEDTLS_PK_RSASSA_PSS ? MBEDTLS_PK_RSA : pk_alg) !=
                mbedtls_ssl_get_ciphersuite_sig_pk_alg(ciphersuite_info)) {")

edit("RFC 8446 section 4.2.3: verify such a signature" library/ssl_cli.c
"        if ((ret = mbedtls_pk_verify_restartable(peer_pk,
                                                 md_alg, hash, hashlen, p, sig_len, rs_ctx)) != 0) {"
"        if (pk_alg == MBEDTLS_PK_RSASSA_PSS) {
            /* MGF1 has the same hash, and the salt is as long as its output. */
            mbedtls_pk_rsassa_pss_options pss = { md_alg, (int) hashlen };
            ret = mbedtls_pk_verify_ext(MBEDTLS_PK_RSASSA_PSS, &pss, peer_pk,
                                        md_alg, hash, hashlen, p, sig_len);
            /* What it calls padding is what the signature is verified by. */
            if (ret == MBEDTLS_ERR_RSA_INVALID_PADDING) {
                ret = MBEDTLS_ERR_RSA_VERIFY_FAILED;
            }
        } else {
            ret = mbedtls_pk_verify_restartable(peer_pk,
                                                md_alg, hash, hashlen, p, sig_len, rs_ctx);
        }
        if (ret != 0) {")
