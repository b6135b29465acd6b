# Random bytes. Each call for them asks the operating system, which takes as long as a tenth of the handshake's computation.

edit("random: one call for the bytes of a ServerHello" library/ssl_srv.c
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

edit("random: a session id of those bytes" library/ssl_srv.c
"            if ((ret = ssl->conf->f_rng(ssl->conf->p_rng, ssl->session_negotiate->id,
                                        n)) != 0) {
                return ret;
            }"
"            memcpy(ssl->session_negotiate->id, random + 28, n);")
