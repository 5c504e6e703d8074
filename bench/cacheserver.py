"""A cache service of the older REST kind on loopback, as act and GitHub Enterprise Server have it; entries in a folder.

The address may have any path before the service's own; each has entries of its own.

usage: python bench/cacheserver.py FOLDER      prints the port, runs until its standard input ends
"""

import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FOLDER = sys.argv[1]
entries: list[dict] = []  # in the order of their making
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, document: dict | None = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def place(self) -> str:
        """What stands before the service's own path: entries of one address are not seen from another."""
        return self.path.split("/_apis/")[0]

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/archive/"):
            return self.send_archive(int(url.path.split("/")[-1]))
        query = parse_qs(url.query)
        version = query["version"][0]
        for key in query["keys"][0].split(","):
            found = [
                e for e in entries
                if e["done"] and (e["place"], e["version"]) == (self.place(), version) and e["key"].startswith(key)]
            if found:
                port = self.server.server_address[1]
                location = f"http://127.0.0.1:{port}/archive/{found[-1]['id']}"
                return self.answer(200, {"cacheKey": found[-1]["key"], "archiveLocation": location})
        self.answer(204)

    def send_archive(self, number: int) -> None:
        with open(os.path.join(FOLDER, str(number)), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            first, last = 0, size - 1
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if wanted:
                first, last = int(wanted[1]), min(int(wanted[2] or last), last)
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            self.wfile.flush()
            os.sendfile(self.connection.fileno(), file.fileno(), first, last - first + 1)

    def do_POST(self) -> None:
        wanted = json.loads(self.body())
        name = self.path.rsplit("/", 1)[-1]
        with lock:
            if name != "caches":
                entries[int(name) - 1]["done"] = True
                return self.answer(204)
            entry = {"place": self.place(), "key": wanted["key"], "version": wanted["version"]}
            if any(entry.items() <= e.items() for e in entries):
                return self.answer(409, {"message": "Cache already exists."})
            number = len(entries) + 1
            entries.append(entry | {"id": number, "done": False})
            open(os.path.join(FOLDER, str(number)), "wb").close()
        self.answer(201, {"cacheId": number})

    def do_PATCH(self) -> None:
        first = int(re.match(r"bytes (\d+)-", self.headers["Content-Range"])[1])
        with open(os.path.join(FOLDER, self.path.rsplit("/", 1)[-1]), "r+b") as file:
            file.seek(first)
            file.write(self.body())
        self.answer(204)

    def log_message(self, *_) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
