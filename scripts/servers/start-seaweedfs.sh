#!/usr/bin/env bash
# usage: start-seaweedfs.sh PORT DATADIR
# SeaweedFS (master, volume server, filer, S3) over a local directory, in the foreground, on the ports PORT to PORT+7.
# ACCESS_KEY and SECRET_KEY name the administrator; DATADIR/s3.json has the two restricted users as well.
set -euo pipefail
port=$1 data=$2 bucket=${BUCKET:-holdfast-test}
mkdir -p "$data/volumes" "$data/filer"
if [ ! -e "$data/s3.json" ]; then
    cat >"$data/s3.json" <<JSON
{"identities": [
  {"name": "full", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
   "credentials": [{"accessKey": "${ACCESS_KEY:-holdfasttest}", "secretKey": "${SECRET_KEY:-holdfast-test-secret}"}]},
  {"name": "noList", "actions": ["Read:$bucket", "Write:$bucket"],
   "credentials": [{"accessKey": "holdfastnolist", "secretKey": "holdfast-nolist-secret"}]},
  {"name": "readOnly", "actions": ["Read:$bucket", "List:$bucket"],
   "credentials": [{"accessKey": "holdfastreadonly", "secretKey": "holdfast-readonly-secret"}]}
]}
JSON
fi
export TMPDIR=$data                         # it leaves sockets there
export WEED_S3_SSE_KEY=holdfast-test-encryption # else a PUT that asks for SSE-S3 fails with 500
cd "$data/filer" # the filer's own database is made in the working directory
exec weed -logtostderr=true server -dir="$data/volumes" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
    -master.port=$((port + 1)) -master.port.grpc=$((port + 5)) -master.telemetry=false -master.volumeSizeLimitMB=128 \
    -volume.port=$((port + 2)) -volume.port.grpc=$((port + 6)) -volume.max=0 -volume.preStopSeconds=1 \
    -filer -filer.port=$((port + 3)) -filer.port.grpc=$((port + 7)) -filer.localSocket="$data/filer.sock" \
    -s3 -s3.port="$port" -s3.port.grpc=$((port + 4)) -s3.config="$data/s3.json" -s3.port.iceberg=0 -s3.port.lance=0 \
    -s3.localSocket="$data/s3.sock" -s3.autoCreateBucket=false -s3.allowDeleteBucketNotEmpty=false
