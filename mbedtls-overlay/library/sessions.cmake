# Resumption (RFC 5246, RFC 5077): src/tls/mbed/resumption.rs decides, and the engine's callbacks for it are not used.

# Without this, no server that binds its cookie to the session id accepts the second ClientHello.
edit("RFC 6347 section 4.2.1: the second ClientHello has the session id of the first" library/ssl_cli.c
"        if (ssl->session_negotiate->ticket != NULL &&
            ssl->session_negotiate->ticket_len != 0) {"
"        if (ssl->session_negotiate->ticket != NULL &&
            ssl->session_negotiate->ticket_len != 0 &&
            ssl->handshake->verify_cookie == NULL) {")

# Each call asks the operating system, which takes as long as a tenth of the handshake's computation.
edit("one call for the random bytes of a ServerHello" library/ssl_srv.c
"    if ((ret = ssl->conf->f_rng(ssl->conf->p_rng, p, 28)) != 0) {
        return ret;
    }

    p += 28;

    memcpy(ssl->handshake->randbytes + 32, buf + 6, 32);"
"    unsigned char random[28 + sizeof(ssl->session_negotiate->id)];
    if ((ret = ssl->conf->f_rng(ssl->conf->p_rng, random, sizeof(random))) != 0) {
        return ret;
    }

    memcpy(p, random, 28);
    p += 28;

    memcpy(ssl->handshake->randbytes + 32, buf + 6, 32);")
edit("a session id of those bytes" library/ssl_srv.c
"            if ((ret = ssl->conf->f_rng(ssl->conf->p_rng, ssl->session_negotiate->id,
                                        n)) != 0) {
                return ret;
            }"
"            memcpy(ssl->session_negotiate->id, random + 28, n);")
