#pragma once

// Calls that Swift's Glibc module does not show: it is built without _GNU_SOURCE, and without malloc.h.

/// syncfs(2): brings the file system that holds `descriptor` to the disk. Returns 0, or -1 with errno.
int holdfast_syncfs(int descriptor);

/// mallopt(3): makes the allocator keep freed memory, up to 32 MiB for each of its arenas, instead of giving it back to the system.
void holdfast_keep_freed_memory(void);
