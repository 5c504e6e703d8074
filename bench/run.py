#!/usr/bin/env python3
"""Measures pushing and pulling an agent state of 10,000 files, beside s5cmd and on a server on loopback.

usage: .venv/bin/python bench/run.py [options]      (`make bench` builds first)

Prints for each workload and client the median of some rounds: seconds, CPU seconds of the client (user and system, from
wait4), its peak memory, requests and body bytes; then PASS or FAIL for each bound. Fails if a bound does or if a pull
does not bring back every byte. Clients take turns within a round, so that a busy machine disturbs all alike. "files alone"
is the time that bench/create needs to make the files of a pull, from memory and with nothing else to do: in Python, as the
first figures of this machine were taken, and in C, which is what the system allows. At the end, a file of 4 GiB that does not
compress goes there and back (--large 0 leaves it out).
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from clients import CLIENTS, Client, Run
from servers import SERVERS

HERE = os.path.dirname(os.path.abspath(__file__))
WORKLOADS = ["push, cold", "push, no change", "push, 25 changed", "pull, cold"]
MEMORY_LIMIT = 200  # MiB
LARGE_MEMORY_LIMIT = 256  # MiB, for the large file
PULL_REQUESTS = 12
LANGUAGES = ["Python", "C"]  # in which the files alone are made
PULL_RATIO = 2  # of the time for the files alone
CHANGED_REQUESTS = 5  # without the mirror view


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--server", choices=SERVERS, default="s3mem", help="in memory, or a real cluster")
    options.add_argument("--clients", default=",".join(CLIENTS), help="names with commas between them")
    options.add_argument("--work", help="where to work; default: /dev/shm if there is room, else the temporary folder")
    options.add_argument("--large", type=int, default=4096, metavar="MIB", help="size of the large file; 0: none")
    options.add_argument("--json", metavar="FILE", help="write every single measurement there")
    arguments = options.parse_args()

    missing = [name for name in arguments.clients.split(",") if not CLIENTS[name].is_installed()]
    if missing:
        print(f"bench: {', '.join(missing)} is not there; run `make build-release`", file=sys.stderr)
        return 1

    work = tempfile.mkdtemp(prefix="holdfast-bench-", dir=arguments.work or roomy_folder())
    try:
        state = generate(work, arguments.files)
        with SERVERS[arguments.server](work) as server:
            clients = [CLIENTS[name](server, work) for name in arguments.clients.split(",")]
            runs, alone = [], {language: [] for language in LANGUAGES}
            create = {"Python": [sys.executable, os.path.join(HERE, "create", "create.py")], "C": [compile_create(work)]}
            for number in range(arguments.rounds):
                for client in clients[number % len(clients) :] + clients[: number % len(clients)]:
                    runs += measure(client, state, work, number)
                    server.wipe()
                    if client.name == "holdfast":
                        for language in LANGUAGES:
                            alone[language].append(files_alone(create[language], work))
            large = measure_large(CLIENTS["holdfast-packs"](server, work), arguments.large, work, server)
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump([vars(run) for run in runs], file, indent=1)
        describe(state, arguments)
        return report(runs, alone, large, arguments.clients.split(","))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def roomy_folder() -> str:
    """A file system in memory measures the client and not the disk; 2 GiB are plenty."""
    shm = "/dev/shm"
    return shm if os.path.isdir(shm) and shutil.disk_usage(shm).free > 2 << 30 else tempfile.gettempdir()


def files_below(folder: str) -> list[str]:
    return sorted(os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)


def generate(work: str, count: int) -> str:
    """Makes the storage tree of an OpenCode-like state with exactly so many files, and returns its path."""
    home = os.path.join(work, "state")
    generator = os.path.join(HERE, "opencode_state.py")
    subprocess.run(
        [sys.executable, generator, "gen", "--out", home, "--seed", "20", "--sessions", str(count // 75 + 1)],
        check=True, stdout=subprocess.DEVNULL)
    storage = os.path.join(home, "opencode", "storage")
    shutil.rmtree(os.path.join(storage, "session_share"))  # secrets: Holdfast stores none, s5cmd would
    surplus = len(files_below(storage)) - count
    if surplus < 0:
        raise SystemExit(f"bench: the generator made {-surplus} files too few")
    for path in files_below(os.path.join(storage, "part"))[-surplus:] if surplus else []:
        os.unlink(path)
        if not os.listdir(os.path.dirname(path)):
            os.rmdir(os.path.dirname(path))
    return storage


def change(source: str, seed: int) -> None:
    """Rewrites five files at their end and adds twenty, as a short session does."""
    choose = random.Random(seed)
    parts = files_below(os.path.join(source, "part"))
    for path in choose.sample(parts, 5):
        with open(path, "a") as file:
            file.write(f"\n{choose.getrandbits(64):x}\n")
    for number in range(20):
        folder = os.path.dirname(choose.choice(parts))
        with open(os.path.join(folder, f"prt_new_{number:02d}.json"), "w") as file:
            json.dump({"id": number, "text": "something new " * choose.randint(20, 400)}, file)


def measure(client: Client, state: str, work: str, number: int) -> list[Run]:
    """One round of one client: all workloads, on a copy of the state and under a prefix of its own."""
    source, target = os.path.join(work, "source"), os.path.join(work, "target")
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-a", state, source], check=True)  # times are kept: s5cmd decides by them
    os.mkdir(target)
    client.begin(f"{client.name}-{number}")
    commands = [(WORKLOADS[0], client.push(source)), (WORKLOADS[1], client.push_again(source))]
    runs = [client.run(workload, command) for workload, command in commands]
    change(source, number)
    runs.append(client.run(WORKLOADS[2], client.push_again(source)))
    client.forget()
    runs.append(client.run(WORKLOADS[3], client.pull(target)))
    difference = subprocess.run(["diff", "-rq", source, target], capture_output=True, text=True).stdout
    if difference:
        raise SystemExit(f"bench: {client.name} did not bring back what was pushed:\n{difference[:2000]}")
    return runs


def compile_create(work: str) -> str:
    program = os.path.join(work, "create")
    subprocess.run(["cc", "-std=gnu17", "-O2", "-o", program, os.path.join(HERE, "create", "create.c")], check=True)
    return program


def files_alone(create: list[str], work: str) -> float:
    """Seconds for making the files that the last pull brought, in the same place."""
    source, target = os.path.join(work, "source"), os.path.join(work, "target")
    shutil.rmtree(target)
    return float(subprocess.run([*create, source, target], check=True, capture_output=True, text=True).stdout)


def measure_large(client: Client, size: int, work: str, server) -> list[Run]:
    """One large file that does not compress, there and back; on the disk, since it is large."""
    if size == 0:
        return []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
        os.mkdir(source)
        with open(os.path.join(source, "large.bin"), "wb") as file:
            for _ in range(size):
                file.write(os.urandom(1 << 20))
        client.begin("large")
        runs = [client.run("push, large file", client.push(source))]
        client.forget()
        runs.append(client.run("pull, large file", client.pull(target)))
        names = [os.path.join(place, "large.bin") for place in (source, target)]
        if subprocess.run(["cmp", "-s", *names]).returncode != 0:
            raise SystemExit("bench: the large file came back changed")
        server.wipe()
    return runs


def describe(state: str, arguments: argparse.Namespace) -> None:
    sizes = sorted(os.path.getsize(path) for path in files_below(state))
    print(
        f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB (median {sizes[len(sizes) // 2]} bytes), server "
        f"{arguments.server} on loopback, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"median of {arguments.rounds}\n")


@dataclass
class Median:
    seconds: float
    cpu: float
    memory: float
    requests: float | None
    megabytes: float | None


def median(runs: list[Run]) -> Median:
    def of(values):
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    return Median(
        of(run.seconds for run in runs), of(run.cpu for run in runs), of(run.memory for run in runs),
        of(run.requests for run in runs), of(None if run.bytes is None else run.bytes / 1e6 for run in runs))


def report(runs: list[Run], alone: dict[str, list[float]], large: list[Run], clients: list[str]) -> int:
    """Prints the table and the bounds; returns the exit code."""
    print("| workload | client | seconds | CPU seconds | peak MiB | requests | MB |")
    print("|---|---|---:|---:|---:|---:|---:|")
    medians = {}
    for workload in WORKLOADS:
        for client in clients:
            one = medians[workload, client] = median([r for r in runs if (r.workload, r.client) == (workload, client)])
            requests = "–" if one.requests is None else f"{one.requests:.0f}"
            megabytes = "–" if one.megabytes is None else f"{one.megabytes:.2f}"
            print(
                f"| {workload} | {client} | {one.seconds:.2f} | {one.cpu:.2f} | {one.memory:.0f} "
                f"| {requests} | {megabytes} |")
    for language, seconds in alone.items():
        if seconds:
            print(f"| pull, files alone | {language} | {statistics.median(seconds):.2f} | – | – | – | – |")
    for run in large:
        print(
            f"| {run.workload} | {run.client} | {run.seconds:.2f} | {run.cpu:.2f} | {run.memory:.0f} | {run.requests} "
            f"| {run.bytes / 1e6 if run.bytes else 0:.2f} |")
    print()
    failed = False
    if "holdfast" not in clients:
        return 0
    if "s5cmd" in clients:
        for workload in (WORKLOADS[0], WORKLOADS[3]):
            ours, theirs = (medians[workload, client].cpu for client in ("holdfast", "s5cmd"))
            failed |= not verdict(ours <= theirs, f"{workload}: {ours:.2f} CPU s, s5cmd {theirs:.2f}")
    pull = medians[WORKLOADS[3], "holdfast"]
    requests = pull.requests or 0
    failed |= not verdict(requests <= PULL_REQUESTS, f"cold pull: {requests:.0f} requests of {PULL_REQUESTS} allowed")
    # Round by round, since a shared machine has slow and fast minutes.
    pulls = [run.seconds for run in runs if (run.workload, run.client) == (WORKLOADS[3], "holdfast")]
    for language, times in alone.items():
        if times:
            ratio = statistics.median(seconds / files for seconds, files in zip(pulls, times, strict=True))
            failed |= not verdict(
                ratio <= PULL_RATIO, f"cold pull: {ratio:.2f} times the files alone in {language}, {PULL_RATIO} allowed")
    if "holdfast-packs" in clients:
        for workload, allowed in ((WORKLOADS[1], 1), (WORKLOADS[2], CHANGED_REQUESTS)):
            requests = medians[workload, "holdfast-packs"].requests or 0
            failed |= not verdict(requests <= allowed, f"{workload}: {requests:.0f} requests of {allowed} allowed")
    if large:
        peak = max(run.memory for run in large)
        failed |= not verdict(
            peak <= LARGE_MEMORY_LIMIT, f"large file: peak memory {peak:.0f} MiB of {LARGE_MEMORY_LIMIT} allowed")
    peak = max(run.memory for run in runs if run.client.startswith("holdfast"))
    failed |= not verdict(peak <= MEMORY_LIMIT, f"peak memory {peak:.0f} MiB of {MEMORY_LIMIT} allowed")
    return int(failed)


def verdict(passed: bool, text: str) -> bool:
    print(("PASS  " if passed else "FAIL  ") + text)
    return passed


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"\nbench: {time.monotonic() - started:.0f} s", file=sys.stderr)
    sys.exit(code)
