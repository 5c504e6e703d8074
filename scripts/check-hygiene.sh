#!/usr/bin/env bash
# usage: scripts/check-hygiene.sh
# Rules that the compiler and the formatter do not know. Prints each line that breaks one; fails if there is any.
set -euo pipefail
cd "$(dirname "$0")/.."

broken=0

# forbid REASON PATTERN PATH...: no line below the paths may match the extended regular expression.
forbid() {
    local reason=$1 pattern=$2 found
    shift 2
    found=$(grep --recursive --line-number --binary-files=without-match --extended-regexp \
        --exclude-dir=.git --exclude-dir='.build*' --exclude-dir='.venv*' --exclude-dir=.swiftpm \
        --exclude-dir=__pycache__ --exclude-dir=Fixtures --exclude=check-hygiene.sh \
        --regexp="$pattern" "$@") || return 0
    printf 'check-hygiene: %s\n%s\n\n' "$reason" "$found"
    broken=1
}

# /home/runner is the same on every machine that matters: GitHub's.
forbid "a path of one machine" '(^|[^A-Za-z0-9_.~})-])/(work|root|home/([^r]|r[^u]|ru[^n])[a-z0-9_-]*)/' .
forbid "work left undone" '\b(TODO|FIXME|XXX|HACK)\b' .
forbid "a forced try or cast may crash on input" '\b(try|as)!' Sources
forbid "full Foundation; FoundationEssentials keeps the program small" '\bimport Foundation([^A-Za-z]|$)' Sources
forbid "@unchecked Sendable turns the compiler's proof off" '@unchecked Sendable' Sources
forbid "a test waits for a condition, not for a time" '\b(Task\.sleep|Thread\.sleep|usleep|nanosleep)\b' Tests
forbid "a test that cannot fail" '\.disabled\(|\bwithKnownIssue\b' Tests

# Nobody can review what is that large, and it stays in every clone for ever. The two are sets of recorded cases. Of an
# unpacked archive, git tracks nothing.
if git rev-parse 2>/dev/null; then
    large=$(git ls-files -z -- . ':!Tests/Fixtures/vectors/responses.json' ':!Tests/Fixtures/credentials-botocore.json' |
        { xargs -0 stat --format='%s %n' 2>/dev/null || true; } | awk '$1 > 300 * 1024')
    if [ -n "$large" ]; then
        printf 'check-hygiene: a tracked file of more than 300 KiB (bytes, name)\n%s\n\n' "$large"
        broken=1
    fi
fi

exit $broken
