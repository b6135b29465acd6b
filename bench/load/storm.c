/* dtlsload storm: full handshakes by lean clients (lean.h), so that the server
 * is what is busy. Each is closed with close_notify when it is up. */
#define _GNU_SOURCE
#include "common.h"
#include "lean.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* More source ports than handshakes in flight: a server may still be busy
 * with the end of the one before. */
enum { PORTS = 1024 };

struct client {
  int fd;
  bool busy;
  uint64_t began;
  struct lean *lean;
};

static struct {
  int ep;
  unsigned next;
  struct client client[PORTS];
  uint64_t timeout;
  uint64_t done, failed, lost;
  struct hist lat;
} s;

static void send_out(struct client *c, const unsigned char *data, int len) {
  if (len > 0) (void)send(c->fd, data, (size_t)len, 0); /* what does not leave is lost, as UDP loses */
}

static void begin(void) {
  struct client *c;
  do c = &s.client[s.next++ % PORTS];
  while (c->busy);
  unsigned char out[MAX_DATAGRAM];
  c->busy = true;
  c->began = now_ns();
  send_out(c, out, lean_begin(c->lean, out));
}

static void input(struct client *c) {
  unsigned char in[MAX_DATAGRAM], out[MAX_DATAGRAM];
  ssize_t n = recv(c->fd, in, sizeof in, 0);
  if (n <= 0 || !c->busy) return; /* e.g. the answer to a close_notify */
  send_out(c, out, lean_input(c->lean, in, (int)n, out));
  if (lean_state(c->lean) == LEAN_GOING) return;
  c->busy = false;
  if (lean_state(c->lean) == LEAN_FAILED) {
    s.failed++;
    return;
  }
  s.done++;
  hist_add(&s.lat, now_ns() - c->began);
  send_out(c, out, lean_close(c->lean, out));
}

/* A handshake of which a datagram was lost is begun anew. */
static void give_up_late(uint64_t now) {
  for (struct client *c = s.client; c < s.client + PORTS; c++) {
    if (!c->busy || now - c->began < s.timeout) continue;
    c->busy = false;
    s.lost++;
  }
}

static double storm(uint64_t n, uint64_t width) {
  s.done = s.failed = s.lost = 0;
  memset(&s.lat, 0, sizeof s.lat);
  uint64_t t0 = now_ns(), next_look = t0, begun = 0;
  struct epoll_event ev[256];
  while (s.done + s.failed < n) {
    while (begun - s.done - s.failed - s.lost < width && begun - s.lost < n) {
      begin();
      begun++;
    }
    int k = epoll_wait(s.ep, ev, 256, 5);
    for (int i = 0; i < k; i++) input(ev[i].data.ptr);
    uint64_t now = now_ns();
    if (now < next_look) continue;
    next_look = now + 20 * NS_PER_MS;
    give_up_late(now);
    if (s.lost > n) die("no answer");
  }
  return (double)(now_ns() - t0) / 1e9;
}

static void open_sockets(uint16_t port) {
  raise_fd_limit();
  s.ep = epoll_create1(EPOLL_CLOEXEC);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (struct client *c = s.client; c < s.client + PORTS; c++) {
    c->lean = lean_new();
    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 || epoll_ctl(s.ep, EPOLL_CTL_ADD, c->fd, &ev) != 0)
      die("socket: %s", strerror(errno));
  }
}

int storm_main(const struct args *a) {
  static const char *const known[] = {TLS_ARGS, "port", "n", "c", "warm-n", "timeout-ms", "pid", NULL};
  args_check(a, known);
  struct tls_opts o = tls_opts_from(a);
  long n = arg_int(a, "n", 2000), width = arg_int(a, "c", 16), warm = arg_int(a, "warm-n", 0);
  if (n < 1 || warm < 0 || width < 1 || width > PORTS / 4) die("--n is 1 or more, --c 1 to %d", PORTS / 4);
  s.timeout = (uint64_t)arg_int(a, "timeout-ms", 500) * NS_PER_MS;
  servers_from(a);
  lean_setup(&o);
  lean_prepare(warm + n + 1000);
  open_sockets((uint16_t)arg_int(a, "port", 5684));
  uint64_t failed = 0;
  if (warm > 0) {
    storm((uint64_t)warm, (uint64_t)width);
    failed = s.failed;
  }
  struct proc_sample s0 = servers_sample(), g0 = proc_self();
  double secs = storm((uint64_t)n, (uint64_t)width);
  struct proc_sample s1 = servers_sample(), g1 = proc_self();
  failed += s.failed;
  json_open();
  json_str("what", "storm");
  json_int("done", (long long)s.done);
  json_int("failed", (long long)failed);
  json_int("lost", (long long)s.lost);
  json_num("secs", secs);
  json_num("per_s", (double)s.done / secs);
  json_latency(&s.lat);
  json_cpu(s0, s1, g0, g1, secs, s.done);
  json_close();
  return failed ? 1 : 0;
}
