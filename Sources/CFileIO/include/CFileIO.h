#pragma once

// System calls that Swift's Glibc module does not show, since it is built without _GNU_SOURCE.

/// syncfs(2): brings the file system that holds `descriptor` to the disk. Returns 0, or -1 with errno.
int holdfast_syncfs(int descriptor);
