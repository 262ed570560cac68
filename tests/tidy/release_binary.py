#!/usr/bin/env python3
"""release_binary.py BIN: the release binary is one file, dynamic in libc, libm and the loader only, and small."""
import pathlib
import re
import subprocess
import sys
import tempfile

ALLOWED = re.compile(r"(linux-vdso|libc|libm|ld-linux[-\w]*)\.so")
# See docs/design/003-small-decisions.md for what takes them.
STRIPPED_BYTES_MAX = 10_000_000


def check(binary, bytes_max):
    problems = []
    listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        problems.append(f"ldd: {listed.stderr.strip() or listed.stdout.strip()}")
    for line in listed.stdout.splitlines():
        name = pathlib.Path(line.split()[0]).name
        if not ALLOWED.match(name):
            problems.append(f"needs {name} at run time")
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "stripped"
        subprocess.run(["strip", "-o", str(stripped), str(binary)], check=True)
        size = stripped.stat().st_size
    if size > bytes_max:
        problems.append(f"{size:,} bytes stripped, above {bytes_max:,}")
    print("\n".join(problems) or f"{size:,} bytes stripped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(check(pathlib.Path(sys.argv[1]), STRIPPED_BYTES_MAX))
