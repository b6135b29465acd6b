/* The same as lean.h in DTLS 1.3 (RFC 9147): a client with a pre-shared key
 * and X25519. Its public value is the base point, so that the shared secret is
 * the server's public value. It opens nothing that the server has sealed:
 * whoever has no key cannot have its Finished accepted. */
#ifndef DTLSLOAD_LEAN13_H
#define DTLSLOAD_LEAN13_H

#include "lean.h"

#define LEAN13_CIPHER "TLS_AES_128_GCM_SHA256"

struct lean13;

void lean13_setup(const struct tls_opts *o);
struct lean13 *lean13_new(void);
int lean13_begin(struct lean13 *l, unsigned char *out);
int lean13_input(struct lean13 *l, const unsigned char *in, int len, unsigned char *out);
int lean13_close(struct lean13 *l, unsigned char *out);
enum lean_state lean13_state(const struct lean13 *l);

#endif
