# Cipher suites: whose order counts. The engine decides that when it is compiled; here it is a server's option.

edit("cipher suites: a place for whose order counts" include/mbedtls/ssl.h
"    size_t         psk_identity_len;/*!< The length of PSK identity."
"    unsigned char  client_preference; /*!< A client's order of suites counts. */

    size_t         psk_identity_len;/*!< The length of PSK identity.")

edit("cipher suites: the order that counts" library/ssl_srv.c
"#if defined(MBEDTLS_SSL_SRV_RESPECT_CLIENT_PREFERENCE)
    for (j = 0, p = buf + ciph_offset + 2; j < ciph_len; j += 2, p += 2) {
        for (i = 0; ciphersuites[i] != 0; i++) {
            if (MBEDTLS_GET_UINT16_BE(p, 0) != ciphersuites[i]) {
                continue;
            }

            got_common_suite = 1;

            if ((ret = ssl_ciphersuite_match(ssl, ciphersuites[i],
                                             &ciphersuite_info)) != 0) {
                return ret;
            }

            if (ciphersuite_info != NULL) {
                goto have_ciphersuite;
            }
        }
    }
#else
    for (i = 0; ciphersuites[i] != 0; i++) {
        for (j = 0, p = buf + ciph_offset + 2; j < ciph_len; j += 2, p += 2) {
            if (MBEDTLS_GET_UINT16_BE(p, 0) != ciphersuites[i]) {
                continue;
            }

            got_common_suite = 1;

            if ((ret = ssl_ciphersuite_match(ssl, ciphersuites[i],
                                             &ciphersuite_info)) != 0) {
                return ret;
            }

            if (ciphersuite_info != NULL) {
                goto have_ciphersuite;
            }
        }
    }
#endif"
"    if (ssl->conf->client_preference) {
    for (j = 0, p = buf + ciph_offset + 2; j < ciph_len; j += 2, p += 2) {
        for (i = 0; ciphersuites[i] != 0; i++) {
            if (MBEDTLS_GET_UINT16_BE(p, 0) != ciphersuites[i]) {
                continue;
            }

            got_common_suite = 1;

            if ((ret = ssl_ciphersuite_match(ssl, ciphersuites[i],
                                             &ciphersuite_info)) != 0) {
                return ret;
            }

            if (ciphersuite_info != NULL) {
                goto have_ciphersuite;
            }
        }
    }
    } else {
    for (i = 0; ciphersuites[i] != 0; i++) {
        for (j = 0, p = buf + ciph_offset + 2; j < ciph_len; j += 2, p += 2) {
            if (MBEDTLS_GET_UINT16_BE(p, 0) != ciphersuites[i]) {
                continue;
            }

            got_common_suite = 1;

            if ((ret = ssl_ciphersuite_match(ssl, ciphersuites[i],
                                             &ciphersuite_info)) != 0) {
                return ret;
            }

            if (ciphersuite_info != NULL) {
                goto have_ciphersuite;
            }
        }
    }
    }")
