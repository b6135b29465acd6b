#include "lean13.h"
#include "hmac.h"

#include <openssl/aes.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { ALERT = 21, HANDSHAKE = 22 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, ENCRYPTED_EXTENSIONS = 8, FINISHED = 20, MESSAGE_HASH = 254 };
enum { RECORD_HEADER = 13, UNIFIED_HEADER = 5, MESSAGE_HEADER = 12, KEY = 16, NONCE = 12, TAG = 16, HASH = 32 };
enum { COOKIE = 44, KEY_SHARE = 51 }; /* extensions */
enum { X25519 = 29, RETRY = 0xcf21ad74 /* the beginning of its random (RFC 8446 section 4.1.3) */ };

static struct {
  struct tls_opts o;
  EVP_CIPHER_CTX *seal;
  struct hmac binder;        /* finished_key of the binder: the pre-shared key's alone */
  unsigned char derived[32]; /* salt of the Handshake Secret: the same */
} g;

struct keys {
  unsigned char key[KEY], iv[NONCE];
  AES_KEY mask;
};

struct lean13 {
  enum lean_state state;
  uint64_t plain_seq;
  unsigned char random[32];
  SHA256_CTX transcript;
  struct keys data; /* of epoch 3 */
};

/* ---------- key schedule (RFC 8446 section 7.1) ---------- */

static void hash(const void *data, size_t len, unsigned char out[HASH]) {
  SHA256_CTX c;
  SHA256_Init(&c);
  SHA256_Update(&c, data, len);
  SHA256_Final(out, &c);
}

static void expand(const struct hmac *secret, const char *label, const void *context, size_t context_len,
                   unsigned char *out, size_t len) {
  unsigned char info[128], block[HASH], *p = put(info, len, 2);
  size_t n = strlen(label);
  p = put_bytes(put(p, 6 + n, 1), "dtls13", 6);
  p = put_bytes(p, label, n);
  p = put_bytes(put(p, context_len, 1), context, context_len);
  hmac(secret, info, (size_t)(p - info), "\1", 1, block);
  memcpy(out, block, len);
}

static void extract(const unsigned char salt[HASH], const void *input, size_t len, struct hmac *secret) {
  struct hmac h;
  unsigned char out[HASH];
  hmac_init(&h, salt, HASH);
  hmac(&h, input, len, NULL, 0, out);
  hmac_init(secret, out, sizeof out);
}

/* A secret derived from another one, as a key. */
static void derive(const struct hmac *secret, const char *label, const unsigned char *context, size_t context_len,
                   struct hmac *out) {
  unsigned char derived[HASH];
  expand(secret, label, context, context_len, derived, sizeof derived);
  hmac_init(out, derived, sizeof derived);
}

static void finished(const struct hmac *traffic, const unsigned char transcript[HASH], unsigned char out[HASH]) {
  struct hmac key;
  derive(traffic, "finished", NULL, 0, &key);
  hmac(&key, transcript, HASH, NULL, 0, out);
}

static void make_keys(const struct hmac *traffic, struct keys *k) {
  unsigned char mask[KEY];
  expand(traffic, "key", NULL, 0, k->key, KEY);
  expand(traffic, "iv", NULL, 0, k->iv, NONCE);
  expand(traffic, "sn", NULL, 0, mask, KEY);
  AES_set_encrypt_key(mask, 8 * KEY, &k->mask);
}

/* ---------- out ---------- */

/* RFC 9147 section 4.2: number 0 of either epoch, as it is the only one. */
static int sealed_record(const struct keys *k, unsigned char *out, int epoch, int type, const void *data, int len) {
  unsigned char *text = put(out, 0x2c | (epoch & 3), 1), mask[16];
  text = put(put(text, 0, 2), (uint64_t)(len + 1 + TAG), 2);
  memcpy(text, data, (size_t)len);
  text[len] = (unsigned char)type;
  int n, all = len + 1;
  if (!EVP_CipherInit_ex(g.seal, NULL, NULL, k->key, k->iv, 1) ||
      !EVP_CipherUpdate(g.seal, NULL, &n, out, UNIFIED_HEADER) || !EVP_CipherUpdate(g.seal, text, &n, text, all) ||
      !EVP_CipherFinal_ex(g.seal, text + all, &n) || !EVP_CIPHER_CTX_ctrl(g.seal, EVP_CTRL_AEAD_GET_TAG, TAG, text + all))
    die("cannot seal a record");
  AES_encrypt(text, mask, &k->mask);
  out[1] ^= mask[0];
  out[2] ^= mask[1];
  return UNIFIED_HEADER + all + TAG;
}

