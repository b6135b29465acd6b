#include "lean.h"
#include "hmac.h"
#include "lean13.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22 };
enum {
  CLIENT_HELLO = 1, SERVER_HELLO = 2, HELLO_VERIFY_REQUEST = 3, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12,
  CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14, CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16, FINISHED = 20,
};
enum { RECORD_HEADER = 13, MESSAGE_HEADER = 12, NONCE = 12, POINT = 65, KEY_LIMIT = 32, MASTER = 48, X25519 = 32 };

static const struct suite {
  const char *name;
  uint16_t id;
  const char *cipher;
  size_t key, salt; /* what the salt leaves of a nonce is explicit; without that, the record's number is in the salt's last bytes */
  int tag;
  bool ecdhe_psk; /* with X25519: our public value is the base point, and the secret the server's public value */
} suites[] = {
    {"PSK-AES128-CCM8", 0xc0a8, "AES-128-CCM", 16, 4, 8, false},
    {"PSK-AES128-GCM-SHA256", 0x00a8, "AES-128-GCM", 16, 4, 16, false},
    {"ECDHE-PSK-AES128-GCM-SHA256", 0xd001, "AES-128-GCM", 16, 4, 16, true},
    {"ECDHE-PSK-CHACHA20-POLY1305", 0xccac, "ChaCha20-Poly1305", 32, 12, 16, true},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, "AES-128-GCM", 16, 4, 16, false},
    {"ECDHE-RSA-AES128-GCM-SHA256", 0xc02f, "AES-128-GCM", 16, 4, 16, false},
};

static struct {
  struct tls_opts o;
  const struct suite *suite;
  EVP_CIPHER_CTX *seal, *open;
  unsigned char hello_tail[128]; /* suites, compression, extensions */
  size_t hello_tail_len;
  unsigned char generator[POINT]; /* our public key, for the private key 1 */
  unsigned char certificate[1024]; /* body of our Certificate message */
  size_t certificate_len;
  EC_KEY *key;
  struct { BIGNUM *kinv, *r; } *prepared;
  long nprepared, used;
} g;

struct lean {
  struct lean13 *newer; /* in place of all that follows */
  enum lean_state state;
  bool asked_for_certificate;
  uint16_t send_seq, recv_seq; /* message_seq */
  uint64_t record_seq[2];      /* by epoch */
  unsigned char client_random[32], server_random[32];
  unsigned char server_point[POINT];
  unsigned char master[MASTER];
  unsigned char client_key[KEY_LIMIT], server_key[KEY_LIMIT], client_salt[NONCE], server_salt[NONCE];
  SHA256_CTX transcript;
  size_t have; /* of `message`, last for nobody clears it */
  unsigned char message[MAX_DATAGRAM * 2];
};

/* ---------- PRF (RFC 5246 section 5) ---------- */

static void prf(const unsigned char *secret, size_t secret_len, const char *label, const void *seed, size_t seed_len,
                unsigned char *out, size_t len) {
  struct hmac h;
  hmac_init(&h, secret, secret_len);
  unsigned char labelled[128], a[32], block[32];
  size_t n = strlen(label);
  memcpy(labelled, label, n);
  memcpy(labelled + n, seed, seed_len);
  n += seed_len;
  hmac(&h, labelled, n, NULL, 0, a);
  for (;;) {
    hmac(&h, a, sizeof a, labelled, n, block);
    size_t take = len < sizeof block ? len : sizeof block;
    memcpy(out, block, take);
    out += take;
    len -= take;
    if (len == 0) return;
    hmac(&h, a, sizeof a, NULL, 0, a);
  }
}

static void transcript_hash(const struct lean *l, unsigned char out[32]) {
  SHA256_CTX c = l->transcript;
  SHA256_Final(out, &c);
}

/* ---------- records (RFC 6347 section 4.1, RFC 6655, RFC 5288, RFC 7905) ---------- */

static size_t explicit_nonce(void) { return NONCE - g.suite->salt; }

static unsigned char *record_header(unsigned char *p, int type, int epoch, uint64_t seq, size_t len) {
  p = put(p, (uint64_t)type, 1);
  p = put(p, 0xfefd, 2);
  p = put(p, (uint64_t)epoch, 2);
  p = put(p, seq, 6);
  return put(p, len, 2);
}

static unsigned char *plain_record(struct lean *l, unsigned char *p, int type, const void *data, size_t len) {
  p = record_header(p, type, 0, l->record_seq[0]++, len);
  return put_bytes(p, data, len);
}

