# Connection IDs as RFC 9146 has them: Mbed TLS 2.28 implements an earlier draft, whose additional data differs.

edit("RFC 9146 section 5.3: additional data" library/ssl_msg.c
"    unsigned char *cur = add_data;
"
"    unsigned char *cur = add_data;
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    if (rec->cid_len != 0) {
        memset(cur, 0xff, 8); /* seq_num_placeholder */
        cur += 8;
        *cur++ = MBEDTLS_SSL_MSG_CID;
        *cur++ = rec->cid_len;
        *cur++ = MBEDTLS_SSL_MSG_CID;
        memcpy(cur, rec->ver, sizeof(rec->ver));
        cur += sizeof(rec->ver);
        memcpy(cur, rec->ctr, sizeof(rec->ctr)); /* epoch and sequence_number */
        cur += sizeof(rec->ctr);
        memcpy(cur, rec->cid, rec->cid_len);
        cur += rec->cid_len;
        MBEDTLS_PUT_UINT16_BE(rec->data_len, cur, 0);
        cur += 2;
        *add_data_len = cur - add_data;
        return;
    }
#endif
")

# 23 bytes and the ID: without these two edits a long ID overflows the stack.
edit("RFC 9146 section 5.3: room to send" library/ssl_msg.c
     "unsigned char add_data[13 + 1 + MBEDTLS_SSL_CID_OUT_LEN_MAX]"
     "unsigned char add_data[23 + MBEDTLS_SSL_CID_OUT_LEN_MAX]")
edit("RFC 9146 section 5.3: room to receive" library/ssl_msg.c
     "unsigned char add_data[13 + 1 + MBEDTLS_SSL_CID_IN_LEN_MAX]"
     "unsigned char add_data[23 + MBEDTLS_SSL_CID_IN_LEN_MAX]")

# The length of the IDs that a connection receives is its own. Mbed TLS has one for a whole configuration, although each
# connection says in its hello which ID it wants to receive.
edit("RFC 9146 section 4: whether records to this connection have an ID" library/ssl_msg.c
     "ssl->conf->cid_len != 0                                &&"
     "ssl->own_cid_len != 0 &&")
edit("RFC 9146 section 4: how long an ID is" library/ssl_msg.c
     "rec_hdr_cid_len = ssl->conf->cid_len;"
     "rec_hdr_cid_len = ssl->own_cid_len;")

# RFC 9853: messages that show that a peer receives at its address. src/tls/mbed/open.rs reads them; no handshake takes one.
edit("RFC 9853 section 3: a content type" library/ssl_msg.c
"    if (record_type != MBEDTLS_SSL_MSG_HANDSHAKE &&
        record_type != MBEDTLS_SSL_MSG_ALERT &&"
"    if (record_type != MBEDTLS_SSL_MSG_RETURN_ROUTABILITY_CHECK &&
        record_type != MBEDTLS_SSL_MSG_HANDSHAKE &&
        record_type != MBEDTLS_SSL_MSG_ALERT &&")
