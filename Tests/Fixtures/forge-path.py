"""Writes one more snapshot into a memory's directory: a single file at any path, however hostile (docs/format.md, format 1)."""
import hashlib
import json
import os
import sys

import zstandard

memory, path = sys.argv[1], sys.argv[2].encode()


def number(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def sha(data):
    return hashlib.sha256(data).digest()


pack = b"HFPK\x01" + os.urandom(16)


def frame(content):
    """Appends a frame to the pack and returns its offset, stored length and length."""
    global pack
    stored = zstandard.ZstdCompressor(write_content_size=True).compress(content)
    pack += stored
    return len(pack) - len(stored), len(stored), len(content)


def table(place):
    """A location table with one frame of the document's own pack."""
    return number(1) + bytes(32) + number(1) + number(0) + b"".join(map(number, place))


content = b"hostile"
page = b"HFPG\x01" + table(frame(content)) + number(1)
page += number(0) + number(len(path)) + path + number(0o600) + number(0) + number(len(content)) + sha(content)
page += b"\x01" + number(0) + number(0)
place = frame(page)
root = b"HFRT\x01" + table(place) + number(1) + number(len(content)) + number(1) + bytes(32) + number(0) + number(0)
root += number(1) + sha(page) + number(0) + number(0) + number(len(page)) + number(1)
offset, stored, length = frame(root)

name = hashlib.sha256(pack).hexdigest()
os.makedirs(f"{memory}/packs/{name[:2]}", exist_ok=True)
with open(f"{memory}/packs/{name[:2]}/{name}", "wb") as file:
    file.write(pack)
newest = sorted(os.listdir(f"{memory}/commits"))[0]
seq = 10**19 - int(newest.split("-")[0]) + 1
with open(f"{memory}/commits/{newest}", "rb") as file:
    before = file.read()
commit = {
    "agent": "local", "ancestors": [newest], "bytes": len(content), "files": 1, "format": 1,
    "manifest": {
        "length": length, "offset": offset, "pack": name, "packSize": len(pack), "pages": place[0],
        "sha256": sha(root).hex(), "storedLength": stored,
    },
    "newBytes": len(pack), "nonce": os.urandom(16).hex(),
    "parents": [{"name": newest, "sha256": sha(before).hex()}], "repository": "owner/repo", "seq": seq,
    "store": {"createOnly": True, "location": "0" * 64}, "time": "2026-01-01T00:00:00.000Z", "writer": "forged",
}
with open(f"{memory}/commits/{10**19 - seq:020d}", "w") as file:
    json.dump(commit, file, sort_keys=True, separators=(",", ":"))
