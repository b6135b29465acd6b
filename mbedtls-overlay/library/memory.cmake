# glibc's calloc takes nothing of what free() has put aside for the thread, so that each piece of a handshake's memory is cut from the
# heap anew, and what was freed piles up where it has to be joined again. Its malloc does. What is too large to be put aside is
# left to calloc, which knows whether the memory is new, and zero already.

edit("memory: declaration" include/mbedtls/platform.h
"#undef mbedtls_free
#undef mbedtls_calloc
#define mbedtls_free       free
#define mbedtls_calloc     calloc"
"#include <stddef.h>
void *mbedtls_zeroed_memory(size_t n, size_t size);
#undef mbedtls_free
#undef mbedtls_calloc
#define mbedtls_free       free
#define mbedtls_calloc     mbedtls_zeroed_memory")

edit("memory: zeroed" library/platform.c
"/* The compile time configuration of memory allocation via the macros"
"#include <stdlib.h>

/* The largest piece that glibc puts aside for a thread (TCACHE_MAX_BYTES in its malloc.c, of which 8 are its own). */
#define SMALL_PIECE 1032

void *mbedtls_zeroed_memory(size_t n, size_t size)
{
    if (size != 0 && n > SMALL_PIECE / size) {
        return calloc(n, size);
    }
    void *memory = malloc(n * size);
    if (memory != NULL) {
        /* Not memset(): compilers make calloc() of the two. */
        mbedtls_platform_zeroize(memory, n * size);
    }
    return memory;
}

/* The compile time configuration of memory allocation via the macros")
