#!/usr/bin/env python3
"""Makes a copy of a directory tree from memory, and prints how many seconds the making took.

usage: create.py SOURCE TARGET

One thread makes the directories, then opens, writes and closes the files. create.c does the same in C.
"""

import os
import sys
import time

source, target = sys.argv[1:]
files = {}
for folder, _, names in os.walk(source):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            files[os.path.join(target, os.path.relpath(path, source))] = file.read()
folders = sorted({os.path.dirname(path) for path in files})

started = time.monotonic()
for folder in folders:
    os.makedirs(folder, exist_ok=True)
for path, content in files.items():
    with open(path, "wb") as file:
        file.write(content)
print(f"{time.monotonic() - started:.6f}")
