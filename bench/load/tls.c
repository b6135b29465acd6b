#include "tls.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static struct tls_opts the; /* one configuration per process */

struct tls_opts tls_opts_from(const struct args *a) {
  struct tls_opts o = {0};
  const char *mode = arg_str(a, "mode", "psk");
  if (strcmp(mode, "psk") != 0 && strcmp(mode, "cert") != 0 && strcmp(mode, "rpk") != 0 && strcmp(mode, "udp") != 0)
    die("--mode is psk, cert, rpk or udp");
  o.psk = strcmp(mode, "psk") == 0;
  o.raw_public_key = strcmp(mode, "rpk") == 0;
  o.cipher = arg_str(a, "cipher", o.psk ? "PSK-AES128-CCM8" : "ECDHE-ECDSA-AES128-GCM-SHA256");
  o.identity = arg_str(a, "identity", "bench");
  const char *psk = arg_str(a, "psk", "0123456789abcdef"); /* taken as text */
  o.key_len = strlen(psk);
  if (o.key_len > sizeof o.key) die("--psk too long");
  memcpy(o.key, psk, o.key_len);
  o.cert_file = arg_str(a, "cert", NULL);
  o.key_file = arg_str(a, "key", o.cert_file);
  o.mutual = arg_flag(a, "mutual");
  o.resume = arg_flag(a, "resume");
  return o;
}

static unsigned psk_client(SSL *s, const char *hint, char *id, unsigned id_max,
                           unsigned char *key, unsigned key_max) {
  (void)s; (void)hint;
  if (strlen(the.identity) >= id_max || the.key_len > key_max) return 0;
  strcpy(id, the.identity);
  memcpy(key, the.key, the.key_len);
  return (unsigned)the.key_len;
}

static unsigned psk_server(SSL *s, const char *id, unsigned char *key, unsigned key_max) {
  (void)s;
  if (!id || strcmp(id, the.identity) != 0 || the.key_len > key_max) return 0;
  memcpy(key, the.key, the.key_len);
  return (unsigned)the.key_len;
}

/* HelloVerifyRequest cookie: HMAC of the peer's address, which the server
 * hangs on the SSL as app data (struct: first 8 bytes are the address). */
static unsigned char cookie_secret[32];
static int cookie_make(SSL *s, unsigned char *out, unsigned *len) {
  unsigned n = 0;
  if (!HMAC(EVP_sha256(), cookie_secret, sizeof cookie_secret, SSL_get_app_data(s), 8, out, &n)) return 0;
  *len = 20;
  return 1;
}
static int cookie_check(SSL *s, const unsigned char *in, unsigned len) {
  unsigned char want[EVP_MAX_MD_SIZE];
  unsigned n;
  return cookie_make(s, want, &n) && n == len && memcmp(want, in, n) == 0;
}

static SSL_CTX *ctx_common(const struct tls_opts *o, const SSL_METHOD *m) {
  if (o->raw_public_key) die("--mode rpk is for storm alone");
  the = *o;
  SSL_CTX *c = SSL_CTX_new(m);
  char ciphers[256];
  snprintf(ciphers, sizeof ciphers, "%s:@SECLEVEL=0", o->cipher);
  if (!c || !SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) ||
      !SSL_CTX_set_cipher_list(c, ciphers) || !SSL_CTX_set1_groups_list(c, "P-256") ||
      !SSL_CTX_set1_sigalgs_list(c, "ECDSA+SHA256:RSA+SHA256"))
    die("OpenSSL refuses cipher %s", o->cipher);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | (o->resume ? 0 : SSL_OP_NO_TICKET));
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
  if (o->cert_file && (SSL_CTX_use_certificate_chain_file(c, o->cert_file) != 1 ||
                       SSL_CTX_use_PrivateKey_file(c, o->key_file, SSL_FILETYPE_PEM) != 1))
    die("cannot load certificate %s / key %s", o->cert_file, o->key_file);
  return c;
}

SSL_CTX *tls_client_ctx(const struct tls_opts *o) {
  SSL_CTX *c = ctx_common(o, DTLS_client_method());
  if (o->psk) SSL_CTX_set_psk_client_callback(c, psk_client);
  return c;
}

static void self_signed(SSL_CTX *c) {
  EVP_PKEY *k = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -86400);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400 * 365);
  X509_NAME *n = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(x, n);
  X509_set_pubkey(x, k);
  if (!X509_sign(x, k, EVP_sha256()) || SSL_CTX_use_certificate(c, x) != 1 || SSL_CTX_use_PrivateKey(c, k) != 1)
    die("cannot make a self-signed certificate");
  X509_free(x);
  EVP_PKEY_free(k);
}

/* What a chain would cost beyond the signature of the handshake is not measured. */
static int accept_any(int ok, X509_STORE_CTX *store) {
  (void)ok; (void)store;
  return 1;
}

SSL_CTX *tls_server_ctx(const struct tls_opts *o, bool cookies) {
  SSL_CTX *c = ctx_common(o, DTLS_server_method());
  if (o->psk) SSL_CTX_set_psk_server_callback(c, psk_server);
  else if (!o->cert_file) self_signed(c);
  if (o->mutual) SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
  if (cookies) {
    RAND_bytes(cookie_secret, sizeof cookie_secret);
    SSL_CTX_set_options(c, SSL_OP_COOKIE_EXCHANGE);
    SSL_CTX_set_cookie_generate_cb(c, cookie_make);
    SSL_CTX_set_cookie_verify_cb(c, cookie_check);
  }
  return c;
}

struct bio_state { const struct dgram_io *io; void *owner; };

static int bio_write(BIO *b, const char *data, int len) {
  struct bio_state *st = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  int n = st->io->send(st->owner, data, len);
  if (n == 0) { BIO_set_retry_write(b); return -1; }
  return n;
}

static int bio_read(BIO *b, char *data, int len) {
  struct bio_state *st = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  int n = st->io->recv(st->owner, data, len);
  if (n == 0) { BIO_set_retry_read(b); return -1; }
  return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr) {
  (void)b; (void)num; (void)ptr;
  switch (cmd) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return 1472;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return 28;
    default: return 0;
  }
}

static int bio_destroy(BIO *b) { free(BIO_get_data(b)); return 1; }

BIO *dgram_bio(const struct dgram_io *io, void *owner) {
  static BIO_METHOD *m;
  if (!m) {
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dtlsload datagram");
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    BIO_meth_set_destroy(m, bio_destroy);
  }
  BIO *b = BIO_new(m);
  struct bio_state *st = malloc(sizeof *st);
  if (!b || !st) die("out of memory");
  *st = (struct bio_state){io, owner};
  BIO_set_data(b, st);
  BIO_set_init(b, 1);
  return b;
}
