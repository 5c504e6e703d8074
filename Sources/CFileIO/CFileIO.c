#define _GNU_SOURCE
#include "CFileIO.h"
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

int holdfast_syncfs(int descriptor) {
#ifdef __linux__
    return syncfs(descriptor);
#else
    // Elsewhere there is no call for one file system; sync(2) covers it with all others.
    sync();
    return 0;
#endif
}

void holdfast_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20); // the most that glibc takes
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
    mallopt(M_TOP_PAD, 16 << 20);
#endif
}
