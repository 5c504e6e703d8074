#!/usr/bin/env python3
"""Puts `holdfast watch` to the proof: outages, two machines that follow each other, kill -9, and a long run.

usage: .venv/bin/python bench/watch.py outage|follow|kill|soak|idle [options]      (`make build-release` first)

outage   a bot stand-in changes an agent's state (bench/opencode_state.py mutate now and then, small turns in between; with
         --mutate 1 in each turn) while the store is stopped, restarted,
         slowed and made to answer 503; in the end the store must hold what the disk holds. Before the first trouble, the
         recovery point is measured: how old the oldest change is that is not in the store yet, sampled by marker files.
follow   two machines, two identities: each begins a session in turn; it must be on the other side within ten seconds.
kill     `watch` is killed at random again and again while its agent works; in the end everything is saved, and nothing torn.
soak     a bot that works at an accelerated pace, sampled every ten seconds: memory and file descriptors.
idle     ten thousand files and no change: CPU time over a minute.

Everything runs on loopback with generated data, below a temporary directory.
"""

import argparse
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from servers import ROOT, InMemory

HERE = os.path.dirname(os.path.abspath(__file__))


# ---------------------------------------------------------------- the store and its troubles

class Gate:
    """A proxy in front of a store that can be closed, slowed, or made to answer 503."""

    def __init__(self, target: str):
        self.target = urllib.parse.urlsplit(target)
        self.mode, self.delay = "open", 0.0
        self.requests = 0
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                gate.requests += 1
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if gate.mode == "reset":
                    self.close_connection = True
                    self.connection.close()
                    return
                if gate.mode == "503":
                    return self.answer(503, [], b"<Error><Code>SlowDown</Code><Message>busy</Message></Error>")
                time.sleep(gate.delay)
                # The host is signed, so it goes on as it came.
                upstream = http.client.HTTPConnection(gate.target.hostname, gate.target.port, timeout=60)
                upstream.request(self.command, self.path, body, dict(self.headers.items()))
                response = upstream.getresponse()
                content = response.read()
                kept = [(k, v) for k, v in response.getheaders() if k.lower() not in ("transfer-encoding", "connection")]
                self.answer(response.status, kept, content)
                upstream.close()

            def answer(self, status, headers, content):
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() != "content-length" or self.command == "HEAD":
                        self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.Server, self.Handler = Server, Handler
        self.server, self.port = None, 0
        self.start()

    def start(self):
        self.server = self.Server(("127.0.0.1", self.port), self.Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """Nobody listens any more."""
        self.server.shutdown()
        self.server.server_close()
        self.mode = "reset"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


# ---------------------------------------------------------------- machines

class Machine:
    """A home of its own with an agent's state, in front of the store that all share."""

    def __init__(self, work: str, name: str, store: dict, agent: str, program: str):
        self.home, self.name, self.program = os.path.join(work, name), name, program
        self.data = os.path.join(self.home, "opencode")
        self.storage = os.path.join(self.data, "storage")
        os.makedirs(self.home, exist_ok=True)
        self.environment = {
            "HOME": self.home, "XDG_DATA_HOME": self.home, "XDG_STATE_HOME": os.path.join(self.home, "state"),
            "TMPDIR": os.path.join(self.home, "tmp"), "PATH": "/usr/bin:/bin", "HOLDFAST_REPO": "octo-org/website",
            "HOLDFAST_AGENT": agent, "AWS_EC2_METADATA_DISABLED": "true"} | store
        os.makedirs(self.environment["TMPDIR"], exist_ok=True)
        self.process = None
        self.log = open(os.path.join(self.home, "watch.log"), "ab")

    def generate(self, sessions: int, megabytes: float, messages: int = 6):
        subprocess.run(
            [sys.executable, f"{HERE}/opencode_state.py", "gen", "--out", self.home, "--sessions", str(sessions), "--messages",
             str(messages), "--parts", "3", "--sqlite-mb", str(megabytes)], check=True, stdout=subprocess.DEVNULL)

    def mutate(self, turns: int):
        subprocess.run(
            [sys.executable, f"{HERE}/opencode_state.py", "mutate", "--out", self.home, "--turns", str(turns), "--touch-pct", "0.2"],
            check=True, stdout=subprocess.DEVNULL)

    def run(self, *arguments):
        result = subprocess.run(
            [self.program, *arguments, "--json"], env=self.environment, capture_output=True, text=True)
        return result.returncode, json.loads(result.stdout or "{}"), result.stderr

    def watch(self, *options):
        self.begin = os.path.getsize(self.log.name)
        self.process = subprocess.Popen(
            [self.program, "watch", "--json", "--log-format", "json", *options], env=self.environment,
            stdout=subprocess.PIPE, stderr=self.log, text=True)

    def is_up(self) -> bool:
        """Signals are heeded, and the store's state is here."""
        return self.said("Restored")

    def said(self, message: str) -> bool:
        """Whether the watch has logged it since it was started."""
        with open(self.log.name, "rb") as log:
            log.seek(self.begin)
            return f'"{message}"'.encode() in log.read()

    def end(self) -> dict:
        eventually("the start", self.is_up)
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=120)
        report = json.loads(out)
        if self.process.returncode != 0:
            raise SystemExit(f"watch ended with {self.process.returncode}: {report}")
        self.process = None
        return report

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def write(self, path: str, text: str):
        path = os.path.join(self.storage, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".tmp", "w") as file:
            file.write(text)
        os.rename(path + ".tmp", path)

    def digest(self, place: str) -> str:
        """Of all that a memory keeps: files by content, databases row by row."""
        left_out = [word for name in ("bin", "locks", "log", "repos", "snapshot", "tool-output", "worktree")
                    for word in ("--exclude", f"{name}/*")]
        result = subprocess.run(
            [sys.executable, f"{HERE}/opencode_state.py", "digest", place, *left_out], capture_output=True, text=True,
            check=True)
        return result.stdout.split()[0]

    def usage(self) -> tuple[float, float, int, int]:
        """CPU seconds, resident MiB, open files and threads of the watch."""
        pid = self.process.pid
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{pid}/statm") as file:
            pages = int(file.read().split()[1])
        return ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * 4096 / (1 << 20),
                len(os.listdir(f"/proc/{pid}/fd")), int(fields[17]))