static unsigned char *message_header(unsigned char *p, int type, uint64_t seq, size_t len) {
  p = put(put(p, (uint64_t)type, 1), len, 3);
  return put(put(put(p, seq, 2), 0, 3), len, 3);
}

/* A message has no sequence and no fragments in the transcript (RFC 9147 section 5.2). */
static void add(struct lean13 *l, int type, const void *body, size_t len) {
  unsigned char header[4];
  put(put(header, (uint64_t)type, 1), len, 3);
  SHA256_Update(&l->transcript, header, sizeof header);
  SHA256_Update(&l->transcript, body, len);
}

static void transcript_hash(const struct lean13 *l, unsigned char out[HASH]) {
  SHA256_CTX c = l->transcript;
  SHA256_Final(out, &c);
}

static unsigned char *extension(unsigned char *p, int type, const void *data, size_t len) {
  return put_bytes(put(put(p, (uint64_t)type, 2), len, 2), data, len);
}

static int send_hello(struct lean13 *l, unsigned char *out, const unsigned char *cookie, size_t cookie_len) {
  unsigned char *body = out + RECORD_HEADER + MESSAGE_HEADER, *p = put(body, 0xfefd, 2);
  p = put_bytes(p, l->random, sizeof l->random);
  p = put(p, 0, 2);                      /* neither session nor cookie of DTLS 1.2 */
  p = put(put(p, 2, 2), 0x1301, 2);
  p = put(put(p, 1, 1), 0, 1);           /* no compression */
  unsigned char *extensions = p + 2, share[38] = {0, 36, 0, X25519, 0, 32, 9};
  p = extension(extensions, 43, "\2\xfe\xfc", 3);      /* supported_versions */
  p = extension(p, 10, "\0\2\0\x1d", 4);               /* supported_groups */
  p = extension(p, 45, "\1\1", 2);                     /* psk_key_exchange_modes: psk_dhe_ke */
  if (cookie) p = extension(p, COOKIE, cookie, cookie_len);
  p = extension(p, KEY_SHARE, share, sizeof share);
  size_t n = strlen(g.o.identity);
  p = put(put(p, 41, 2), 2 + 2 + n + 4 + 2 + 1 + HASH, 2); /* pre_shared_key */
  p = put_bytes(put(put(p, 2 + n + 4, 2), n, 2), g.o.identity, n);
  p = put(p, 0, 4); /* age */
  unsigned char *binders = p;
  p = put(put(p, 1 + HASH, 2), HASH, 1);
  memset(p, 0, HASH);
  put(extensions - 2, (uint64_t)(p + HASH - extensions), 2);
  size_t len = (size_t)(p + HASH - body);
  if (cookie) {
    /* RFC 8446 section 4.2.11.2; the binder of the first hello is looked at by nobody. */
    SHA256_CTX before = l->transcript;
    unsigned char header[4], digest[HASH];
    put(put(header, CLIENT_HELLO, 1), len, 3);
    SHA256_Update(&before, header, sizeof header);
    SHA256_Update(&before, body, (size_t)(binders - body));
    SHA256_Final(digest, &before);
    hmac(&g.binder, digest, sizeof digest, NULL, 0, p);
    add(l, CLIENT_HELLO, body, len);
  } else {
    unsigned char digest[HASH];
    SHA256_Init(&l->transcript);
    add(l, CLIENT_HELLO, body, len);
    transcript_hash(l, digest);
    SHA256_Init(&l->transcript);
    add(l, MESSAGE_HASH, digest, sizeof digest);
  }
  p = put(put(put(out, HANDSHAKE, 1), 0xfefd, 2), 0, 2);
  put(put(p, l->plain_seq++, 6), MESSAGE_HEADER + len, 2);
  message_header(out + RECORD_HEADER, CLIENT_HELLO, cookie != NULL, len);
  return (int)(RECORD_HEADER + MESSAGE_HEADER + len);
}

