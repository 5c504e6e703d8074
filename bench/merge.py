#!/usr/bin/env python3
"""Measures merging two databases of 330 MB that two machines have changed since they were one.

usage: .venv/bin/python bench/merge.py [options]      (`make bench` builds first)

Two machines have the same database of an agent. Each then changes 1 % of the rows, all over and other rows than the other,
and adds a session with thousands of rows; what they wrote lies in logs that nobody brought back. One pushes. The push of the
other is the merge: it is measured, and so is its pull, which brings the merged database into place. The result is compared
with both, row by row. In a second kind the other machine's agent is newer and has added a column.

"backup + SHA-256" is the least that looking at two databases costs: SQLite's backup of each into a file, and one pass of
SHA-256. Prints the medians, then PASS or FAIL for each bound.
"""

import argparse
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from clients import CLIENTS, Client, Holdfast, Run
from database import OPEN, database, generate, least_time, uploading, verdict
from servers import SERVERS

KINDS = ["one schema", "two schemas"]
WORKLOADS = ["push, not merging", "push, merging", "pull, merged"]
CHANGED = 0.01  # of the rows
ADDED = 2000  # rows of a new session
TIME_RATIO = 10  # of backup + SHA-256 of both
MEMORY_LIMIT = 256  # MiB


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--size", type=int, default=330, metavar="MB")
    options.add_argument("--work", help="where to work; default: /dev/shm if there is room, else the temporary folder")
    options.add_argument("--program", default=Holdfast.program, help="the holdfast to measure")
    arguments = options.parse_args()
    Holdfast.program = arguments.program
    folder = "/dev/shm" if shutil.disk_usage("/dev/shm").free > 5 << 30 else tempfile.gettempdir()
    work = tempfile.mkdtemp(prefix="holdfast-bench-", dir=arguments.work or folder)
    os.environ["TMPDIR"] = work  # images are made where the files are
    try:
        home = os.path.join(work, "state")
        generate(home, arguments.size)
        settle(database(home))
        runs, least = [], []
        with SERVERS["s3mem"](work) as server:
            for number in range(arguments.rounds):
                for kind in KINDS:
                    runs += measure(server, home, work, kind, f"{kind.replace(' ', '-')}-{number}", least)
                    server.wipe()
        print(
            f"two databases of {os.path.getsize(database(home)) / 1e6:.0f} MB, server s3mem on loopback, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, median of {arguments.rounds}\n")
        return report(runs, least)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def settle(path: str) -> None:
    """Brings the log into the database, which is what both machines begin with."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def measure(server, home: str, work: str, kind: str, prefix: str, least: list[float]) -> list[Run]:
    """One merge; the time of the peer joins the list."""
    machines = {name: machine(server, os.path.join(work, name), prefix) for name in "ab"}
    storage = {name: os.path.join(work, name, "data", "opencode", "storage") for name in "ab"}
    paths = {name: os.path.join(work, name, "data", "opencode", "opencode.db") for name in "ab"}
    subprocess.run(["cp", "-a", home, os.path.join(work, "a", "data")], check=True)
    machines["a"].run("prepare", machines["a"].push(storage["a"]))
    machines["b"].run("prepare", machines["b"].pull(storage["b"]))
    for number, name in enumerate("ab"):
        change(paths[name], name, number, adding_column=name == "b" and kind == KINDS[1])
    own = copy(paths["b"], os.path.join(work, "own.db"))
    least.append(sum(least_time(os.path.join(work, name, "data"), work) for name in "ab"))

    runs = [uploading(machines["a"], WORKLOADS[0], machines["a"].push(storage["a"]))]
    runs.append(uploading(machines["b"], WORKLOADS[1], machines["b"].push(storage["b"])))
    while OPEN:  # the agents stop: a pull replaces the database
        OPEN.pop().close()
    runs.append(machines["b"].run(WORKLOADS[2], machines["b"].pull(storage["b"])))
    compare(database(home), paths["a"], own, paths["b"])
    for place in ("a", "b", "own.db"):
        path = os.path.join(work, place)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    for run in runs:
        run.client = kind
    return runs


def machine(server, folder: str, prefix: str) -> Client:
    os.makedirs(folder)
    client = CLIENTS["holdfast-packs"](server, folder)
    client.begin(prefix)
    return client


def change(path: str, name: str, number: int, adding_column: bool) -> None:
    """Lets an agent work: in the log, which nobody brings back. Each of two machines (0 and 1) changes other rows."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    if adding_column:
        connection.execute("ALTER TABLE session ADD COLUMN time_idle integer")
        connection.execute(
            "INSERT INTO __drizzle_migrations SELECT max(id) + 1, '', max(created_at) + 1, "
            "'20260901000000_session_idle', NULL FROM __drizzle_migrations")
    rows = connection.execute("SELECT max(rowid) FROM part").fetchone()[0]
    for row in random.Random(7 + number).sample(range(1 + number, rows + 1, 2), int(rows * CHANGED)):
        connection.execute(
            "UPDATE part SET data = json_set(data, '$.by', ?), time_updated = time_updated + 1 WHERE rowid = ?",
            (name, row))
    columns = "project_id, slug, directory, version, time_created, time_updated"
    session, message = f"ses_new_{name}", f"msg_new_{name}"
    connection.execute(
        f"INSERT INTO session (id, title, {columns}) SELECT ?, 'new', {columns} FROM session LIMIT 1", (session,))
    connection.execute(
        "INSERT INTO message SELECT ?, ?, time_created, time_updated, data FROM message LIMIT 1", (message, session))
    connection.execute(
        "INSERT INTO part SELECT printf('prt_new_%s_%06d', ?, rowid), ?, ?, time_created, time_updated, data FROM part "
        "LIMIT ?", (name, message, session, ADDED))
    connection.commit()
    OPEN.append(connection)  # closing would bring the log back


