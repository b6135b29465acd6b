# Versions: a server that speaks DTLS 1.3, too, says so where it goes on with DTLS 1.2 (RFC 8446 section 4.1.3). An attacker who
# made it believe that its client speaks nothing newer is seen by that.

edit("versions: whether DTLS 1.3 is spoken, too" include/mbedtls/ssl.h
"    size_t         psk_identity_len;/*!< The length of PSK identity."
"    unsigned char  speaks_dtls13; /*!< DTLS 1.3 is spoken or offered, too. */

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