/* The server's public value is the secret. Its EncryptedExtensions are empty, and its Finished is what it must be. */
static int send_finished(struct lean13 *l, const unsigned char shared[32], unsigned char *out) {
  static const unsigned char zeros[HASH];
  struct hmac handshake, master, own, peer, data;
  struct keys k;
  unsigned char digest[HASH], empty[HASH], salt[HASH], verify[HASH], message[MESSAGE_HEADER + HASH];
  extract(g.derived, shared, 32, &handshake);
  transcript_hash(l, digest);
  derive(&handshake, "c hs traffic", digest, HASH, &own);
  derive(&handshake, "s hs traffic", digest, HASH, &peer);
  add(l, ENCRYPTED_EXTENSIONS, "\0", 2);
  transcript_hash(l, digest);
  finished(&peer, digest, verify);
  add(l, FINISHED, verify, sizeof verify);
  transcript_hash(l, digest);
  hash(NULL, 0, empty);
  expand(&handshake, "derived", empty, HASH, salt, HASH);
  extract(salt, zeros, HASH, &master);
  derive(&master, "c ap traffic", digest, HASH, &data);
  make_keys(&data, &l->data);
  make_keys(&own, &k);
  finished(&own, digest, message_header(message, FINISHED, 2, HASH));
  return sealed_record(&k, out, 2, HANDSHAKE, message, sizeof message);
}

/* ---------- in ---------- */

static int fail(struct lean13 *l) {
  l->state = LEAN_FAILED;
  return 0;
}

static const unsigned char *find(const unsigned char *list, size_t len, uint32_t type, size_t *found) {
  while (len >= 4) {
    size_t n = get(list + 2, 2);
    if (4 + n > len) return NULL;
    if (get(list, 2) == type) {
      *found = n;
      return list + 4;
    }
    list += 4 + n;
    len -= 4 + n;
  }
  return NULL;
}

static int on_hello(struct lean13 *l, const unsigned char *m, size_t len, unsigned char *out) {
  if (len < MESSAGE_HEADER + 40 || m[0] != SERVER_HELLO || get(m + 9, 3) != len - MESSAGE_HEADER) return fail(l);
  const unsigned char *body = m + MESSAGE_HEADER, *content;
  size_t n = len - MESSAGE_HEADER, found;
  if (body[34] != 0 || get(body + 35, 2) != 0x1301) return fail(l);
  add(l, SERVER_HELLO, body, n);
  if (get(body + 2, 4) == RETRY) {
    content = find(body + 40, n - 40, COOKIE, &found);
    return content ? send_hello(l, out, content, found) : fail(l);
  }
  content = find(body + 40, n - 40, KEY_SHARE, &found);
  if (!content || found != 36 || get(content, 2) != X25519) return fail(l);
  return send_finished(l, content + 4, out);
}

int lean13_input(struct lean13 *l, const unsigned char *in, int len, unsigned char *out) {
  int sent = 0;
  while (len > 0 && l->state == LEAN_GOING) {
    bool is_sealed = (in[0] & 0xe0) == 0x20;
    int header = is_sealed ? UNIFIED_HEADER : RECORD_HEADER;
    if (len < header || (is_sealed && (in[0] & 0x1c) != 0x0c)) { fail(l); break; }
    int n = (int)get(in + header - 2, 2);
    if (n > len - header) { fail(l); break; }
    if (is_sealed && (in[0] & 3) == 3) l->state = LEAN_UP; /* it has our Finished */
    else if (in[0] == HANDSHAKE) sent += on_hello(l, in + header, (size_t)n, out + sent);
    else if (in[0] == ALERT) fail(l);
    in += header + n;
    len -= header + n;
  }
  return sent;
}

struct lean13 *lean13_new(void) {
  struct lean13 *l = malloc(sizeof *l);
  if (!l) die("out of memory");
  return l;
}

int lean13_begin(struct lean13 *l, unsigned char *out) {
  l->state = LEAN_GOING;
  l->plain_seq = 0;
  for (int i = 0; i < 32; i += 4) put(l->random + i, rnd32(), 4);
  return send_hello(l, out, NULL, 0);
}

int lean13_close(struct lean13 *l, unsigned char *out) {
  return sealed_record(&l->data, out, 3, ALERT, "\1\0", 2); /* close_notify */
}

enum lean_state lean13_state(const struct lean13 *l) { return l->state; }

/* ---------- set-up ---------- */

void lean13_setup(const struct tls_opts *o) {
  static const unsigned char zeros[HASH];
  g.o = *o;
  if (!o->psk) die("storm has no certificates in DTLS 1.3");
  g.seal = EVP_CIPHER_CTX_new();
  if (!EVP_CipherInit_ex(g.seal, EVP_aes_128_gcm(), NULL, NULL, NULL, 1)) die("OpenSSL has no AES-128-GCM");
  struct hmac early, binder;
  unsigned char empty[HASH], key[HASH];
  extract(zeros, o->key, o->key_len, &early);
  hash(NULL, 0, empty);
  derive(&early, "ext binder", empty, HASH, &binder);
  expand(&binder, "finished", NULL, 0, key, HASH);
  hmac_init(&g.binder, key, HASH);
  expand(&early, "derived", empty, HASH, g.derived, HASH);
}
