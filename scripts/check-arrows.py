#!/usr/bin/env python3
"""usage: scripts/check-arrows.py [ROOT] [--list]

Checks who uses whom, against the two pictures in docs/architecture.md:

* "Targets": `import` lines of each target below Sources.
* "Inside Holdfast": names that the files of one folder declare and those of another one use. Swift has no imports between
  folders of a target, so a name counts that only one folder declares: a type by its name, a function by its name and first
  label.

Prints each use that is not allowed with its file and line, and fails if there is any. It also fails if an arrow of the
first picture, or an exception in scripts/arrow-exceptions.txt, is not needed any more: both may only shrink. `--list` prints
the uses inside Holdfast that the picture forbids, as lines for that file.
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

ARROW = "→"
IMPORT = re.compile(r"\s*(?:@\w+ +)?(?:public |package |internal |private )?import +(?:(?:struct|enum|class|func) +)?(\w+)")


def block(document: str, heading: str) -> list[str]:
    """The lines of the first indented block below a heading."""
    found, inside = [], False
    for line in document.splitlines():
        if line.startswith("#"):
            if found:
                break
            inside = line.lstrip("# ").strip() == heading
        elif inside and line.startswith("    "):
            found.append(line.strip())
        elif found and line.strip():
            break
    if not found:
        sys.exit(f"check-arrows: docs/architecture.md has no picture below '{heading}'")
    return found


def code(text: str) -> str:
    """Swift without comments and without the text of strings; what strings interpolate stays, and so do line ends."""
    out, i, n = [], 0, len(text)
    # What ends the string or parenthesis that is open, the innermost last: a string's delimiter, or ")" and its depth.
    stack: list[list] = []
    while i < n:
        if stack and stack[-1][0] == "string":
            _, end, escape = stack[-1]
            if text.startswith(end, i):
                stack.pop()
                i += len(end)
                out.append('"')
            elif text.startswith(escape + "(", i):
                stack.append(["(", 1])
                i += len(escape) + 1
                out.append(" ")
            elif text[i] == "\\" and escape == "\\":
                i += 2
            else:
                out.append("\n" if text[i] == "\n" else "")
                i += 1
            continue
        if text.startswith("//", i):
            i = text.find("\n", i) if "\n" in text[i:] else n
            continue
        if text.startswith("/*", i):
            end = text.find("*/", i)
            end = n if end < 0 else end + 2
            out.append("\n" * text.count("\n", i, end))
            i = end
            continue
        start = re.compile(r'(#*)("""|")').match(text, i)
        if start:
            hashes, quotes = start.groups()
            stack.append(["string", quotes + hashes, "\\" + hashes])
            i = start.end()
            out.append('"')
            continue
        if stack and stack[-1][0] == "(":
            if text[i] == "(":
                stack[-1][1] += 1
            elif text[i] == ")":
                stack[-1][1] -= 1
                if stack[-1][1] == 0:
                    stack.pop()
                    out.append(" ")
                    i += 1
                    continue
        out.append(text[i])
        i += 1
    return "".join(out)


def check_targets(root: Path, document: str) -> list[str]:
    allowed: dict[str, set[str]] = {}
    for line in block(document, "Targets"):
        name, _, below = line.partition(ARROW)
        allowed[name.strip()] = set(below.split())
    problems, used = [], defaultdict(set)
    targets = {folder.name for folder in (root / "Sources").iterdir() if folder.is_dir()}
    for name in sorted(targets ^ allowed.keys()):
        problems.append(
            f"docs/architecture.md: the target {name} is only in " + ("Sources" if name in targets else "the picture"))
    for path in sorted((root / "Sources").rglob("*.swift")):
        target = path.relative_to(root / "Sources").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = IMPORT.match(line)
            if not match or match[1] not in targets:
                continue
            used[target].add(match[1])
            if match[1] not in allowed.get(target, set()):
                problems.append(f"{path.relative_to(root)}:{number}: {target} must not use {match[1]}")
    for target, below in sorted(allowed.items()):
        for name in sorted(below - used[target]):
            if target in targets:
                problems.append(f"docs/architecture.md: the arrow {target} {ARROW} {name} is not needed any more")
    package = (root / "Package.swift").read_text()
    for match in re.finditer(r'[tT]arget\(\s*name: "(\w+)",\s*dependencies: \[(.*?)\]\)', package, re.S):
        target, declared = match[1], set(re.findall(r'(?<!name: )(?<!package: )"(\w+)"', match[2])) & targets
        for name in sorted(declared ^ allowed[target]) if target in targets else ():
            problems.append(f"Package.swift: {target} {ARROW} {name} is only in one of package and picture")
    below = {name: set(arrows) for name, arrows in allowed.items()}
    while below:
        leaves = [name for name, arrows in below.items() if not arrows & below.keys()]
        if not leaves:
            problems.append(f"docs/architecture.md: the arrows of {', '.join(sorted(below))} go in a circle")
            break
        for name in leaves:
            del below[name]
    return problems


