#!/usr/bin/env bash
# usage: scripts/demo.sh      (after a debug build; `make demo` does everything)
# Runs `holdfast demo` on the embedded store, then on a real S3 server that is started for it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python holdfast=${HOLDFAST:-.build/debug/holdfast} server=${DEMO_SERVER:-ministack}

echo "== embedded store: no server, no network"
"$holdfast" demo

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
