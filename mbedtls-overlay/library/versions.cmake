# Versions: what a side that speaks DTLS 1.3, too, does where it goes on with DTLS 1.2.
#
# A server says that it speaks both (RFC 8446 section 4.1.3). An attacker who made it believe that its client speaks nothing newer is
# seen by that. A client has offered RSASSA-PSS, which DTLS 1.3 wants of RSA keys, and so it takes a server's signature of that kind
# (RFC 8446 section 4.2.3).

edit("versions: whether DTLS 1.3 is spoken, too" include/mbedtls/ssl.h
"    size_t         psk_identity_len;/*!< The length of PSK identity."
"    unsigned char  speaks_dtls13; /*!< This side speaks DTLS 1.3, too. */

    size_t         psk_identity_len;/*!< The length of PSK identity.")

edit("versions: the end of the server's random" library/ssl_srv.c
"    p += 28;

    memcpy(ssl->handshake->randbytes + 32, buf + 6, 32);"
"    p += 28;

    if (ssl->conf->speaks_dtls13) {
        static const unsigned char downgrade[8] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', 1 };
        memcpy(p - sizeof(downgrade), downgrade, sizeof(downgrade));
    }

    memcpy(ssl->handshake->randbytes + 32, buf + 6, 32);")

edit("versions: a server's signature with RSASSA-PSS is read" library/ssl_cli.c
"    /*
     * Get hash algorithm
     */
    if ((*md_alg = mbedtls_ssl_md_alg_from_hash((*p)[0]))"
"    /* The schemes are 0x0804, 0x0805 and 0x0806: the second byte is the number of the hash. */
    if (ssl->conf->speaks_dtls13 && (*p)[0] == 8 &&
        (*p)[1] >= MBEDTLS_SSL_HASH_SHA256 && (*p)[1] <= MBEDTLS_SSL_HASH_SHA512) {
        *md_alg = mbedtls_ssl_md_alg_from_hash((*p)[1]);
        *pk_alg = MBEDTLS_PK_RSASSA_PSS;
        if (mbedtls_ssl_check_sig_hash(ssl, *md_alg) != 0) {
            return MBEDTLS_ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE;
        }
        *p += 2;
        return 0;
    }

    /*
     * Get hash algorithm
     */
    if ((*md_alg = mbedtls_ssl_md_alg_from_hash((*p)[0]))")

edit("versions: RSASSA-PSS is for suites that authenticate with RSA" library/ssl_cli.c
"            if (pk_alg !=
                mbedtls_ssl_get_ciphersuite_sig_pk_alg(ciphersuite_info)) {"
"            if ((pk_alg == MBEDTLS_PK_RSASSA_PSS ? MBEDTLS_PK_RSA : pk_alg) !=
                mbedtls_ssl_get_ciphersuite_sig_pk_alg(ciphersuite_info)) {")

edit("versions: a server's signature with RSASSA-PSS is verified" library/ssl_cli.c
"        if ((ret = mbedtls_pk_verify_restartable(peer_pk,
                                                 md_alg, hash, hashlen, p, sig_len, rs_ctx)) != 0) {"
"        if (pk_alg == MBEDTLS_PK_RSASSA_PSS) {
            /* MGF1 is of the same hash, and the salt is as long as that. */
            const mbedtls_pk_rsassa_pss_options options = { md_alg, (int) hashlen };

            ret = mbedtls_pk_verify_ext(MBEDTLS_PK_RSASSA_PSS, &options, peer_pk, md_alg, hash, hashlen, p, sig_len);
        } else {
            ret = mbedtls_pk_verify_restartable(peer_pk, md_alg, hash, hashlen, p, sig_len, rs_ctx);
        }
        if (ret != 0) {")
