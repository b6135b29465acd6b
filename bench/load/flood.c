/* dtlsload flood: copies of one datagram from addresses that are not the
 * sender's, at a rate. It writes the IP headers itself, which takes
 * CAP_NET_RAW: a network namespace of its own has it. */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* CATCH_UP_MS: what a busy machine has missed is made up for as long as it is no more than this; a longer burst
 * would be more than a receive buffer holds, and no steady flood. */
enum { BATCH = 64, TICK_MS = 1, CATCH_UP_MS = 3 };

struct datagram {
  struct iphdr ip;
  struct udphdr udp;
  unsigned char data[MAX_DATAGRAM];
} __attribute__((packed));

static int read_hex(const char *hex, unsigned char *data) {
  int length = 0;
  for (; *hex; hex += 2) {
    unsigned byte;
    if (length == MAX_DATAGRAM || !hex[1] || sscanf(hex, "%2x", &byte) != 1) die("--datagram: not so many bytes in hexadecimal digits");
    data[length++] = (unsigned char)byte;
  }
  return length;
}

/* Any address of 127.64.0.0/10, which is loopback, and nobody's. */
static uint32_t stranger(void) { return htonl(0x7f400000u | (rnd32() & 0x3fffffu)); }

int flood_main(const struct args *a) {
  static const char *const known[] = {"port", "rate", "secs", "datagram", "vary-at", "vary-len", "from", "from-port", NULL};
  args_check(a, known);
  const double rate = arg_num(a, "rate", 50000), secs = arg_num(a, "secs", 20);
  const long vary_at = arg_int(a, "vary-at", 0), vary_len = arg_int(a, "vary-len", 0);
  const char *from = arg_str(a, "from", NULL);
  const long from_port = arg_int(a, "from-port", 0);

  static struct datagram datagrams[BATCH];
  struct mmsghdr headers[BATCH];
  struct iovec parts[BATCH];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int length = read_hex(arg_str(a, "datagram", ""), datagrams[0].data);
  if (length == 0) die("--datagram is missing");
  if (vary_at < 0 || vary_len < 0 || vary_at + vary_len > length) die("--vary-at, --vary-len: not within the datagram");
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  if (fd < 0) die("socket: %s", strerror(errno));
  for (int i = 0; i < BATCH; i++) {
    struct datagram *d = &datagrams[i];
    memcpy(d->data, datagrams[0].data, (size_t)length);
    /* The system fills in identification, length and sum of the IP header; a sum of UDP is not needed. */
    d->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = to.sin_addr.s_addr};
    d->udp = (struct udphdr){.dest = htons((uint16_t)arg_int(a, "port", 5684)),
                             .len = htons((uint16_t)(sizeof d->udp + (size_t)length))};
    parts[i] = (struct iovec){d, sizeof d->ip + sizeof d->udp + (size_t)length};
    headers[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[i], .msg_iovlen = 1};
  }

  uint64_t sent = 0, refused = 0;
  const uint64_t begin = now_ns();
  double elapsed;
  while ((elapsed = (double)(now_ns() - begin) / NS_PER_S) < secs) {
    const double due = elapsed * rate, most = rate * CATCH_UP_MS / 1000 + 1;
    if (due - (double)(sent + refused) > most) refused = (uint64_t)(due - (double)sent - most);
    while ((double)(sent + refused) < due) {
      double wanted = due - (double)(sent + refused);
      int n = wanted < BATCH ? (int)wanted + 1 : BATCH;
      for (int i = 0; i < n; i++) {
        struct datagram *d = &datagrams[i];
        d->ip.saddr = from ? inet_addr(from) : stranger();
        d->udp.source = htons((uint16_t)(from_port ? from_port : 1024 + rnd32() % 64000));
        for (long at = 0; at < vary_len; at++) d->data[vary_at + at] = (unsigned char)rnd32();
      }
      int k = sendmmsg(fd, headers, (unsigned)n, 0);
      sent += k > 0 ? (uint64_t)k : 0;
      if (k < n) refused += (uint64_t)(n - (k > 0 ? k : 0));
    }
    nanosleep(&(struct timespec){0, TICK_MS * (long)NS_PER_MS}, NULL);
  }
  json_open();
  json_int("sent", (long long)sent);
  json_int("left_out", (long long)refused);
  json_num("seconds", elapsed);
  json_close();
  return 0;
}
