// A library to be preloaded, which gives a process a clock that is ahead of the system's by CLOCK_SHIFT seconds. Times that
// only pass, as those of timers, are as they are.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift(void)
{
    const char *seconds = getenv("CLOCK_SHIFT");
    return seconds == NULL ? 0 : atol(seconds);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*original)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = original(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int (*original)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int result = original(now, zone);
    now->tv_sec += shift();
    return result;
}

time_t time(time_t *now)
{
    time_t (*original)(time_t *) = dlsym(RTLD_NEXT, "time");
    time_t seconds = original(NULL) + shift();
    if (now != NULL) *now = seconds;
    return seconds;
}