class Bot:
    """An agent at work that costs little: each turn adds a message with parts to a session, as files and as rows, and
    rewrites the session. It keeps the last messages only, so that the state does not grow without end."""

    def __init__(self, machine: Machine, kept: int = 200):
        self.machine, self.kept, self.number, self.written = machine, kept, 0, []
        self.random = random.Random(machine.name)
        path = os.path.join(machine.data, "opencode.db")
        self.database = None
        if os.path.exists(path):
            self.database = sqlite3.connect(path, isolation_level=None, timeout=30)
            self.database.execute("PRAGMA busy_timeout = 30000")
            self.session = self.database.execute("SELECT id FROM session LIMIT 1").fetchone()[0]

    def text(self) -> str:
        return "".join(self.random.choices("etaoin shrdlu", k=self.random.randint(200, 4000)))

    def turn(self):
        self.number += 1
        message = f"msg_bot{self.number:08d}"
        now = int(time.time() * 1000)
        self.machine.write(f"message/ses_bot{self.number % 5}/{message}.json", json.dumps({"id": message, "time": now}))
        parts = [(f"prt_bot{self.number:08d}{n}", self.text()) for n in range(self.random.randint(1, 4))]
        for part, text in parts:
            self.machine.write(f"part/{message}/{part}.json", json.dumps({"id": part, "text": text}))
        self.machine.write(f"session/bot/ses_bot{self.number % 5}.json", json.dumps({"updated": now, "turn": self.number}))
        self.written.append(message)
        old = self.written.pop(0) if len(self.written) > self.kept else None
        if old:
            shutil.rmtree(os.path.join(self.machine.storage, "part", old))
            os.remove(os.path.join(self.machine.storage, "message", f"ses_bot{int(old[7:]) % 5}", f"{old}.json"))
        if not self.database:
            return
        self.database.execute("BEGIN IMMEDIATE")
        self.insert("message", {"id": message, "session_id": self.session, "time_created": now, "time_updated": now, "data": "{}"})
        for part, text in parts:
            self.insert("part", {"id": part, "message_id": message, "session_id": self.session, "time_created": now,
                                 "time_updated": now, "data": json.dumps({"type": "text", "text": text})})
        self.database.execute("UPDATE session SET time_updated = ? WHERE id = ?", (now, self.session))
        if old:
            self.database.execute("DELETE FROM part WHERE message_id = ?", (old,))
            self.database.execute("DELETE FROM message WHERE id = ?", (old,))
        self.database.execute("COMMIT")

    def insert(self, table: str, row: dict):
        self.database.execute(
            f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))


