/* OpenSSL set-up shared by the client side and the reference server: one
 * DTLS 1.2 context for PSK or certificate, and a datagram BIO without the
 * per-call getsockopt/setsockopt of BIO_s_datagram. */
#ifndef DTLSLOAD_TLS_H
#define DTLSLOAD_TLS_H

#include <openssl/ssl.h>
#include "common.h"

struct tls_opts {
  bool psk;                     /* PSK, else certificate */
  bool raw_public_key;          /* in place of certificates (RFC 7250): storm alone */
  const char *cipher;           /* OpenSSL name */
  const char *identity;         /* PSK identity */
  unsigned char key[64];        /* PSK */
  size_t key_len;
  const char *cert_file, *key_file; /* PEM; NULL: none (server makes its own) */
  bool resume;                  /* tickets (RFC 5077), which are off otherwise */
  bool mutual;                  /* server: ask for the client's certificate, and take any */
};

#define TLS_ARGS "mode", "cipher", "identity", "psk", "cert", "key", "mutual", "resume"
struct tls_opts tls_opts_from(const struct args *a);
SSL_CTX *tls_client_ctx(const struct tls_opts *o);
SSL_CTX *tls_server_ctx(const struct tls_opts *o, bool cookies);

/* The owner of a BIO moves datagrams through these two. They return the
 * byte count, 0 for "not now", or -1 for a hard error. */
struct dgram_io {
  int (*send)(void *owner, const void *data, int len);
  int (*recv)(void *owner, void *data, int len);
};
BIO *dgram_bio(const struct dgram_io *io, void *owner);

#endif
