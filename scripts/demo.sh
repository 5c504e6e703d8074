#!/usr/bin/env bash
# usage: scripts/demo.sh      (after a debug build; `make demo` does everything)
# Runs `holdfast demo` on the embedded store, then on a real S3 server that is started for it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python holdfast=${HOLDFAST:-.build/debug/holdfast} server=${DEMO_SERVER:-ministack}

echo "== embedded store: no server, no network"
"$holdfast" demo

echo
echo "== OpenCode's database: written by a process that was killed, its newest rows still in the log"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
state() { "$python" bench/opencode_state.py "$@"; }
# The data home of an agent, and Holdfast's own memory of this machine in the same place.
in_work() { XDG_DATA_HOME=$work/home XDG_STATE_HOME=$work/state HOLDFAST_STORE=file://$work/store "$@"; }
state gen --out "$work/home" --seed 7 --sessions 4 --sqlite-mb 12 >"$work/log"
# What is beside OpenCode's own directory is not part of its memory.
rm -rf "$work"/home/_*
before=$(state digest "$work/home" | cut -d " " -f 1)
in_work "$holdfast" push --repo holdfast/demo --no-mirror --no-progress
rm -rf "$work/home/opencode"
in_work "$holdfast" pull --repo holdfast/demo --no-progress
after=$(state digest "$work/home" | cut -d " " -f 1)
if [ "$before" != "$after" ]; then
    echo "demo: the restored database differs: $before, then $after" >&2
    exit 1
fi
echo "compare   identical, table by table, row by row: $after"
rm -rf "$work"

echo
echo "== S3 ($server on loopback)"
# The server ends when this script's end of the pipe does.
coproc serve { exec "$python" scripts/servers/serve.py "$server"; }
served=$serve_PID
finish() {
    [ -z "${serve[1]:-}" ] || exec {serve[1]}>&-
    wait "$served" || true
}
trap finish EXIT
if ! read -r endpoint <&"${serve[0]}"; then
    echo "demo: $server did not start" >&2
    exit 1
fi
field() { # field NAME...: a member of the line that serve.py wrote
    "$python" -c '
import functools, json, sys
print(functools.reduce(dict.__getitem__, sys.argv[1:], json.load(sys.stdin)))' "$@" <<<"$endpoint"
}
url=$(field url) bucket=$(field bucket)
AWS_ACCESS_KEY_ID=$(field identities full accessKey)
AWS_SECRET_ACCESS_KEY=$(field identities full secretKey)
AWS_REGION=$(field region)
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
unset AWS_SESSION_TOKEN AWS_PROFILE
"$holdfast" demo --store "s3://$bucket" --endpoint-url "$url" --allow-insecure-endpoint
