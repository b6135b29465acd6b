# Hooks for another library's AEAD ciphers (src/tls/mbed/ffi/aead.rs): a pointer for each direction of a connection's keys.
# Where that library has nothing to offer it stays null, and Mbed TLS's own code does the work.

edit("AEAD: a place beside the keys" include/mbedtls/ssl_internal.h
"    mbedtls_cipher_context_t cipher_ctx_dec;    /*!<  decryption context      */
"
"    mbedtls_cipher_context_t cipher_ctx_dec;    /*!<  decryption context      */
    void *foreign_enc;                          /*!<  the other library's, or NULL */
    void *foreign_dec;                          /*!<  the other library's, or NULL */
")

edit("AEAD: declarations" include/mbedtls/ssl_internal.h
"struct mbedtls_ssl_transform {
"
"void *mbedtls_foreign_aead_new(mbedtls_cipher_type_t type, const unsigned char *key, size_t key_len);
void mbedtls_foreign_aead_free(void *aead);
int mbedtls_foreign_aead_seal(void *aead, const unsigned char *iv, size_t iv_len,
                              const unsigned char *ad, size_t ad_len,
                              unsigned char *data, size_t data_len, size_t tag_len);
int mbedtls_foreign_aead_open(void *aead, const unsigned char *iv, size_t iv_len,
                              const unsigned char *ad, size_t ad_len,
                              unsigned char *data, size_t data_len, size_t tag_len);

struct mbedtls_ssl_transform {
")

# Of a cipher that is the other library's, Mbed TLS only asks its mode: it gets no keys, and nothing to keep them in.
edit("AEAD: new keys to send with" library/ssl_tls.c
"    if (do_mbedtls_cipher_setup &&
        (ret = mbedtls_cipher_setup(&transform->cipher_ctx_enc,"
"    transform->foreign_enc =
        mbedtls_foreign_aead_new(cipher_info->type, key1, cipher_info->key_bitlen / 8);
    if (transform->foreign_enc != NULL) {
        transform->cipher_ctx_enc.cipher_info = cipher_info;
    } else if (do_mbedtls_cipher_setup &&
        (ret = mbedtls_cipher_setup(&transform->cipher_ctx_enc,")

edit("AEAD: new keys to receive with" library/ssl_tls.c
"    if (do_mbedtls_cipher_setup &&
        (ret = mbedtls_cipher_setup(&transform->cipher_ctx_dec,"
"    transform->foreign_dec =
        mbedtls_foreign_aead_new(cipher_info->type, key2, cipher_info->key_bitlen / 8);
    if (transform->foreign_dec != NULL) {
        transform->cipher_ctx_dec.cipher_info = cipher_info;
    } else if (do_mbedtls_cipher_setup &&
        (ret = mbedtls_cipher_setup(&transform->cipher_ctx_dec,")

edit("AEAD: no keys for Mbed TLS to send with" library/ssl_tls.c
"    if ((ret = mbedtls_cipher_setkey(&transform->cipher_ctx_enc, key1,"
"    if (transform->foreign_enc == NULL &&
        (ret = mbedtls_cipher_setkey(&transform->cipher_ctx_enc, key1,")

edit("AEAD: no keys for Mbed TLS to receive with" library/ssl_tls.c
"    if ((ret = mbedtls_cipher_setkey(&transform->cipher_ctx_dec, key2,"
"    if (transform->foreign_dec == NULL &&
        (ret = mbedtls_cipher_setkey(&transform->cipher_ctx_dec, key2,")

edit("AEAD: free" library/ssl_msg.c
"    mbedtls_cipher_free(&transform->cipher_ctx_dec);
"
"    mbedtls_cipher_free(&transform->cipher_ctx_dec);
    mbedtls_foreign_aead_free(transform->foreign_enc);
    mbedtls_foreign_aead_free(transform->foreign_dec);
")

edit("AEAD: seal" library/ssl_msg.c
"        if ((ret = mbedtls_cipher_auth_encrypt_ext(&transform->cipher_ctx_enc,"
"        if (transform->foreign_enc != NULL) {
            if (rec->buf_len - (data - rec->buf) < rec->data_len + transform->taglen) {
                return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
            }
            if ((ret = mbedtls_foreign_aead_seal(transform->foreign_enc, iv, transform->ivlen,
                                                 add_data, add_data_len,
                                                 data, rec->data_len, transform->taglen)) != 0) {
                return ret;
            }
            rec->data_len += transform->taglen;
        } else if ((ret = mbedtls_cipher_auth_encrypt_ext(&transform->cipher_ctx_enc,")

edit("AEAD: open" library/ssl_msg.c
"        if ((ret = mbedtls_cipher_auth_decrypt_ext(&transform->cipher_ctx_dec,"
"        if (transform->foreign_dec != NULL) {
            if (mbedtls_foreign_aead_open(transform->foreign_dec, iv, transform->ivlen,
                                          add_data, add_data_len,
                                          data, rec->data_len, transform->taglen) != 0) {
                return MBEDTLS_ERR_SSL_INVALID_MAC;
            }
            olen = rec->data_len;
        } else if ((ret = mbedtls_cipher_auth_decrypt_ext(&transform->cipher_ctx_dec,")
