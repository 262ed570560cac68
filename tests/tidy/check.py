#!/usr/bin/env python3
"""check.py RULE [ROOT]: prints every violation of a house rule as file:line and exits 1, or exits 0.

Exit 77 tells ctest that a tool is missing and the rule was not checked.
"""
import pathlib
import shutil
import sys

import rules_layers
import rules_sizes
import rules_tree

RULES = {
    "layers": rules_layers.layers,
    "purity": rules_layers.purity,
    "locks": rules_layers.locks,
    "throw": rules_layers.throw,
    "sizes": rules_sizes.sizes,
    "words": rules_tree.words,
    "names": rules_tree.names,
    "machine": rules_tree.machine,
    "readmes": rules_tree.readmes,
    "links": rules_tree.links,
    "compatibility": rules_tree.compatibility,
    "planted_bugs": rules_tree.planted_bugs,
    "headers": rules_tree.headers,
    "format": rules_tree.clang_format,
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in RULES:
        sys.exit(f"usage: check.py {'|'.join(RULES)} [ROOT]")
    name = sys.argv[1]
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else __file__).resolve()
    if len(sys.argv) < 3:
        root = root.parents[2]
    if name == "format" and not shutil.which("clang-format-19"):
        print("SKIPPED: clang-format-19 is not installed, the layout was not checked")
        return 77
    problems = RULES[name](root)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} violations of tidy.{name}: {RULES[name].__doc__}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