/* Either direction: `record` is a header with its explicit nonce behind it,
 * `text` the same bytes in and out. */
static bool aead(EVP_CIPHER_CTX *c, bool seal, const unsigned char *key, const unsigned char *salt,
                 const unsigned char *record, unsigned char *text, int len, unsigned char *tag) {
  unsigned char nonce[NONCE], ad[RECORD_HEADER];
  memcpy(nonce, salt, g.suite->salt);
  memcpy(nonce + g.suite->salt, record + RECORD_HEADER, explicit_nonce());
  if (explicit_nonce() == 0)
    for (size_t i = 0; i < 8; i++) nonce[NONCE - 8 + i] ^= record[3 + i];
  memcpy(ad, record + 3, 8); /* epoch and sequence number first */
  memcpy(ad + 8, record, 3);
  put(ad + 11, (uint64_t)len, 2);
  int n, t = g.suite->tag;
  if (strcmp(g.suite->cipher, "AES-128-CCM") != 0) {
    if (!EVP_CipherInit_ex(c, NULL, NULL, key, nonce, seal) || !EVP_CipherUpdate(c, NULL, &n, ad, sizeof ad) ||
        !EVP_CipherUpdate(c, text, &n, text, len))
      return false;
    if (!seal && !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, t, tag)) return false;
    if (!EVP_CipherFinal_ex(c, text, &n)) return false;
    return !seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, t, tag);
  }
  return EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, t, seal ? NULL : tag) &&
         EVP_CipherInit_ex(c, NULL, NULL, key, nonce, seal) && EVP_CipherUpdate(c, NULL, &n, NULL, len) &&
         EVP_CipherUpdate(c, NULL, &n, ad, sizeof ad) && EVP_CipherUpdate(c, text, &n, text, len) &&
         (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, t, tag));
}

static unsigned char *sealed_record(struct lean *l, unsigned char *p, int type, const void *data, int len) {
  uint64_t seq = l->record_seq[1]++;
  unsigned char *text = record_header(p, type, 1, seq, explicit_nonce() + (size_t)(len + g.suite->tag));
  text = put(text, 1ull << 48 | seq, (int)explicit_nonce());
  memcpy(text, data, (size_t)len);
  if (!aead(g.seal, true, l->client_key, l->client_salt, p, text, len, text + len)) die("cannot seal a record");
  return text + len + g.suite->tag;
}

/* ---------- handshake messages out ---------- */

static unsigned char *message_header(struct lean *l, unsigned char *p, int type, size_t len) {
  p = put(p, (uint64_t)type, 1);
  p = put(p, len, 3);
  p = put(p, l->send_seq++, 2);
  p = put(p, 0, 3);
  return put(p, len, 3);
}

static unsigned char *send_message(struct lean *l, unsigned char *p, int type, const void *body, size_t len) {
  unsigned char message[MESSAGE_HEADER + 1024];
  unsigned char *end = put_bytes(message_header(l, message, type, len), body, len);
  SHA256_Update(&l->transcript, message, (size_t)(end - message));
  return plain_record(l, p, HANDSHAKE, message, (size_t)(end - message));
}

static int send_hello(struct lean *l, unsigned char *out, const unsigned char *cookie, size_t cookie_len) {
  unsigned char body[512], *p = put(body, 0xfefd, 2);
  p = put_bytes(p, l->client_random, sizeof l->client_random);
  p = put(p, 0, 1); /* no session */
  p = put(p, cookie_len, 1);
  p = put_bytes(p, cookie, cookie_len);
  p = put_bytes(p, g.hello_tail, g.hello_tail_len);
  SHA256_Init(&l->transcript); /* RFC 6347 section 4.2.1: without the first ClientHello */
  return (int)(send_message(l, out, CLIENT_HELLO, body, (size_t)(p - body)) - out);
}

static unsigned char *send_certificate_verify(struct lean *l, unsigned char *p) {
  if (g.used == g.nprepared) lean_prepare(1000);
  long i = g.used++;
  unsigned char hash[32], body[128], *end = put(body, 0x0403, 2); /* ecdsa_secp256r1_sha256 */
  transcript_hash(l, hash);
  ECDSA_SIG *sig = ECDSA_do_sign_ex(hash, sizeof hash, g.prepared[i].kinv, g.prepared[i].r, g.key);
  BN_clear_free(g.prepared[i].kinv);
  BN_free(g.prepared[i].r);
  if (!sig) die("cannot sign");
  unsigned char *at = end + 2;
  int n = i2d_ECDSA_SIG(sig, &at);
  ECDSA_SIG_free(sig);
  put(end, (uint64_t)n, 2);
  return send_message(l, p, CERTIFICATE_VERIFY, body, (size_t)(4 + n));
}