class Picture:
    """Rows from the top to the bottom, each of groups of folders or files. A group may use itself and all rows below."""

    def __init__(self, lines: list[str]):
        self.places: dict[str, tuple[int, int]] = {}
        for row, line in enumerate(lines):
            for group, names in enumerate(line.split("|")):
                for name in names.split():
                    self.places[name] = (row, group)

    def allows(self, user: str, used: str) -> bool:
        first, second = self.places[user], self.places[used]
        return first == second or first[0] < second[0]


DECLARATION = re.compile(
    r"^(?P<indent> *)(?:@\w+(?:\([^)]*\))? +)*(?P<access>(?:(?:public|package|internal|private|fileprivate|static|final|mutating|"
    r"nonisolated|indirect|override|private\(set\)|public internal\(set\)) +)*)"
    r"(?P<kind>struct|enum|class|actor|protocol|typealias|func|extension) +(?P<name>[A-Za-z_]\w*)"
    r"(?:<[^>]*>)?(?:\(\s*(?P<label>\w+))?", re.M)


def declarations(text: str):
    """Types at the top of a file, and functions there or in extensions: (kind, name, first label or `_`)."""
    container = None
    for match in DECLARATION.finditer(text):
        kind, name, depth = match["kind"], match["name"], len(match["indent"])
        hidden = "private" in match["access"].split() or "fileprivate" in match["access"].split()
        if depth == 0:
            container = kind
            if kind == "extension" or hidden:
                if hidden and kind == "extension":
                    container = None
                continue
            yield ("func" if kind == "func" else "type", name, match["label"])
        elif depth == 4 and container == "extension" and kind == "func" and not hidden:
            yield "func", name, match["label"]


def check_folders(root: Path, document: str):
    """Yields (exception, problem) of each use inside Holdfast that the picture forbids."""
    base = root / "Sources" / "Holdfast"
    picture = Picture(block(document, "Inside Holdfast"))
    files = {path: code(path.read_text()) for path in sorted(base.rglob("*.swift"))}
    place = {path: path.relative_to(base).parts[0] for path in files}
    for name in sorted(set(place.values()) - picture.places.keys()):
        yield None, f"docs/architecture.md: Sources/Holdfast/{name} is not in the picture"
    owners = defaultdict(set)
    every = defaultdict(set)
    for path, text in files.items():
        for declared in declarations(text):
            owners[declared].add(place[path])
        for match in DECLARATION.finditer(text):
            if match["kind"] != "extension":
                every[match["name"]].add(place[path])
    unique = {}
    for (kind, name, label), places in owners.items():
        # A name that two folders declare may mean either; so may one that a folder declares for itself.
        if len(every[name]) == 1:
            unique.setdefault(name, []).append((kind, label, next(iter(places))))
    word = re.compile(r"(?<![\w])(\.?)([A-Za-z_]\w*)(\()?\s*(\w+:)?")
    for path, text in files.items():
        user = place[path]
        if user not in picture.places:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for dot, name, call, label in word.findall(line):
                for kind, first, owner in unique.get(name, ()):
                    if owner == user or owner not in picture.places or picture.allows(user, owner):
                        continue
                    if kind == "type" and dot:
                        continue
                    expected = "" if first in (None, "_") else f"{first}:"
                    if kind == "func" and (not call or label != expected):
                        continue
                    yield f"{user} {ARROW} {owner}", (
                        f"{path.relative_to(root)}:{number}: {user} must not use {name} of {owner}")


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--list"]
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent)
    document = (root / "docs" / "architecture.md").read_text()
    found = list(check_folders(root, document))
    if "--list" in sys.argv:
        print("\n".join(sorted({exception for exception, _ in found if exception})))
        return 0
    exceptions = (root / "scripts" / "arrow-exceptions.txt").read_text().splitlines()
    known = {line.strip() for line in exceptions if line.strip() and not line.startswith("#")}
    problems = check_targets(root, document)
    problems += [problem for exception, problem in found if exception not in known]
    for exception in sorted(known - {exception for exception, _ in found}):
        problems.append(f"scripts/arrow-exceptions.txt: '{exception}' is not needed any more; remove it")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
