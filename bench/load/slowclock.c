/* Preloaded into a server that valgrind runs: its monotonic clock takes a hundredth of the steps. A server spends two milliseconds
 * on a batch of handshakes, and under valgrind would have time for two datagrams where it has time for dozens: the code of
 * either would then be counted as if it had to be brought into the cache for each of them. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLOWNESS = 100, NS = 1000000000 };

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result != 0 || (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)) return result;
  uint64_t ns = ((uint64_t)time->tv_sec * NS + (uint64_t)time->tv_nsec) / SLOWNESS;
  time->tv_sec = (time_t)(ns / NS);
  time->tv_nsec = (long)(ns % NS);
  return 0;
}
