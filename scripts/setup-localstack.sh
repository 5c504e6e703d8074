#!/usr/bin/env bash
# usage: scripts/setup-localstack.sh
# Makes .venv-localstack for `make test-localstack`, which needs Python 3.13. Run again, it does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python.sh

requirements=scripts/requirements-localstack.txt
stamp="$(cat scripts/setup-localstack.sh scripts/python.sh "$requirements" | sha256sum | cut -c1-64) $PWD"
if [ "$(cat .venv-localstack/holdfast-setup 2>/dev/null || true)" = "$stamp" ]; then
    exit 0
fi

python=$(find_python 3 13) || {
    echo "setup: LocalStack needs Python 3.13 or newer, and there is none on PATH or under pyenv" >&2
    echo "setup: Debian 13, Ubuntu 25.04: apt-get install python3 python3-venv; elsewhere: pyenv install 3.13" >&2
    exit 1
}
make_venv "$python" .venv-localstack "$requirements"
echo "$stamp" >.venv-localstack/holdfast-setup
