#!/usr/bin/env bash
# usage: start-moto.sh PORT DATADIR
# Moto's server, in memory, in the foreground. It checks no signature; it answers STS and instance metadata as well.
set -euo pipefail
port=$1 data=$2
mkdir -p "$data"
export TMPDIR=$data
exec moto_server -H 127.0.0.1 -p "$port"
