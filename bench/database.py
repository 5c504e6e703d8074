#!/usr/bin/env python3
"""Measures saving and restoring an agent's database of 330 MB, beside tools that store files.

usage: .venv/bin/python bench/database.py [options]      (`make bench` builds first)

The database is one that OpenCode would have, with a write-ahead log that a killed process has left. It is saved, 1 % of its
pages are changed (scattered: single rows all over; clustered: new rows at the end), and it is saved again; then it
is restored in an empty place and compared row by row. "backup + SHA-256" is the least that a safe copy costs: SQLite's
backup into a file, and one pass of SHA-256. The other tools get a copy that SQLite has made for them; they could not take
the live files. Prints the medians, then PASS or FAIL for each bound.

--large GIB measures something else: that memory does not grow with a database. One of that size, of random bytes, is saved to a
`file://` store on disk, saved again after some rows have changed, and restored elsewhere; beside it the same is done with
one of 330 MB. It needs some three times the size on disk, and no memory for a server.
"""

import argparse
import hashlib
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from clients import CLIENTS, ROOT, Client, Holdfast, HoldfastPacks, Run, S5cmd
from servers import SERVERS

HERE = os.path.dirname(os.path.abspath(__file__))
CLUSTERED_LIMIT = 1.2  # MB uploaded
SCATTERED_LIMIT = 6.0
TIME_RATIO = 1.5  # of backup + SHA-256
CHANGED = 0.01  # of the pages
MEMORY_LIMIT = 256  # MiB, however large the database
TABLES = "session message part event todo".split()
OPEN: list[sqlite3.Connection] = []


class Rclone(Client):
    name = "rclone"
    program = os.path.join(ROOT, ".venv", "bin", "rclone")

    def environment(self):
        remote = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": self.server.url, "REGION": "us-east-1",
                  "FORCE_PATH_STYLE": "true"}
        return super().environment() | {"RCLONE_CONFIG": "/dev/null"} | {
            f"RCLONE_CONFIG_S_{key}": value for key, value in remote.items()}

    def command(self, *arguments):
        return [self.program, "-q", "--s3-no-check-bucket", *arguments]

    def place(self):
        return f"s:{self.server.bucket}/{self.prefix}"

    def push(self, source):
        return self.command("copy", source, self.place())

    def pull(self, target):
        return self.command("copy", self.place(), target)


class Disk:
    """A directory in the place of a server: nobody counts."""

    url = access_key = secret_key = region = ""

    def counters(self) -> None:
        return None


class HoldfastOnDisk(HoldfastPacks):
    """Saves to a directory."""

    limit = 4 * 3600

    def __init__(self, work: str):
        super().__init__(Disk(), work)
        self.store = os.path.join(work, "store")

    def command(self, verb: str, folder: str) -> list[str]:
        return [
            self.program, verb, "--store", f"file://{self.store}", "--repo", "owner/repo", "--agent", "bench",
            "--storage", folder, "--json", "--no-progress", *self.options,
        ]


