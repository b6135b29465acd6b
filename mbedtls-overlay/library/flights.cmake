# Flights in datagrams that are too short: where not even an empty one has room for a byte of a message, Mbed TLS would flush nothing,
# and try again for ever. The options have datagrams of 256 bytes at least, which is enough with any suite and any connection ID.

edit("a ChangeCipherSpec that no datagram has room for" library/ssl_msg.c
"            if (max_frag_len == 0) {
"
"            if (max_frag_len == 0) {
                if (ssl->out_left == 0) {
                    return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
                }
")

edit("a handshake message that no datagram has room for a part of" library/ssl_msg.c
"            if ((max_frag_len < 12) || (max_frag_len == 12 && hs_len != 0)) {
"
"            if ((max_frag_len < 12) || (max_frag_len == 12 && hs_len != 0)) {
                if (ssl->out_left == 0) {
                    return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
                }
")
