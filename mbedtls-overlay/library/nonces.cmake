# Nonces of a connection that goes on from a saved copy. With AES-GCM and AES-CCM their explicit half is the sender's own affair
# (RFC 5288 section 3, RFC 6655 section 3), and need not be the number of the record: each life of a connection adds a number
# of its own. The authenticated data keeps the record's number.

edit("nonces: where a life begins" include/mbedtls/ssl_internal.h
"    unsigned char iv_enc[16];           /*!<  IV (encryption)         */
"
"    uint64_t nonce_offset;              /*!<  added to a record's number, modulo 2^64 */
    unsigned char iv_enc[16];           /*!<  IV (encryption)         */
")

edit("nonces: each from its own life" library/ssl_msg.c
"        dynamic_iv     = rec->ctr;
        dynamic_iv_len = sizeof(rec->ctr);
"
"        unsigned char own_iv[sizeof(rec->ctr)];
        dynamic_iv     = rec->ctr;
        dynamic_iv_len = sizeof(rec->ctr);
        if (dynamic_iv_is_explicit != 0) {
            MBEDTLS_PUT_UINT64_BE(MBEDTLS_GET_UINT64_BE(rec->ctr, 0) + transform->nonce_offset, own_iv, 0);
            dynamic_iv = own_iv;
        }
")
