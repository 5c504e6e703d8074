#!/usr/bin/env bash
# usage: start-rclone.sh PORT DATADIR
# `rclone serve s3` over a local directory, in the foreground. ACCESS_KEY and SECRET_KEY name its only user.
set -euo pipefail
port=$1 data=$2
mkdir -p "$data/buckets" "$data/cache"
exec rclone serve s3 --config "" --cache-dir "$data/cache" --addr "127.0.0.1:$port" --no-cleanup \
    --auth-key "${ACCESS_KEY:-holdfasttest},${SECRET_KEY:-holdfast-test-secret}" "$data/buckets"
