# Sourced by the set-up scripts.

# find_python MAJOR MINOR: prints the path of a Python of that version or newer, or fails.
find_python() {
    local name directory
    for name in "python$1.$2" python3 python3.14 python3.13 python3.12; do
        is_python_from "$1" "$2" "$name" && return 0
    done
    # pyenv keeps versions that are not chosen out of PATH.
    for directory in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/; do
        is_python_from "$1" "$2" "${directory}bin/python3" && return 0
    done
    return 1
}

is_python_from() { # is_python_from MAJOR MINOR PROGRAM: prints the program's path if it is recent enough
    "$3" -c "import sys; print(sys.executable) if sys.version_info >= ($1, $2) else sys.exit(1)" 2>/dev/null
}

# make_venv PYTHON DIRECTORY REQUIREMENTS: makes a virtual environment anew, whole or not at all.
make_venv() {
    echo "setup: making $2 (some hundred megabytes, once)" >&2
    rm -rf "$2"
    "$1" -m venv "$2"
    "$2/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$3"
}
