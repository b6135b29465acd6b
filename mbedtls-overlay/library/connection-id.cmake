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
