#!/usr/bin/env python3
"""clang_tidy.py BUILD_DIR MODULE...: clang-tidy over the sources of a few modules; exit 77 without the tool.

The whole tree takes minutes: ./dev tidy.
"""
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys

import tree


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    if not shutil.which("clang-tidy-19"):
        print("SKIPPED: clang-tidy-19 is not installed")
        return 77
    paths = tree.files(root, ".cc", under=tuple(f"src/{module}/" for module in sys.argv[2:]))

    def examine(path):
        return subprocess.run(["clang-tidy-19", "-p", sys.argv[1], "--quiet", "--warnings-as-errors=*", str(path)],
                              cwd=root, capture_output=True, text=True, check=False)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        failed = [done for done in pool.map(examine, paths) if done.returncode != 0]
    for done in failed:
        print(done.stdout)
    print(f"{len(paths)} files, {len(failed)} with warnings")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
