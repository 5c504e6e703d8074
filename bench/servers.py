"""The servers to measure against; each is a context manager that has the server running inside."""

import json
import os
import subprocess
import sys
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class InMemory:
    """bench/s3mem: costs so little that the client is what is measured, and counts requests and bytes."""

    access_key, secret_key, region, bucket = "bench", "bench-secret", "us-east-1", "bench"

    def __init__(self, work: str):
        self.work = work

    def __enter__(self):
        sources = os.path.join(ROOT, "bench", "s3mem")
        program = os.path.join(self.work, "s3mem")
        files = [os.path.join(sources, name) for name in sorted(os.listdir(sources)) if name.endswith(".c")]
        subprocess.run(["cc", "-std=gnu17", "-O2", "-o", program, *files], check=True)
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, what: str) -> dict:
        with urllib.request.urlopen(f"{self.url}/_{what}") as answer:
            return json.load(answer)

    def counters(self) -> tuple[int, int]:
        """Requests, and body bytes in both directions."""
        now = self.ask("stats")
        return now["requests"], now["bytesIn"] + now["bytesOut"]

    def wipe(self) -> None:
        self.ask("wipe")


class SeaweedFS:
    """A real cluster, through the script that the tests use; it counts nothing."""

    def __init__(self, work: str):
        self.work = work

    def __enter__(self):
        serve = os.path.join(ROOT, "scripts", "servers", "serve.py")
        self.process = subprocess.Popen(
            [sys.executable, serve, "seaweedfs", "--under", self.work],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        endpoint = json.loads(self.process.stdout.readline())
        if "error" in endpoint:
            raise SystemExit(f"bench: {endpoint['error']}")
        self.url, self.region, self.bucket = endpoint["url"], endpoint["region"], endpoint["bucket"]
        self.access_key, self.secret_key = endpoint["identities"]["full"].values()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def counters(self) -> None:
        return None

    def wipe(self) -> None:
        """Each round has a prefix of its own, so what is there disturbs nothing."""


SERVERS = {"s3mem": InMemory, "seaweedfs": SeaweedFS}
