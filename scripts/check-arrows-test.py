#!/usr/bin/env python3
"""usage: scripts/check-arrows-test.py

Runs check-arrows.py on small trees of its own: one that keeps the pictures, and one for each way to break them.
"""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).parent / "check-arrows.py"

GOOD = {
    "docs/architecture.md": """# Architecture

## Targets

    Holdfast → Basics
    Basics   →

## Inside Holdfast

    Operations
    Capture | Restoring
    Workspace.swift
""",
    "Package.swift": """
        .target(
            name: "Holdfast",
            dependencies: [
                "Basics", log,
                .product(name: "Other", package: "other"),
            ]),
        .target(name: "Basics"),
""",
    "scripts/arrow-exceptions.txt": "# None.\n",
    "Sources/Basics/Basics.swift": "public enum Basics {}\n",
    "Sources/Holdfast/Workspace.swift": "import Basics\n\nstruct Workspace {}\n",
    "Sources/Holdfast/Operations/Push.swift": "struct Push { let capture: Capture }\n",
    "Sources/Holdfast/Capture/Capture.swift": """struct Capture {
    let workspace: Workspace
    /// Not as a `Restore`.
    let text = "a Restore and a \\(workspace) /* no Restore */"
}

extension Workspace {
    func open(at place: Int) {}
}
""",
    "Sources/Holdfast/Restoring/Restore.swift": "struct Restore {\n    func close() { open(of: 1) }\n}\n",
}


class CheckArrowsTest(unittest.TestCase):
    def check(self, changes: dict[str, str]) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**GOOD, **changes}.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            run = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True, check=False)
            return run.returncode, run.stdout + run.stderr

    def assert_broken(self, line: str, changes: dict[str, str]) -> None:
        self.assertEqual(self.check(changes), (1, line + "\n"))

    def test_a_tree_that_keeps_the_pictures(self):
        self.assertEqual(self.check({}), (0, ""))

    def test_an_import_upwards(self):
        self.assert_broken(
            "Sources/Basics/Basics.swift:2: Basics must not use Holdfast",
            {"Sources/Basics/Basics.swift": "\n@testable import Holdfast\n"})

    def test_a_type_of_a_neighbour(self):
        self.assert_broken(
            "Sources/Holdfast/Restoring/Restore.swift:2: Restoring must not use Capture of Capture",
            {"Sources/Holdfast/Restoring/Restore.swift": "struct Restore {\n    let capture: Capture?\n}\n"})

    def test_a_type_from_above_inside_a_string(self):
        self.assert_broken(
            "Sources/Holdfast/Workspace.swift:3: Workspace.swift must not use Push of Operations",
            {"Sources/Holdfast/Workspace.swift": 'import Basics\n\nstruct Workspace { let name = "\\(Push.self)" }\n'})

    def test_a_function_of_a_neighbour_by_its_label(self):
        self.assert_broken(
            "Sources/Holdfast/Restoring/Restore.swift:1: Restoring must not use open of Capture",
            {"Sources/Holdfast/Restoring/Restore.swift": "func restore(_ a: Workspace) { a.open(at: 1) }\n"})

    def test_a_type_from_above_that_others_extend(self):
        self.assert_broken(
            "Sources/Holdfast/Capture/Capture.swift:1: Capture must not use Push of Operations",
            {"Sources/Holdfast/Capture/Capture.swift": "extension Push { struct Capture {} }\n"})

    def test_a_known_exception(self):
        use = {"Sources/Holdfast/Restoring/Restore.swift": "func restore(_ a: Capture) {}\n"}
        self.assertEqual(self.check({**use, "scripts/arrow-exceptions.txt": "Restoring → Capture\n"}), (0, ""))

    def test_an_exception_that_is_not_needed(self):
        self.assert_broken(
            "scripts/arrow-exceptions.txt: 'Restoring → Capture' is not needed any more; remove it",
            {"scripts/arrow-exceptions.txt": "Restoring → Capture\n"})

    def test_an_arrow_that_is_not_needed(self):
        self.assert_broken(
            "docs/architecture.md: the arrow Holdfast → Basics is not needed any more",
            {"Sources/Holdfast/Workspace.swift": "struct Workspace {}\n"})

    def test_a_dependency_that_the_picture_lacks(self):
        package = GOOD["Package.swift"].replace('name: "Basics"', 'name: "Basics", dependencies: ["Holdfast"]')
        self.assert_broken(
            "Package.swift: Basics → Holdfast is only in one of package and picture", {"Package.swift": package})

    def test_a_circle(self):
        self.assert_broken(
            "docs/architecture.md: the arrows of Basics, Holdfast go in a circle",
            {"docs/architecture.md": GOOD["docs/architecture.md"].replace("Basics   →", "Basics   → Holdfast"),
             "Package.swift": GOOD["Package.swift"].replace('"Basics")', '"Basics", dependencies: ["Holdfast"])'),
             "Sources/Basics/Basics.swift": "import Holdfast\n"})

    def test_a_folder_that_is_not_in_the_picture(self):
        self.assert_broken(
            "docs/architecture.md: Sources/Holdfast/Other is not in the picture",
            {"Sources/Holdfast/Other/Other.swift": "enum Other {}\n"})


if __name__ == "__main__":
    unittest.main()