def eventually(what: str, condition, limit: float = 120, pause: float = 0.05):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"watch: {what}: not within {limit} s")
        time.sleep(pause)


def difference(machine: Machine, work: str, store: dict) -> str | None:
    """What tells the store's state, restored elsewhere, from that on the disk; looks whether the memory is whole."""
    reader = Machine(work, f"reader-{random.getrandbits(32)}", store, machine.environment["HOLDFAST_AGENT"], machine.program)
    try:
        code, result, log = reader.run("pull")
        if code:
            return f"pull: {result} {log}"
        ours, theirs = machine.digest(machine.data), reader.digest(reader.data)
        if ours != theirs:
            return f"the store is not what is on the disk\n{ours}\n{theirs}"
        code, result, log = reader.run("verify")
        return f"verify: {result} {log}" if code else None
    finally:
        reader.log.close()
        shutil.rmtree(reader.home)


def same(machine: Machine, work: str, store: dict, what: str):
    """The store holds what the disk holds, and the memory is whole."""
    if found := difference(machine, work, store):
        raise SystemExit(f"watch: {what}: {found}")


def variables(url: str) -> dict:
    return {"HOLDFAST_STORE": "s3://bench", "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench-secret", "HOLDFAST_ALLOW_INSECURE_ENDPOINT": "true"}


# ---------------------------------------------------------------- recovery point

class Worker:
    """Lets a bot work until a time: small turns, and a mutation of the whole state every so many."""

    def __init__(self, machine: Machine, bot: Bot, arguments):
        self.machine, self.bot, self.arguments = machine, bot, arguments
        self.turns, self.mutations = 0, []

    def __call__(self, until: float):
        while time.monotonic() < until:
            self.bot.turn()
            self.turns += 1
            if self.arguments.mutate and self.turns % self.arguments.mutate == 0:
                begun = time.monotonic()
                self.machine.mutate(1)
                self.mutations.append(time.monotonic() - begun)
            time.sleep(random.uniform(0.5, 1.5) * self.arguments.pause)


class RecoveryPoint:
    """How old a change is when the store has it: small files are written at random moments, whether those before have
    arrived or not, so that a slow save is not measured more rarely than a quick one. The mirror view says when each has
    arrived. Runs in a thread of its own."""

    LIMIT = 60.0  # seconds; what takes longer counts as this

    def __init__(self, machine: Machine, url: str, quiet: float):
        self.machine, self.quiet, self.times = machine, quiet, []
        self.target = urllib.parse.urlsplit(url)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def has(self, name: str) -> bool:
        key = f"{self.machine.environment['HOLDFAST_PREFIX']}/{self.machine.environment['HOLDFAST_AGENT']}/octo-org-website/storage/{name}"
        connection = http.client.HTTPConnection(self.target.hostname, self.target.port)
        try:
            connection.request("HEAD", f"/bench/{key}")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def run(self):
        number, waiting = 0, {}
        due = time.monotonic() + random.uniform(0.05, self.quiet)
        # Those that are on their way in the end count as well: they may be the slow ones.
        while waiting or not self.stop.is_set():
            now = time.monotonic()
            if now >= due and not self.stop.is_set():
                number += 1
                name = f"marker/{number % 50}-{number}.json"
                waiting[name] = now
                self.machine.write(name, json.dumps({"number": number}))
                due = now + random.uniform(0.05, self.quiet)
            for name, written in list(waiting.items()):
                if self.has(name) or now - written > self.LIMIT:
                    self.times.append(time.monotonic() - written)
                    del waiting[name]
            time.sleep(0.01)

    def end(self) -> str:
        self.stop.set()
        self.thread.join()
        ordered = sorted(self.times)
        if len(ordered) < 5:
            raise SystemExit(f"watch: only {len(ordered)} changes were measured")
        at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
        return (f"recovery point over {len(ordered)} changes: median {at(0.5):.2f} s, p99 {at(0.99):.2f} s, "
                f"longest {ordered[-1]:.2f} s")