/* RFC 4279 section 2 for pre-shared keys, RFC 5489 section 2 for ECDHE_PSK;
 * the x coordinate of the server's point, times 1, for ECDHE. RFC 7627 for the master secret. */
static void derive_keys(struct lean *l) {
  unsigned char premaster[2 * (2 + sizeof g.o.key)], *p = premaster;
  if (g.o.psk) {
    size_t other = g.suite->ecdhe_psk ? X25519 : g.o.key_len;
    p = put(p, other, 2);
    if (g.suite->ecdhe_psk) memcpy(p, l->server_point, other);
    else memset(p, 0, other);
    p = put(p + other, g.o.key_len, 2);
    p = put_bytes(p, g.o.key, g.o.key_len);
  } else {
    p = put_bytes(p, l->server_point + 1, 32);
  }
  unsigned char hash[32], randoms[64], keys[2 * (KEY_LIMIT + NONCE)];
  size_t key = g.suite->key, salt = g.suite->salt;
  transcript_hash(l, hash);
  prf(premaster, (size_t)(p - premaster), "extended master secret", hash, sizeof hash, l->master, MASTER);
  memcpy(randoms, l->server_random, 32);
  memcpy(randoms + 32, l->client_random, 32);
  prf(l->master, MASTER, "key expansion", randoms, sizeof randoms, keys, 2 * (key + salt));
  memcpy(l->client_key, keys, key);
  memcpy(l->server_key, keys + key, key);
  memcpy(l->client_salt, keys + 2 * key, salt);
  memcpy(l->server_salt, keys + 2 * key + salt, salt);
}

static int send_flight_5(struct lean *l, unsigned char *out) {
  unsigned char body[256], *p = out;
  bool certify = l->asked_for_certificate && g.key;
  if (certify) p = send_message(l, p, CERTIFICATE, g.certificate, g.certificate_len);
  else if (l->asked_for_certificate) p = send_message(l, p, CERTIFICATE, "\0\0", 3);
  if (g.o.psk) {
    size_t n = strlen(g.o.identity);
    unsigned char *end = put_bytes(put(body, n, 2), g.o.identity, n);
    if (g.suite->ecdhe_psk) {
      static const unsigned char base_point[X25519] = {9};
      end = put_bytes(put(end, X25519, 1), base_point, X25519);
    }
    p = send_message(l, p, CLIENT_KEY_EXCHANGE, body, (size_t)(end - body));
  } else {
    put_bytes(put(body, POINT, 1), g.generator, POINT);
    p = send_message(l, p, CLIENT_KEY_EXCHANGE, body, 1 + POINT);
  }
  derive_keys(l);
  if (certify) p = send_certificate_verify(l, p);
  p = plain_record(l, p, CHANGE_CIPHER_SPEC, "\1", 1);
  unsigned char hash[32], finished[MESSAGE_HEADER + 12];
  transcript_hash(l, hash);
  prf(l->master, MASTER, "client finished", hash, sizeof hash, message_header(l, finished, FINISHED, 12), 12);
  SHA256_Update(&l->transcript, finished, sizeof finished);
  return (int)(sealed_record(l, p, HANDSHAKE, finished, sizeof finished) - out);
}

/* ---------- handshake messages in ---------- */

static int fail(struct lean *l) {
  l->state = LEAN_FAILED;
  return 0;
}

static int on_message(struct lean *l, const unsigned char *m, size_t len, unsigned char *out) {
  const unsigned char *body = m + MESSAGE_HEADER;
  size_t n = len - MESSAGE_HEADER;
  if (m[0] == HELLO_VERIFY_REQUEST) {
    if (n < 3 || n < 3u + body[2]) return fail(l);
    return send_hello(l, out, body + 3, body[2]);
  }
  SHA256_Update(&l->transcript, m, len);
  switch (m[0]) {
    case SERVER_HELLO:
      if (n < 38 || n < 38u + body[34] || get(body + 35 + body[34], 2) != g.suite->id) return fail(l);
      memcpy(l->server_random, body + 2, 32);
      return 0;
    case SERVER_KEY_EXCHANGE:
      if (g.suite->ecdhe_psk) { /* behind the hint: named_curve, x25519 */
        if (n < 2 || n < 2u + get(body, 2) + 4 + X25519 || get(body + n - X25519 - 4, 4) != (3u << 24 | 29u << 8 | X25519))
          return fail(l);
        memcpy(l->server_point, body + n - X25519, X25519);
        return 0;
      }
      if (g.o.psk) return 0;
      if (n < 4 + POINT || get(body, 4) != (3u << 24 | 23u << 8 | POINT)) return fail(l); /* named_curve, secp256r1 */
      memcpy(l->server_point, body + 4, POINT);
      return 0;
    case CERTIFICATE_REQUEST: l->asked_for_certificate = true; return 0;
    case SERVER_HELLO_DONE: return send_flight_5(l, out);
    default: return 0;
  }
}

