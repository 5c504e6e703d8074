#!/usr/bin/env bash
# usage: scripts/test.sh WIDTH [options of swift test...]
# Runs the tests that are built, WIDTH at once. What failed is said again at the end: it would be far up among the lines of
# a thousand tests, and a log may be cut.
set -uo pipefail
cd "$(dirname "$0")/.."

width=$1
shift
mkdir -p .build
log=$(mktemp .build/test-XXXXXXXX.log)
trap 'rm -f "$log"' EXIT

"${SWIFT:-swift}" test --skip-build --experimental-maximum-parallelization-width "$width" "$@" 2>&1 | tee "$log"
status=$?
[[ $status -eq 0 ]] && exit 0

printf '\n== what failed\n'
grep --text --extended-regexp '^✘|^error:|Fatal error|\*\*\* Signal|recorded an issue' "$log" | cut -c 1-2000 | tail -n 60
exit "$status"
