#!/usr/bin/env bash
# usage: scripts/archives.sh FOLDER
# Fills the folder so that a build with `--pkg-config-path FOLDER` takes libzstd, SQLite and libyaml into the program:
# the linker takes a library from the first folder that has it, and this one has the archives alone.
set -euo pipefail
folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

while read -r package library; do
    archive=$(cc -print-file-name="lib$library.a")
    [ -e "$archive" ] || {
        echo "archives: there is no lib$library.a; its development package has it" >&2
        exit 1
    }
    ln -sf "$archive" "$folder/"
    {
        printf 'Name: %s\nDescription: %s as an archive\nVersion: %s\n' "$package" "$package" "$(pkg-config --modversion "$package")"
        printf 'Cflags: %s\nLibs: -L%s -l%s\n' "$(pkg-config --cflags "$package")" "$folder" "$library"
    } >"$folder/$package.pc"
done <<'END'
libzstd zstd
sqlite3 sqlite3
yaml-0.1 yaml
END
