/* Bytes of messages, and HMAC-SHA256 (RFC 2104), whose keys are hashed once. */
#ifndef DTLSLOAD_HMAC_H
#define DTLSLOAD_HMAC_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline unsigned char *put(unsigned char *p, uint64_t v, int bytes) {
  while (bytes-- > 0) *p++ = (unsigned char)(v >> (8 * bytes));
  return p;
}
static inline unsigned char *put_bytes(unsigned char *p, const void *data, size_t len) {
  memcpy(p, data, len);
  return p + len;
}
static inline uint32_t get(const unsigned char *p, int bytes) {
  uint32_t v = 0;
  while (bytes-- > 0) v = v << 8 | *p++;
  return v;
}

struct hmac { SHA256_CTX inner, outer; };

static inline void hmac_init(struct hmac *h, const unsigned char *key, size_t len) {
  unsigned char pad[SHA256_CBLOCK] = {0};
  memcpy(pad, key, len);
  for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36;
  SHA256_Init(&h->inner);
  SHA256_Update(&h->inner, pad, sizeof pad);
  for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36 ^ 0x5c;
  SHA256_Init(&h->outer);
  SHA256_Update(&h->outer, pad, sizeof pad);
}

static inline void hmac(const struct hmac *h, const void *a, size_t a_len, const void *b, size_t b_len,
                        unsigned char out[32]) {
  SHA256_CTX c = h->inner;
  SHA256_Update(&c, a, a_len);
  SHA256_Update(&c, b, b_len);
  SHA256_Final(out, &c);
  c = h->outer;
  SHA256_Update(&c, out, 32);
  SHA256_Final(out, &c);
}

#endif