class Restic(Client):
    name = "restic"
    program = shutil.which("restic")

    def environment(self):
        return super().environment() | {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": os.path.join(self.home, "cache")}

    def command(self, *arguments):
        return [self.program, "-q", "-r", f"s3:{self.server.url}/{self.server.bucket}/{self.prefix}", *arguments]

    def begin(self, prefix):
        super().begin(prefix)
        subprocess.run(self.command("init"), env=self.environment(), check=True, stdout=subprocess.DEVNULL)

    def push(self, source):
        return self.command("backup", source)

    def pull(self, target):
        return self.command("restore", "latest", "--target", target)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--size", type=int, default=330, metavar="MB")
    options.add_argument("--work", help="where to work; default: /dev/shm if there is room, for --large the temporary folder")
    options.add_argument("--program", default=Holdfast.program, help="the holdfast to measure")
    options.add_argument("--large", type=float, default=0, metavar="GIB", help="measure only a database of that size (0: none)")
    arguments = options.parse_args()
    Holdfast.program = arguments.program
    if arguments.large:
        return measure_large(arguments)
    folder = "/dev/shm" if shutil.disk_usage("/dev/shm").free > 4 << 30 else tempfile.gettempdir()
    work = tempfile.mkdtemp(prefix="holdfast-bench-", dir=arguments.work or folder)
    os.environ["TMPDIR"] = work  # images are made where the files are
    try:
        home = os.path.join(work, "state")
        generate(home, arguments.size)
        peers = [S5cmd, Rclone] + ([Restic] if Restic.is_installed() else [])
        if not Restic.is_installed():
            print("restic is not installed and left out", file=sys.stderr)
        runs, least = [], []
        with SERVERS["s3mem"](work) as server:
            for _ in range(arguments.rounds):
                for kind in ("scattered", "clustered"):
                    least.append(least_time(home, work))
                    runs += measure_holdfast(server, home, work, kind)
                    server.wipe()
                    for peer in peers:
                        runs += measure_peer(peer(server, work), home, work, kind)
                        server.wipe()
        print(
            f"database of {os.path.getsize(database(home)) / 1e6:.0f} MB, server s3mem on loopback, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, median of {arguments.rounds}\n")
        return report(runs, statistics.median(least))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def generate(home: str, megabytes: int) -> None:
    subprocess.run(
        [sys.executable, os.path.join(HERE, "opencode_state.py"), "gen", "--out", home, "--seed", "20", "--sessions",
         "3", "--sqlite-mb", str(megabytes)], check=True, stdout=subprocess.DEVNULL)


def database(home: str) -> str:
    return os.path.join(home, "opencode", "opencode.db")


def copy_of(home: str, work: str) -> str:
    source = os.path.join(work, "source")
    shutil.rmtree(source, ignore_errors=True)
    subprocess.run(["cp", "-a", home, source], check=True)
    return source


def change(path: str, kind: str) -> None:
    """Changes about 1 % of the pages, as an agent does: in the log, which nobody brings back."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    rows = connection.execute("SELECT max(rowid) FROM part").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    goal = int(pages * CHANGED * 0.97)
    if kind == "scattered":
        for row in random.Random(7).sample(range(1, rows + 1), goal):
            connection.execute(
                "UPDATE part SET data = replace(data, '\"type\"', '\"tyqe\"') WHERE rowid = ?", (row,))
    else:
        # The newest session grows.
        message, session = connection.execute(
            "SELECT message_id, session_id FROM part ORDER BY rowid DESC LIMIT 1").fetchone()
        row = rows // 2
        while connection.execute("PRAGMA page_count").fetchone()[0] < pages + goal:
            connection.execute(
                "INSERT INTO part SELECT printf('prt_zzzzzzzz%08d', rowid), ?, ?, time_created, time_updated, data "
                "FROM part WHERE rowid = ?", (message, session, row))
            row += 1
    connection.commit()
    OPEN.append(connection)  # closing would bring the log back


def least_time(home: str, work: str) -> float:
    """SQLite's backup into a file, and SHA-256 over it."""
    path = os.path.join(work, "least.db")
    started = time.monotonic()
    source, target = sqlite3.connect(database(home)), sqlite3.connect(path)
    target.execute("PRAGMA synchronous = OFF")
    source.backup(target)
    target.close()
    with open(path, "rb") as file:
        hashlib.file_digest(file, "sha256")
    seconds = time.monotonic() - started
    source.close()
    os.unlink(path)
    return seconds


def measure_holdfast(server, home: str, work: str, kind: str) -> list[Run]:
    client = CLIENTS["holdfast-packs"](server, work)
    source, target = copy_of(home, work), os.path.join(work, "target")
    shutil.rmtree(target, ignore_errors=True)
    storage = os.path.join(source, "opencode", "storage")
    client.begin(f"holdfast-{kind}")
    runs = [uploading(client, "push, cold", client.push(storage))]
    change(database(source), kind)
    runs.append(uploading(client, f"push, 1 % {kind}", client.push(storage)))
    client.forget()
    runs.append(client.run("pull, cold", client.pull(os.path.join(target, "opencode", "storage"))))
    if rows_of(database(source)) != rows_of(database(target)):
        raise SystemExit("bench: holdfast did not bring back every row")
    return runs


def uploading(client: Client, workload: str, command: list[str]) -> Run:
    """Runs a command and counts what it uploads."""
    before = client.server.ask("stats")["bytesIn"]
    run = client.run(workload, command)
    run.bytes = client.server.ask("stats")["bytesIn"] - before
    return run


def rows_of(path: str) -> str:
    connection = sqlite3.connect(path)
    digest = hashlib.sha256()
    for table in TABLES:
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
            digest.update(repr(row).encode())
    return digest.hexdigest()


def measure_peer(client: Client, home: str, work: str, kind: str) -> list[Run]:
    """A peer gets what SQLite's backup made, before and after the change."""
    source, files, target = copy_of(home, work), os.path.join(work, "files"), os.path.join(work, "target")
    for folder in (files, target):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    backup(database(source), os.path.join(files, "opencode.db"))
    client.begin(f"{client.name}-{kind}")
    runs = [uploading(client, "push, cold", client.push(files))]
    change(database(source), kind)
    backup(database(source), os.path.join(files, "opencode.db"))
    runs.append(uploading(client, f"push, 1 % {kind}", client.push(files)))
    runs.append(client.run("pull, cold", client.pull(target)))
    return runs


def backup(path: str, copy: str) -> None:
    if os.path.exists(copy):
        os.unlink(copy)
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    target.close()
    source.close()


def report(runs: list[Run], least: float) -> int:
    print("| workload | client | seconds | CPU seconds | peak MiB | requests | MB |")
    print("|---|---|---:|---:|---:|---:|---:|")
    median = {}
    for workload in ("push, cold", "push, 1 % scattered", "push, 1 % clustered", "pull, cold"):
        for client in dict.fromkeys(run.client for run in runs):
            own = [run for run in runs if (run.workload, run.client) == (workload, client)]
            if not own:
                continue
            one = {key: statistics.median(getattr(run, key) or 0 for run in own)
                   for key in ("seconds", "cpu", "memory", "requests", "bytes")}
            median[workload, client] = one
            print(f"| {workload} | {client} | {one['seconds']:.2f} | {one['cpu']:.2f} | {one['memory']:.0f} "
                  f"| {one['requests']:.0f} | {one['bytes'] / 1e6:.2f} |")
    print(f"| backup + SHA-256 | – | {least:.2f} | – | – | – | – |\n")
    failed = False
    for kind, limit in (("scattered", SCATTERED_LIMIT), ("clustered", CLUSTERED_LIMIT)):
        one = median[f"push, 1 % {kind}", "holdfast-packs"]
        failed |= not verdict(one["bytes"] / 1e6 <= limit, f"{kind}: {one['bytes'] / 1e6:.2f} MB of {limit} allowed")
        ratio = one["seconds"] / least
        failed |= not verdict(
            ratio <= TIME_RATIO, f"{kind}: {ratio:.2f} times backup + SHA-256, {TIME_RATIO} allowed")
    return int(failed)


# ---------------------------------------------------------------- memory

def measure_large(arguments) -> int:
    """Saves and restores a database of 330 MB and a large one, and looks at what memory that takes."""
    folder = arguments.work or tempfile.gettempdir()
    large = int(arguments.large * (1 << 30))
    # The database, the store and in turn an image or what is restored; the small one is gone by then.
    needed, free = int(3.2 * max(large, arguments.size << 20)) + (1 << 30), shutil.disk_usage(folder).free
    print(f"needs {needed / (1 << 30):.1f} GiB in {folder}, {free / (1 << 30):.1f} GiB are free", file=sys.stderr)
    if needed > free:
        raise SystemExit("bench: too little room; see --work")
    work = tempfile.mkdtemp(prefix="holdfast-bench-", dir=folder)
    os.environ["TMPDIR"] = work  # images are made where the files are
    try:
        small = measure_on_disk(work, arguments.size, 0)
        runs = measure_on_disk(work, 2, large)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print("| workload | database | seconds | CPU seconds | peak MiB |")
    print("|---|---|---:|---:|---:|")
    for pair in zip(small, runs):
        for name, run in zip((f"{arguments.size} MB", f"{arguments.large:g} GiB"), pair):
            print(f"| {run.workload} | {name} | {run.seconds:.2f} | {run.cpu:.2f} | {run.memory:.0f} |")
    print()
    verdicts = [
        verdict(run.memory <= MEMORY_LIMIT, f"{run.workload}: {run.memory:.0f} MiB of {MEMORY_LIMIT} allowed")
        for run in runs]
    return int(not all(verdicts))


def measure_on_disk(work: str, megabytes: int, random_bytes: int) -> list[Run]:
    """Saves, changes, saves again and restores a database; leaves nothing of it.

    - megabytes: of what an agent would have written.
    - random_bytes: how large the file gets by rows of random bytes.
    """
    source, target = os.path.join(work, "source"), os.path.join(work, "target")
    storage = os.path.join(source, "opencode", "storage")
    generate(source, megabytes)
    path = database(source)
    fill(path, random_bytes)
    client = HoldfastOnDisk(work)
    client.begin("")
    runs = [client.run("push, cold", client.push(storage))]
    change_some(path)
    runs.append(client.run("push, some rows changed", client.push(storage)))
    client.forget()
    runs.append(client.run("pull, cold", client.pull(os.path.join(target, "opencode", "storage"))))
    if rows_of(path) != rows_of(database(target)) or filling_of(path) != filling_of(database(target)):
        raise SystemExit("bench: holdfast did not bring back every row")
    OPEN.pop().close()
    for folder in (source, target, client.store):
        shutil.rmtree(folder)
    return runs


def fill(path: str, size: int) -> None:
    """Adds rows of random bytes, short and long ones, until the file has a size."""
    connection = sqlite3.connect(path, isolation_level=None)
    # A crash while it is made matters to nobody, and a journal would cost a second copy.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("CREATE TABLE filling (id INTEGER PRIMARY KEY, data BLOB)")
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    while (left := size - page * connection.execute("PRAGMA page_count").fetchone()[0]) > 0:
        rows = min(20_000, left // 15_000 + 1)
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO filling (data) SELECT randomblob(200 + abs(random() % 30000)) FROM n", (rows,))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def change_some(path: str) -> None:
    """Changes 50 rows of an agent and 50 of the filling, all over, in the log, which nobody brings back."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for table, value in (("part", "replace(data, '\"type\"', '\"tyqe\"')"), ("filling", "randomblob(length(data))")):
        rows = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
        for number in range(50 if rows else 0):
            connection.execute(f"UPDATE {table} SET data = {value} WHERE rowid = ?", (1 + number * rows // 50,))
    connection.commit()
    OPEN.append(connection)  # closing would bring the log back


def filling_of(path: str) -> tuple[int, str]:
    """How many rows of random bytes there are, and the digest of them all."""
    connection = sqlite3.connect(path)
    count, digest = 0, hashlib.sha256()
    for number, data in connection.execute("SELECT id, data FROM filling ORDER BY id"):
        count += 1
        digest.update(b"%d %d " % (number, len(data)))
        digest.update(data)
    connection.close()
    return count, digest.hexdigest()


def verdict(passed: bool, text: str) -> bool:
    print(("PASS  " if passed else "FAIL  ") + text)
    return passed


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"\nbench: {time.monotonic() - started:.0f} s", file=sys.stderr)
    sys.exit(code)
