#!/usr/bin/env bash
# usage: start-juicefs.sh PORT DATADIR
# The JuiceFS gateway (MinIO's S3 code) over a local directory, in the foreground. PORT+1 serves its metrics.
# ACCESS_KEY and SECRET_KEY (8 characters or more) name its only user.
set -euo pipefail
port=$1 data=$2
export MINIO_ROOT_USER=${ACCESS_KEY:-holdfasttest} MINIO_ROOT_PASSWORD=${SECRET_KEY:-holdfast-test-secret}
mkdir -p "$data/blocks" "$data/cache" "$data/home"
export HOME=$data/home
meta=sqlite3://$data/meta.db
if [ ! -e "$data/meta.db" ]; then
    juicefs format --trash-days 0 --storage file --bucket "$data/blocks/" "$meta" holdfast
fi
exec juicefs --no-agent gateway --no-usage-report --no-banner --multi-buckets --keep-etag --object-tag --object-meta \
    --cache-dir "$data/cache" --metrics "127.0.0.1:$((port + 1))" --backup-meta 0 "$meta" "127.0.0.1:$port"
