#!/usr/bin/env python3
"""Plants each bug of this folder in a copy of the source and lets the simulation find it by seeds.

usage: run.py [--cpu SECONDS] [NAME]...

Prints one line per bug with the seed and the CPU time that found it; a bug that is not found within
--cpu seconds (default 600) fails the run. The source tree is never changed.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
HERE = pathlib.Path(__file__).resolve().parent
FLAGS = ["-std=c++20", "-O2", "-g1"]
STEP = 50  # seeds of one run


def sources(root):
    groups = ("src/raft/*.cc", "src/base/*.cc", "tests/sim/world/sim_*.cc", "tests/sim/raft/*.cc")
    return [path for group in groups for path in sorted(root.glob(group))
            if not path.name.endswith("_test.cc")]


def compile_one(copy, source, folder):
    target = folder / (str(source.relative_to(copy)).replace("/", "_") + ".o")
    compiler = (["ccache"] if shutil.which("ccache") else []) + [os.environ.get("CXX", "c++")]
    subprocess.run([*compiler, *FLAGS, "-Isrc", "-Iinclude", "-Itests", "-c",
                    str(source.relative_to(copy)), "-o", str(target)], cwd=copy, check=True)
    return target


def link(folder):
    binary = folder / "sim_raft"
    objects = map(str, sorted(folder.glob("*.o")))
    subprocess.run([os.environ.get("CXX", "c++"), *objects, "-o", str(binary)], check=True)
    return binary


def build_all(copy, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda source: compile_one(copy, source, folder), sources(copy)))


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def hunt(binary, limit):
    """(seed text or None, CPU seconds)."""
    begun = children_seconds()
    first = 1
    while children_seconds() - begun < limit:
        try:
            done = subprocess.run([str(binary), "--seeds", f"{first}..{first + STEP - 1}"],
                                  capture_output=True, text=True, check=False, timeout=limit)
        except subprocess.TimeoutExpired:
            return f"seeds {first}.. do not end", children_seconds() - begun
        if done.returncode != 0:
            found = re.search(r"seed \d+: FAILED.*", done.stdout)
            return found.group(0) if found else f"seeds {first}..: {done.stderr[:100]}", \
                children_seconds() - begun
        first += STEP
    return None, children_seconds() - begun


def copy_source(place):
    for part in ("src/raft", "src/base", "include/petrel/raft", "include/petrel/base",
                 "tests/sim/world", "tests/sim/raft"):
        shutil.copytree(ROOT / part, place / part)


def try_bug(patch, copy, limit):
    """Plants the bug in the copy, builds what it changes, hunts, and takes it out again."""
    changed = [copy / line[6:].strip() for line in patch.read_text().splitlines()
               if line.startswith("+++ b/")]
    subprocess.run(["patch", "-p1", "-s", "-i", str(patch)], cwd=copy, check=True)
    for source in changed:
        compile_one(copy, source, copy / "build")
    found = hunt(link(copy / "build"), limit)
    subprocess.run(["patch", "-p1", "-s", "-R", "-i", str(patch)], cwd=copy, check=True)
    for source in changed:
        compile_one(copy, source, copy / "build")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu", type=float, default=600)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    patches = [patch for patch in sorted(HERE.glob("*.patch"))
               if not options.names or any(name in patch.stem for name in options.names)]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place)
        copy_source(copy)
        build_all(copy, copy / "build")
        for patch in patches:
            begun = time.monotonic()
            found, seconds = try_bug(patch, copy, options.cpu)
            passed += found is not None
            failed += found is None
            print(f"{patch.stem}: {'NOT FOUND' if found is None else found} "
                  f"[{seconds:.1f} s CPU, {time.monotonic() - begun:.0f} s with the build]", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
