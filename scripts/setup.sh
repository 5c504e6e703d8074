#!/usr/bin/env bash
# usage: scripts/setup.sh [bench]
# Installs what building, testing and benchmarking need: system packages, and .venv with the test servers.
# Run again, it does nothing until the pinned versions, this script or the folder change.
# With `bench`, it installs what only the benchmark compares with.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python.sh

# name of the Debian package : command that succeeds where it is not needed
needed=(
    "git:git --version"
    "make:make --version"
    "ca-certificates:test -e /etc/ssl/certs/ca-certificates.crt"
    "build-essential:compiles"
    "zlib1g-dev:compiles zlib.h"
    "libzstd-dev:compiles zstd.h"
    "libsqlite3-dev:compiles sqlite3.h"
    "libyaml-dev:compiles yaml.h"
    "pkg-config:pkg-config --version"
    "tar:tar --version"
    "zstd:zstd --version"
    "python3:find_python 3 11"
    "python3-venv:has_venv"
    "nodejs:has_node 18"
    "openssl:openssl version"
)

compiles() { # compiles [HEADER]
    printf '%s\nint main(void) { return 0; }\n' "${1:+#include <$1>}" | cc -x c -o /dev/null - 2>/dev/null
}

has_venv() {
    local python
    python=$(find_python 3 11) && "$python" -c 'import ensurepip, venv'
}

has_node() { # has_node VERSION: the oldest that the scripts of the GitHub Action are written for
    [ "$(node -p 'parseInt(process.versions.node)')" -ge "$1" ]
}

install_system_packages() {
    local missing=() entry
    for entry in "${needed[@]}"; do
        ${entry#*:} >/dev/null 2>&1 || missing+=("${entry%%:*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as_root=(sudo)
        else
            missing_packages "there is no root and no sudo here" "${missing[@]}"
        fi
    fi
    command -v apt-get >/dev/null || missing_packages "this is no Debian or Ubuntu" "${missing[@]}"
    echo "setup: installing ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    for entry in "${needed[@]}"; do
        ${entry#*:} >/dev/null 2>&1 || {
            echo "setup: ${entry%%:*} is installed, but '${entry#*:}' still fails" >&2
            exit 1
        }
    done
}

missing_packages() { # missing_packages REASON PACKAGE...
    echo "setup: needed, and not installed because $1: ${*:2}" >&2
    echo "setup: on Debian or Ubuntu: apt-get install ${*:2}    (Python must be 3.11 or newer)" >&2
    exit 1
}

if [ "${1:-}" = bench ]; then
    needed=("restic:restic version")
    install_system_packages
    exit 0
fi

# A virtual environment holds absolute paths: a folder that moved needs a new one.
packages=(scripts/requirements.txt scripts/requirements-readers.txt)
stamp="$(cat scripts/setup.sh scripts/python.sh "${packages[@]}" | sha256sum | cut -c1-64) $PWD"
if [ "$(cat .venv/holdfast-setup 2>/dev/null || true)" = "$stamp" ] && [ -x .venv/bin/python ]; then
    exit 0
fi

install_system_packages
make_venv "$(find_python 3 11)" .venv scripts/requirements.txt
# One of them needs Python 3.12, which may come later and lie elsewhere: in a folder, each Python finds them.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
    --target .venv/readers --requirement scripts/requirements-readers.txt
echo "$stamp" >.venv/holdfast-setup