/* The messages of one record; a fragment waits for the rest of its message. */
static int on_messages(struct lean *l, const unsigned char *p, size_t len, unsigned char *out) {
  int sent = 0;
  while (len > 0 && l->state == LEAN_GOING) {
    if (len < MESSAGE_HEADER) return fail(l);
    size_t whole = get(p + 1, 3), offset = get(p + 6, 3), part = get(p + 9, 3);
    if (MESSAGE_HEADER + part > len || offset + part > whole || MESSAGE_HEADER + whole > sizeof l->message) return fail(l);
    if (get(p + 4, 2) == l->recv_seq && offset == l->have) {
      if (offset == 0) {
        memcpy(l->message, p, 6); /* RFC 6347 section 4.2.6: hashed as if it had come in one piece */
        put(put(l->message + 6, 0, 3), whole, 3);
      }
      memcpy(l->message + MESSAGE_HEADER + offset, p + MESSAGE_HEADER, part);
      l->have += part;
      if (l->have == whole) {
        l->have = 0;
        l->recv_seq++;
        sent += on_message(l, l->message, MESSAGE_HEADER + whole, out + sent);
      }
    }
    p += MESSAGE_HEADER + part;
    len -= MESSAGE_HEADER + part;
  }
  return sent;
}

static void on_finished(struct lean *l, unsigned char *record, int len) {
  int text_len = len - (int)explicit_nonce() - g.suite->tag;
  unsigned char *text = record + RECORD_HEADER + explicit_nonce(), hash[32], want[12];
  if (text_len != MESSAGE_HEADER + 12 ||
      !aead(g.open, false, l->server_key, l->server_salt, record, text, text_len, text + text_len)) {
    fail(l);
    return;
  }
  transcript_hash(l, hash);
  prf(l->master, MASTER, "server finished", hash, sizeof hash, want, sizeof want);
  if (text[0] != FINISHED || memcmp(text + MESSAGE_HEADER, want, sizeof want) != 0) fail(l);
  else l->state = LEAN_UP;
}

int lean_input(struct lean *l, unsigned char *in, int len, unsigned char *out) {
  if (l->newer) return lean13_input(l->newer, in, len, out);
  int sent = 0;
  while (len >= RECORD_HEADER && l->state == LEAN_GOING) {
    int n = (int)get(in + 11, 2), epoch = (int)get(in + 3, 2);
    if (n > len - RECORD_HEADER) { fail(l); break; }
    if (in[0] == HANDSHAKE && epoch == 0) sent += on_messages(l, in + RECORD_HEADER, (size_t)n, out + sent);
    else if (in[0] == HANDSHAKE) on_finished(l, in, n);
    else if (in[0] == ALERT) fail(l);
    in += RECORD_HEADER + n;
    len -= RECORD_HEADER + n;
  }
  return sent;
}

struct lean *lean_new(void) {
  struct lean *l = malloc(sizeof *l);
  if (!l) die("out of memory");
  l->newer = g.suite ? NULL : lean13_new();
  return l;
}

int lean_begin(struct lean *l, unsigned char *out) {
  if (l->newer) return lean13_begin(l->newer, out);
  memset(l, 0, offsetof(struct lean, message));
  for (int i = 0; i < 32; i += 4) put(l->client_random + i, rnd32(), 4);
  return send_hello(l, out, NULL, 0);
}

int lean_close(struct lean *l, unsigned char *out) {
  if (l->newer) return lean13_close(l->newer, out);
  return (int)(sealed_record(l, out, ALERT, "\1\0", 2) - out); /* close_notify */
}

enum lean_state lean_state(const struct lean *l) { return l->newer ? lean13_state(l->newer) : l->state; }

/* ---------- set-up ---------- */

