#define _GNU_SOURCE
#include "CFileIO.h"
#include <unistd.h>

int holdfast_syncfs(int descriptor) {
#ifdef __linux__
    return syncfs(descriptor);
#else
    // Elsewhere there is no call for one file system; sync(2) covers it with all others.
    sync();
    return 0;
#endif
}