# ---------------------------------------------------------------- the proofs

def outage(arguments, work: str, server):
    gate = Gate(server.url)
    store = variables(gate.url) | {"HOLDFAST_PREFIX": "outage"}
    machine = Machine(work, "bot", store, "discord", arguments.program)
    machine.generate(arguments.sessions, arguments.megabytes)
    bot = Bot(machine)
    work_on = Worker(machine, bot, arguments)
    machine.watch()
    begun = time.monotonic()
    eventually("the first save", lambda: machine.said("Saved"))
    healthy = RecoveryPoint(machine, server.url, 3)
    until = time.monotonic() + arguments.seconds * (0.4 if arguments.rounds else 1)
    work_on(until)
    print(healthy.end(), flush=True)
    troubles = [("503", lambda: setattr(gate, "mode", "503")), ("stopped", gate.stop),
                ("slowed", lambda: setattr(gate, "delay", 0.3)), ("reset", lambda: setattr(gate, "mode", "reset"))]
    counts = dict.fromkeys((name for name, _ in troubles), 0)
    share = max(2.0, arguments.seconds * 0.6 / (2 * len(troubles) * max(1, arguments.rounds)))
    for _ in range(arguments.rounds):
        for name, begin in troubles:
            begin()
            counts[name] += 1
            work_on(time.monotonic() + share)
            if name == "stopped":
                gate.start()
            gate.mode, gate.delay = "open", 0.0
            work_on(time.monotonic() + share)
    # Nothing changes any more. `status` takes a database that was written right before a save for changed until the next
    # scan, so it is looked at what a restore brings.
    eventually("the last save", lambda: difference(machine, work, store) is None, pause=1)
    machine.mutate(2)
    report = machine.end()["memories"][0]
    same(machine, work, store, "after the end")
    mutations = f"{len(work_on.mutations)} mutations"
    if work_on.mutations:
        mutations += f" of {statistics.median(work_on.mutations):.2f} s"
    print(f"outage: {work_on.turns} turns and {mutations} in {time.monotonic() - begun:.0f} s, troubles {counts}; {report['snapshotsSaved']} snapshots, "
          f"{report['failures']} failed saves; the store equals the disk")