static void load_identity(void) {
  FILE *f = fopen(g.o.key_file, "r");
  EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
  if (!key || !(g.key = EVP_PKEY_get1_EC_KEY(key))) die("--key: not an EC key: %s", g.o.key_file);
  fclose(f);
  unsigned char *der = NULL;
  int n;
  if (g.o.raw_public_key) {
    n = i2d_PUBKEY(key, &der);
  } else {
    f = fopen(g.o.cert_file, "r");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (!x) die("cannot load certificate %s", g.o.cert_file);
    fclose(f);
    n = i2d_X509(x, &der);
    X509_free(x);
  }
  if (n <= 0 || (size_t)n + 6 > sizeof g.certificate) die("the certificate is too long");
  unsigned char *p = g.certificate;
  if (!g.o.raw_public_key) p = put(p, (uint64_t)n + 3, 3); /* RFC 7250 section 3: a raw key is no list */
  p = put_bytes(put(p, (uint64_t)n, 3), der, (size_t)n);
  g.certificate_len = (size_t)(p - g.certificate);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
}

static unsigned char *extension(unsigned char *p, int type, const void *data, size_t len) {
  return put_bytes(put(put(p, (uint64_t)type, 2), len, 2), data, len);
}

void lean_setup(const struct tls_opts *o) {
  g.o = *o;
  for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
    if (strcmp(suites[i].name, o->cipher) == 0) g.suite = &suites[i];
  if (strcmp(o->cipher, LEAN13_CIPHER) == 0) {
    lean13_setup(o);
    return;
  }
  if (!g.suite) die("storm has no cipher %s", o->cipher);
  EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, g.suite->cipher, NULL);
  g.seal = EVP_CIPHER_CTX_new();
  g.open = EVP_CIPHER_CTX_new();
  if (!EVP_CipherInit_ex(g.seal, cipher, NULL, NULL, NULL, 1) ||
      !EVP_CipherInit_ex(g.open, cipher, NULL, NULL, NULL, 0) ||
      !EVP_CIPHER_CTX_ctrl(g.seal, EVP_CTRL_AEAD_SET_IVLEN, NONCE, NULL) ||
      !EVP_CIPHER_CTX_ctrl(g.open, EVP_CTRL_AEAD_SET_IVLEN, NONCE, NULL))
    die("OpenSSL has no %s", o->cipher);
  EC_GROUP *p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  EC_POINT_point2oct(p256, EC_GROUP_get0_generator(p256), POINT_CONVERSION_UNCOMPRESSED, g.generator, POINT, NULL);
  EC_GROUP_free(p256);
  if (o->key_file) load_identity();

  unsigned char *p = put(put(g.hello_tail, 2, 2), g.suite->id, 2);
  p = put(put(p, 1, 1), 0, 1); /* no compression */
  unsigned char *extensions = p + 2;
  p = extension(extensions, 23, NULL, 0);      /* extended_master_secret */
  p = extension(p, 0xff01, "\0", 1);           /* renegotiation_info */
  if (g.suite->ecdhe_psk) {
    p = extension(p, 10, "\0\2\0\x1d", 4);          /* supported_groups: x25519 */
    p = extension(p, 11, "\1\0", 2);                /* ec_point_formats: uncompressed */
  }
  if (!o->psk) {
    p = extension(p, 10, "\0\2\0\x17", 4);          /* supported_groups: secp256r1 */
    p = extension(p, 11, "\1\0", 2);                /* ec_point_formats: uncompressed */
    p = extension(p, 13, "\0\4\4\3\4\1", 6);        /* signature_algorithms: ECDSA and RSA with SHA-256 */
  }
  if (g.o.raw_public_key) {
    p = extension(p, 19, "\1\2", 2); /* client_certificate_type */
    p = extension(p, 20, "\1\2", 2); /* server_certificate_type */
  }
  put(extensions - 2, (uint64_t)(p - extensions), 2);
  g.hello_tail_len = (size_t)(p - g.hello_tail);
}

void lean_prepare(long n) {
  if (!g.key) return;
  g.prepared = realloc(g.prepared, (size_t)(g.nprepared + n) * sizeof *g.prepared);
  if (!g.prepared) die("out of memory");
  for (long i = 0; i < n; i++, g.nprepared++) {
    g.prepared[g.nprepared].kinv = g.prepared[g.nprepared].r = NULL;
    if (!ECDSA_sign_setup(g.key, NULL, &g.prepared[g.nprepared].kinv, &g.prepared[g.nprepared].r)) die("cannot prepare a signature");
  }
}
