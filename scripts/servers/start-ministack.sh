#!/usr/bin/env bash
# usage: start-ministack.sh PORT DATADIR
# MiniStack with S3, STS and IAM, in memory, in the foreground. ACCESS_KEY and SECRET_KEY name its root user, whose
# signature it does not check: work with the users that ministack_users.py makes.
set -euo pipefail
port=$1 data=$2
mkdir -p "$data/tmp" "$data/s3" "$data/state"
export AWS_ACCESS_KEY_ID=${ACCESS_KEY:-holdfasttest} AWS_SECRET_ACCESS_KEY=${SECRET_KEY:-holdfast-test-secret}
export TMPDIR=$data/tmp S3_DATA_DIR=$data/s3 STATE_DIR=$data/state S3_PERSIST=0 PERSIST_STATE=0
export BIND_HOST=127.0.0.1 GATEWAY_PORT=$port MINISTACK_HOST=localhost
export AUTH=true SERVICES=s3,sts,iam,kms,imds SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 LOG_LEVEL=WARNING
exec ministack
