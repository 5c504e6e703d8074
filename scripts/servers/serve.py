#!/usr/bin/env python3
"""Runs a real S3 server on a free loopback port for as long as standard input stays open.

usage: .venv/bin/python scripts/servers/serve.py KIND [--under DIRECTORY]

Once the server takes an object, one line of JSON goes to standard output: url, region, bucket, directory, log, pid and
the keys of each identity; {"error": ...} if it did not start within a minute. When standard input reaches its end (so
also when the process that holds the other end is killed) the server is killed and its directory removed.
"""

import argparse
import ctypes
import json
import os
import random
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUCKET = "holdfast-test"
REGION = "us-east-1"
KINDS = ["ministack", "juicefs", "seaweedfs", "rclone", "moto", "localstack"]
START_SECONDS = 60
PORTS = 16  # a block of ports for each server; SeaweedFS takes the most, eight
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.dirname(os.path.abspath(sys.executable))

# boto3 is imported late, and must see nothing of the user's own configuration.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")


class StartError(Exception):
    """Says why a server is not there."""


def free_ports() -> tuple[int, socket.socket]:
    """Finds a block of free ports below the range from which the system gives outgoing connections theirs.

    Returns the first port, and a socket that reserves the block among processes that run this script.
    """
    for _ in range(200):
        first = random.randrange(16000, 32000 - PORTS, PORTS)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0holdfast-ports-{first}")
            for port in range(first, first + PORTS):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first, reservation
        except OSError:
            reservation.close()
    raise StartError("no block of free ports between 16000 and 32000")


def die_with_parent() -> None:
    """Runs in the child before the server: the system kills it when this script dies, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def launch(kind: str, port: int, directory: str, user: dict[str, str]) -> subprocess.Popen:
    environment = {
        "PATH": PROGRAMS + os.pathsep + os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": directory,
        "TMPDIR": directory,
        "ACCESS_KEY": user["accessKey"],
        "SECRET_KEY": user["secretKey"],
        "BUCKET": BUCKET,
    }
    with open(log_of(directory), "ab") as log:
        return subprocess.Popen(
            [os.path.join(HERE, f"start-{kind}.sh"), str(port), directory],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent)


def log_of(directory: str) -> str:
    return os.path.join(directory, "server.log")


def tail(directory: str, size: int = 3000) -> str:
    with open(log_of(directory), "rb") as log:
        return log.read()[-size:].decode(errors="replace")


def identities(kind: str, user: dict[str, str], connect) -> dict[str, dict[str, str]]:
    """The users of a server that answers: who may do what is part of the name."""
    if kind == "ministack":
        from ministack_users import make_users

        return make_users(BUCKET, **connect(user))
    if kind == "seaweedfs":
        return {
            "full": user,
            "noList": {"accessKey": "holdfastnolist", "secretKey": "holdfast-nolist-secret"},
            "readOnly": {"accessKey": "holdfastreadonly", "secretKey": "holdfast-readonly-secret"},
        }
    return {"full": user}


def prepare(kind: str, port: int, user: dict[str, str], process: subprocess.Popen) -> dict[str, dict[str, str]]:
    """Waits until the server takes an object; makes its users and the bucket on the way."""
    import boto3
    from botocore.client import Config
    from botocore.exceptions import BotoCoreError, ClientError

    def connect(keys: dict[str, str]) -> dict:
        return {
            "endpoint_url": f"http://127.0.0.1:{port}", "region_name": REGION,
            "aws_access_key_id": keys["accessKey"], "aws_secret_access_key": keys["secretKey"],
            "config": Config(
                connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, proxies={},
                s3={"addressing_style": "path"}),
        }

    deadline = time.monotonic() + START_SECONDS
    users = None
    while True:
        try:
            users = users or identities(kind, user, connect)
            s3 = boto3.client("s3", **connect(users["full"]))
            try:
                s3.create_bucket(Bucket=BUCKET)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise
            s3.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
            s3.delete_object(Bucket=BUCKET, Key="ready")
            return users
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None:
                raise StartError(f"{kind} ended with status {process.returncode}") from error
            if time.monotonic() > deadline:
                raise StartError(f"{kind} took no object within {START_SECONDS} s: {error}") from error
            time.sleep(0.05)


def start(kind: str, directory: str) -> tuple[subprocess.Popen, socket.socket, dict]:
    """Starts a server; a second and third time on other ports if it ends at once, as when its port was taken."""
    user = {"accessKey": "holdfasttest", "secretKey": secrets.token_hex(16)}
    if kind in ("moto", "localstack"):
        user = {"accessKey": "test", "secretKey": "test"}
    for attempt in (1, 2, 3):
        port, reservation = free_ports()
        process = launch(kind, port, directory, user)
        try:
            users = prepare(kind, port, user, process)
            return process, reservation, {
                "kind": kind, "url": f"http://127.0.0.1:{port}", "region": REGION, "bucket": BUCKET,
                "identities": users, "directory": directory, "log": log_of(directory), "pid": process.pid,
            }
        except StartError:
            ended = process.poll() is not None
            kill(process)
            if attempt == 3 or not ended:
                raise
    raise AssertionError("unreachable")


def kill(process: subprocess.Popen) -> None:
    """The data are thrown away, so there is nothing to shut down in order."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def main() -> int:
    # What a test process left open without close-on-exec, such as a listener, must not live on here.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    options.add_argument("--under", metavar="DIRECTORY", help="where the server's own directory is made")
    arguments = options.parse_args()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    directory = tempfile.mkdtemp(prefix=f"holdfast-{arguments.kind}-", dir=arguments.under)
    process = None
    try:
        process, _reservation, endpoint = start(arguments.kind, directory)
        print(json.dumps(endpoint), flush=True)
        ended = os.pidfd_open(process.pid)
        ready, _, _ = select.select([sys.stdin, ended], [], [])
        if ended in ready:
            print(f"serve.py: {arguments.kind} ended by itself\n{tail(directory)}", file=sys.stderr)
            return 1
        return 0
    except StartError as error:
        print(json.dumps({"error": f"{error}\n{tail(directory)}"}), flush=True)
        return 1
    finally:
        if process is not None:
            kill(process)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
