#!/usr/bin/env bash
# usage: start-localstack.sh PORT DATADIR
# LocalStack with S3 only, in memory, in the foreground, from .venv-localstack. It checks no header signature; presigned
# URLs must be signed with the key "test" and the secret "test".
set -euo pipefail
port=$1 data=$2
python=$(cd "$(dirname "$0")/../.." && pwd)/.venv-localstack/bin/python
mkdir -p "$data/tmp" "$data/s3"
export TMPDIR=$data/tmp FILESYSTEM_ROOT=$data OBJECTS=$data/s3 OVERRIDE_IN_DOCKER=0
export SERVICES=s3 STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=1 S3_SKIP_SIGNATURE_VALIDATION=0
export GATEWAY_LISTEN=127.0.0.1:$port LOCALSTACK_HOST=localhost:$port
export DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 LS_LOG=warning
# Version 2026.3.0 listens on every interface whatever GATEWAY_LISTEN says, and keeps objects in one fixed folder for
# all instances: both are mended before its main function runs.
exec "$python" -c '
import os
from twisted.internet import endpoints
import localstack.services.s3.provider as provider

class LoopbackEndpoint(endpoints.TCP4ServerEndpoint):
    def __init__(self, reactor, port, backlog=50, interface=""):
        super().__init__(reactor, port, backlog, interface or "127.0.0.1")

endpoints.TCP4ServerEndpoint = LoopbackEndpoint
provider.DEFAULT_S3_TMP_DIR = os.environ["OBJECTS"]
from localstack.runtime.main import main
main()'