def copy(path: str, target: str) -> str:
    source, copied = sqlite3.connect(path), sqlite3.connect(target)
    copied.execute("PRAGMA synchronous = OFF")
    source.backup(copied)
    copied.close()
    source.close()
    return target


def compare(base: str, a: str, b: str, merged: str) -> None:
    """Checks that each row of the merged database is the one that was changed, and that none is missing."""
    connection = sqlite3.connect(merged)
    for name, path in (("base", base), ("a", a), ("b", b)):
        connection.execute(f"ATTACH ? AS {name}", (path,))
    for table, value in (("session", "title"), ("message", "data"), ("part", "data")):
        count = "SELECT count(*) FROM"
        found = connection.execute(f"{count} main.{table}").fetchone()[0]
        wanted = connection.execute(
            f"{count} (SELECT id FROM a.{table} UNION SELECT id FROM b.{table})").fetchone()[0]
        wrong = connection.execute(
            f"{count} main.{table} m LEFT JOIN base.{table} o USING (id) LEFT JOIN a.{table} a USING (id) "
            f"LEFT JOIN b.{table} b USING (id) WHERE m.{value} IS NOT "
            f"CASE WHEN a.{value} IS NOT o.{value} THEN a.{value} ELSE b.{value} END").fetchone()[0]
        if found != wanted or wrong:
            raise SystemExit(f"bench: the merge has {found} rows of {wanted} in '{table}', {wrong} of them wrong")
    connection.close()


def report(runs: list[Run], least: list[float]) -> int:
    print("| workload | schemas | seconds | CPU seconds | peak MiB | requests | MB up |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for workload in WORKLOADS:
        for kind in KINDS:
            own = [run for run in runs if (run.workload, run.client) == (workload, kind)]
            one = {key: statistics.median(getattr(run, key) or 0 for run in own)
                   for key in ("seconds", "cpu", "memory", "requests", "bytes")}
            sent = "–" if workload == WORKLOADS[2] else f"{one['bytes'] / 1e6:.2f}"
            print(f"| {workload} | {kind} | {one['seconds']:.2f} | {one['cpu']:.2f} | {one['memory']:.0f} "
                  f"| {one['requests']:.0f} | {sent} |")
    print(f"| backup + SHA-256 of both | – | {statistics.median(least):.2f} | – | – | – | – |\n")
    passed = True
    for place, kind in enumerate(KINDS):
        # Round by round, since a shared machine has slow and fast minutes.
        merges = [run.seconds for run in runs if (run.workload, run.client) == (WORKLOADS[1], kind)]
        ratio = statistics.median(
            seconds / peer for seconds, peer in zip(merges, least[place :: len(KINDS)], strict=True))
        passed &= verdict(
            ratio <= TIME_RATIO, f"merge, {kind}: {ratio:.2f} times backup + SHA-256 of both, {TIME_RATIO} allowed")
        peak = max(run.memory for run in runs if run.client == kind)
        passed &= verdict(peak <= MEMORY_LIMIT, f"merge, {kind}: peak memory {peak:.0f} MiB of {MEMORY_LIMIT} allowed")
    return int(not passed)


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"\nbench: {time.monotonic() - started:.0f} s", file=sys.stderr)
    sys.exit(code)