def follow(arguments, work: str, server):
    store = variables(server.url) | {"HOLDFAST_PREFIX": "follow"}
    one = Machine(work, "action", store, "github", arguments.program)
    two = Machine(work, "bot", store, "discord", arguments.program)
    one.generate(5, arguments.megabytes)
    one.watch("--follow", "discord", "--poll-interval", f"{arguments.poll}s")
    two.watch("--follow", "github", "--share-from", "github", "--poll-interval", f"{arguments.poll}s")
    database = os.path.join(two.data, "opencode.db")
    eventually("the seed", lambda: os.path.exists(os.path.join(two.storage, ".version")) or os.path.isdir(os.path.join(two.storage, "session")))
    if arguments.megabytes:
        eventually("the database", lambda: os.path.exists(database))
    connections = {m.name: sqlite3.connect(os.path.join(m.data, "opencode.db"), isolation_level=None, timeout=30)
                   for m in (one, two)} if arguments.megabytes else {}
    for connection in connections.values():
        connection.execute("PRAGMA busy_timeout = 30000")
    project = connections["action"].execute("SELECT id FROM project LIMIT 1").fetchone()[0] if connections else None
    times, rows = [], []
    for number in range(arguments.rounds):
        writer, reader = (one, two) if number % 2 == 0 else (two, one)
        path = f"session/shared/ses_{number:04d}.json"
        writer.write(path, json.dumps({"id": number, "by": writer.name}))
        session = f"ses_shared_{number:04d}"
        if connections:
            connection = connections[writer.name]
            columns = [row[1] for row in connection.execute("PRAGMA table_info(session)")]
            old = connection.execute("SELECT * FROM session LIMIT 1").fetchone()
            new = [session if c == "id" else project if c == "project_id" else v for c, v in zip(columns, old)]
            connection.execute(f"INSERT INTO session VALUES ({','.join('?' * len(new))})", new)
        written = time.monotonic()
        eventually(f"round {number}: a file", lambda: os.path.exists(os.path.join(reader.storage, path)), limit=60)
        times.append(time.monotonic() - written)
        if connections:
            found = lambda: connections[reader.name].execute("SELECT 1 FROM session WHERE id = ?", (session,)).fetchone()
            eventually(f"round {number}: a row", found, limit=60)
            rows.append(time.monotonic() - written)
    for number in range(arguments.rounds):
        for machine in (one, two):
            if not os.path.exists(os.path.join(machine.storage, f"session/shared/ses_{number:04d}.json")):
                raise SystemExit(f"watch: session {number} is lost on {machine.name}")
    for connection in connections.values():
        if connection.execute("SELECT count(*) FROM session WHERE id LIKE 'ses_shared_%'").fetchone()[0] != arguments.rounds:
            raise SystemExit("watch: rows are lost")
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise SystemExit("watch: a database is damaged")
        connection.close()
    commits = lambda: len(one.run("log")[1]["snapshots"]) + len(two.run("log")[1]["snapshots"])
    last = [-1]

    def rests():
        before, last[0] = last[0], commits()
        return before == last[0]

    eventually("rest", rests, pause=max(6.0, 2.5 * arguments.poll))
    for machine in (one, two):
        machine.end()
        same(machine, work, store, machine.name)
    slow = sum(t > 10 for t in times + rows)
    if slow:
        raise SystemExit(f"watch: {slow} sessions took longer than 10 s, the longest {max(times + rows):.1f} s")
    words = lambda t: f"median {statistics.median(t):.2f} s, longest {max(t):.2f} s"
    print(f"follow: {arguments.rounds} sessions both ways, files {words(times)}"
          + (f", rows {words(rows)}" if rows else "") + "; none lost, and both came to rest")


def kill(arguments, work: str, server):
    store = variables(server.url) | {"HOLDFAST_PREFIX": "kill"}
    machine = Machine(work, "bot", store, "discord", arguments.program)
    machine.generate(arguments.sessions, arguments.megabytes)
    bot = Bot(machine)
    for number in range(arguments.kills):
        machine.watch()
        end = time.monotonic() + random.uniform(0.0, arguments.longest)
        if arguments.mutate and number % arguments.mutate == arguments.mutate - 1:
            machine.mutate(1)
        while time.monotonic() < end:
            bot.turn()
            time.sleep(min(random.uniform(0.02, 0.4), max(0.0, end - time.monotonic())))
        machine.kill()
        bot.turn()
        if number % arguments.check == arguments.check - 1:
            machine.watch()
            eventually(f"kill {number}: a save", lambda: machine.run("status")[1]["local"]["identical"], pause=0.3)
            machine.kill()
            same(machine, work, store, f"after {number + 1} kills")
    machine.watch()
    eventually("the last save", lambda: machine.run("status")[1]["local"]["identical"], pause=0.3)
    machine.end()
    same(machine, work, store, "in the end")
    left = [name for _, names, files in os.walk(machine.home) for name in names + files if name.startswith(".holdfast-")]
    if left:
        raise SystemExit(f"watch: left behind: {left}")
    code, result, log = machine.run("verify", "--read-data")
    if code:
        raise SystemExit(f"watch: verify --read-data: {result} {log}")
    print(f"kill: {arguments.kills} kills at random; each time everything was saved on restart, and nothing torn")


