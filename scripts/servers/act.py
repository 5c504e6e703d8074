#!/usr/bin/env python3
"""Runs act's own Actions cache server (v1) on loopback for as long as standard input stays open.

usage: .venv/bin/python scripts/servers/act.py

The server lives only while act runs a workflow, so a workflow is run whose one step waits. Once it waits, one line of
JSON goes to standard output: the step's ACTIONS_CACHE_URL and GITHUB_REF; {"error": ...} if act did not come that far
within a minute. When standard input reaches its end the step is let go; act is killed if it does not end then.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

START_SECONDS = 60
PROGRAMS = os.path.dirname(os.path.abspath(sys.executable))
WORKFLOW = """\
on: push
jobs:
  hold:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "held=$ACTIONS_CACHE_URL $GITHUB_REF"
          read -r line < "$HOLD"
"""


def die_with_parent() -> None:
    """Runs in the child before act: the system kills it when this script dies, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def make_repository(directory: str) -> str:
    repository = os.path.join(directory, "repository")
    os.makedirs(os.path.join(repository, ".github", "workflows"))
    with open(os.path.join(repository, ".github", "workflows", "ci.yml"), "w") as file:
        file.write(WORKFLOW)
    git = ["git", "-C", repository, "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "Hold"]):
        subprocess.run(git + arguments, check=True, env={**os.environ, "HOME": directory})
    return repository


def launch(directory: str, fifo: str) -> subprocess.Popen:
    environment = {
        "PATH": PROGRAMS + os.pathsep + os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": directory,
        "TMPDIR": directory, "XDG_CACHE_HOME": os.path.join(directory, "cache"),
        "XDG_CONFIG_HOME": os.path.join(directory, "config"), "ACT_DISABLE_VERSION_CHECK": "1", "HOLD": fifo,
    }
    return subprocess.Popen(
        [
            os.path.join(PROGRAMS, "act"), "push", "-C", make_repository(directory), "-W", ".github/workflows/ci.yml",
            "-P", "ubuntu-latest=-self-hosted", "--cache-server-addr", "127.0.0.1", "--cache-server-path",
            os.path.join(directory, "entries"), "--container-daemon-socket", "-", "--action-offline-mode",
            "--pull=false", "-s", "GITHUB_TOKEN=none", "--env", f"HOLD={fifo}",
        ],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=die_with_parent, text=True, errors="replace")


def wait_for_step(act: subprocess.Popen, lines: list[str]) -> dict[str, str]:
    """Reads what act prints until the step waits. Act ends at the limit, and then there is nothing more to read."""
    limit = threading.Timer(START_SECONDS, act.kill)
    limit.start()
    try:
        for line in act.stdout:
            lines.append(line)
            _, found, values = line.partition("| held=")
            if found:
                url, ref = values.split()
                return {"url": url, "ref": ref}
    finally:
        limit.cancel()
    return {"error": f"act did not run its step: {''.join(lines)[-3000:]}"}


def main() -> None:
    directory = tempfile.mkdtemp(prefix="holdfast-act-")
    try:
        fifo = os.path.join(directory, "hold")
        os.mkfifo(fifo)
        # Open at both ends, so that neither side waits for the other to come.
        hold = os.open(fifo, os.O_RDWR)
        act = launch(directory, fifo)
        try:
            answer = wait_for_step(act, [])
            print(json.dumps(answer), flush=True)
            # What act prints later must not fill its pipe.
            threading.Thread(target=act.stdout.read, daemon=True).start()
            if "error" not in answer:
                while os.read(0, 4096):
                    pass
                os.write(hold, b"go\n")
                act.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if act.poll() is None:
                os.killpg(act.pid, signal.SIGKILL)
                act.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
