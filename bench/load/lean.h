/* A DTLS 1.2 client (RFC 6347, RFC 5246) of full handshakes that costs a
 * fraction of what it makes a server do: its ephemeral private key is 1, so
 * that the shared secret is the server's public point, it verifies no
 * certificate, and it makes its signatures' secrets beforehand. What it sends
 * is well-formed, and whoever does not know the keys cannot finish with it.
 * For load alone: it protects nothing. */
#ifndef DTLSLOAD_LEAN_H
#define DTLSLOAD_LEAN_H

#include "tls.h"

#include <openssl/sha.h>

struct lean;

/* Once a process. */
void lean_setup(const struct tls_opts *o);
/* Makes what `n` signatures need; none without a key of ours. */
void lean_prepare(long n);

enum lean_state { LEAN_GOING, LEAN_UP, LEAN_FAILED };

/* `out` has room for MAX_DATAGRAM bytes; each returns how many to send. */
struct lean *lean_new(void);
int lean_begin(struct lean *l, unsigned char *out);
int lean_input(struct lean *l, unsigned char *in, int len, unsigned char *out);
int lean_close(struct lean *l, unsigned char *out);
enum lean_state lean_state(const struct lean *l);

#endif
