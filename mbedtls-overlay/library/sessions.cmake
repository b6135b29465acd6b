# Resumption (RFC 5246, RFC 5077): src/tls/mbed/resumption.rs decides, and the engine's callbacks for it are not used.

# Without this, no server that binds its cookie to the session id accepts the second ClientHello.
edit("RFC 6347 section 4.2.1: the second ClientHello has the session id of the first" library/ssl_cli.c
"        if (ssl->session_negotiate->ticket != NULL &&
            ssl->session_negotiate->ticket_len != 0) {"
"        if (ssl->session_negotiate->ticket != NULL &&
            ssl->session_negotiate->ticket_len != 0 &&
            ssl->handshake->verify_cookie == NULL) {")