def soak(arguments, work: str, server):
    store = variables(server.url) | {"HOLDFAST_PREFIX": "soak"}
    machine = Machine(work, "bot", store, "discord", arguments.program)
    machine.generate(arguments.sessions, arguments.megabytes)
    work_on = Worker(machine, Bot(machine), arguments)
    machine.watch()
    begun = time.monotonic()
    samples = []
    next_sample = begun + 30
    while time.monotonic() < begun + arguments.seconds:
        work_on(min(next_sample, begun + arguments.seconds))
        if time.monotonic() >= next_sample:
            next_sample += 10
            cpu, memory, files, threads = machine.usage()
            samples.append((time.monotonic() - begun, cpu, memory, files, threads))
            print(f"{samples[-1][0]:6.0f} s  {cpu:7.1f} CPU s  {memory:6.1f} MiB  {files} files  {threads} threads", flush=True)
    report = machine.end()["memories"][0]
    same(machine, work, store, "after the soak")
    quarter = len(samples) // 4
    early, late = samples[quarter:2 * quarter], samples[-quarter:]
    mean = lambda part, column: statistics.mean(s[column] for s in part)
    print(f"soak: {work_on.turns} turns in {samples[-1][0]:.0f} s, {report['snapshotsSaved']} snapshots, {report['failures']} failures, "
          f"{samples[-1][1]:.0f} CPU s; memory in the second quarter {mean(early, 2):.1f} MiB, in the last {mean(late, 2):.1f} MiB; "
          f"open files {mean(early, 3):.1f} and {mean(late, 3):.1f} (at most {max(s[3] for s in samples)}); "
          f"threads at most {max(s[4] for s in samples)}")
    if mean(late, 2) > 1.2 * mean(early, 2) + 5 or mean(late, 3) > mean(early, 3) + 5:
        raise SystemExit("watch: FAIL: memory or open files grow")


def idle(arguments, work: str, server):
    store = variables(server.url) | {"HOLDFAST_PREFIX": "idle"}
    machine = Machine(work, "bot", store, "discord", arguments.program)
    for number in range(arguments.files):
        machine.write(f"message/ses_{number // 10:05d}/{number}.json", json.dumps({"number": number, "text": "x" * 200}))
    if arguments.megabytes:
        machine.generate(2, arguments.megabytes)
    machine.watch(*arguments.options)
    eventually("the first save", lambda: machine.run("status")[1]["local"]["identical"], pause=1)
    time.sleep(5)
    before, (begin, _, _, _) = time.monotonic(), machine.usage()
    requests = server.counters()[0]
    time.sleep(arguments.seconds)
    cpu, memory, files, _ = machine.usage()
    share = (cpu - begin) / (time.monotonic() - before)
    print(f"idle: {arguments.files} files, {arguments.seconds:.0f} s: {100 * share:.2f} % of a core, {memory:.0f} MiB, "
          f"{files} open files, {server.counters()[0] - requests} requests")
    machine.end()
    if share > 0.01:
        raise SystemExit("watch: FAIL: more than 1 %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", choices=["outage", "follow", "kill", "soak", "idle"])
    parser.add_argument("--program", default=os.path.join(ROOT, ".build", "release", "holdfast"))
    parser.add_argument("--seconds", type=float, help="how long; outage 600, soak 3600, idle 60")
    parser.add_argument("--rounds", type=int, help="follow: sessions (200); outage: of all troubles (2; 0 for none: only the recovery point)")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--check", type=int, default=10, help="kill: look at the store after so many")
    parser.add_argument("--longest", type=float, default=2.5, help="kill: the longest life of a watch, in seconds")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--megabytes", type=float, default=2, help="of the database; 0 for none")
    parser.add_argument("--mutate", type=int, default=20, help="a mutation of the whole state every so many turns; 0 for none")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two turns of the bot")
    parser.add_argument("--poll", type=int, default=5, help="follow: seconds")
    parser.add_argument("--seed", type=int, default=random.getrandbits(32))
    parser.add_argument("--keep", action="store_true", help="leave the files where they are")
    parser.add_argument("options", nargs="*", help="idle: further options of watch, after --")
    arguments = parser.parse_args()
    proof = globals()[arguments.proof]
    if arguments.seconds is None:
        arguments.seconds = {"outage": 600, "soak": 3600, "idle": 60}.get(arguments.proof, 0)
    if arguments.rounds is None:
        arguments.rounds = {"follow": 200, "outage": 2}.get(arguments.proof, 0)
    if not os.path.exists(arguments.program):
        raise SystemExit(f"watch: {arguments.program} is missing; run 'make build-release'")
    print(f"{arguments.proof}: --seed {arguments.seed}", flush=True)
    random.seed(arguments.seed)
    work = tempfile.mkdtemp(prefix="holdfast-watch-")
    try:
        with InMemory(work) as server:
            proof(arguments, work, server)
    finally:
        if not arguments.keep:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
