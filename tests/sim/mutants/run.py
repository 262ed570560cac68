#!/usr/bin/env python3
"""Plants each bug of this folder in a copy of the source and lets a simulation find it by seeds.

usage: run.py [--cpu SECONDS] [NAME]...

A name is part of the name of a patch, or a simulation: raft, groups, journal, store.

The patches of the folder itself are for sim_raft, those of groups/ for sim_groups, those of
journal/ for sim_journal, those of store/ for sim_store. A line "arguments: ..." of a patch goes to
the simulation.

Prints one line per bug with the seed and the CPU time that found it; a bug that is not found within
--cpu seconds (default 600) fails the run. The source tree is never changed.
"""
import argparse
import concurrent.futures
import dataclasses
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


@dataclasses.dataclass
class Simulation:
    name: str
    patches: pathlib.Path
    copied: tuple  # folders
    sources: tuple  # patterns
    libraries: tuple = ()

    def files(self, root):
        return [path for group in self.sources for path in sorted(root.glob(group))
                if not path.name.endswith("_test.cc")]


SIMULATIONS = [
    Simulation("raft", HERE,
               ("src/raft", "src/base", "include/petrel/raft", "include/petrel/base",
                "tests/sim/world", "tests/sim/raft"),
               ("src/raft/*.cc", "src/base/*.cc", "tests/sim/world/sim_*.cc",
                "tests/sim/raft/*.cc")),
    Simulation("groups", HERE / "groups",
               ("src/raft", "src/base", "include/petrel/raft", "include/petrel/base",
                "tests/sim/world", "tests/sim/raft", "tests/sim/groups"),
               ("src/raft/*.cc", "src/base/*.cc", "tests/sim/world/sim_*.cc",
                "tests/sim/raft/[cjp]*.cc", "tests/sim/raft/replica.cc",
                "tests/sim/raft/seed_runner.cc",
                "tests/sim/groups/*.cc")),
    Simulation("journal", HERE / "journal",
               ("src/store", "src/base", "include/petrel/store", "include/petrel/base",
                "tests/sim/world", "tests/sim/disk", "tests/sim/journal"),
               ("src/store/journal_*.cc", "src/store/segment_journal.cc",
                "src/store/segment_pool.cc", "src/base/*.cc", "tests/sim/disk/*.cc",
                "tests/sim/journal/*.cc"),
               ("-lsodium",)),
    Simulation("store", HERE / "store",
               ("src/store", "src/base", "src/subject", "include/petrel/store",
                "include/petrel/base", "include/petrel/subject", "tests/sim/world",
                "tests/sim/disk", "tests/sim/store"),
               ("src/store/*.cc", "src/base/*.cc", "src/subject/*.cc", "tests/sim/disk/*.cc",
                "tests/sim/store/*.cc"),
               ("-lsodium",)),
]


def compile_one(copy, source, folder):
    target = folder / (str(source.relative_to(copy)).replace("/", "_") + ".o")
    compiler = (["ccache"] if shutil.which("ccache") else []) + [os.environ.get("CXX", "c++")]
    subprocess.run([*compiler, *FLAGS, "-Isrc", "-Iinclude", "-Itests",
                    "-I" + str(source.parent.relative_to(copy)), "-c",
                    str(source.relative_to(copy)), "-o", str(target)], cwd=copy, check=True)
    return target


def link(folder, simulation):
    binary = folder / "simulation"
    objects = map(str, sorted(folder.glob("*.o")))
    subprocess.run([os.environ.get("CXX", "c++"), *objects, *simulation.libraries,
                    "-o", str(binary)], check=True)
    return binary


def build_all(copy, folder, simulation):
    folder.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda source: compile_one(copy, source, folder), simulation.files(copy)))


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def hunt(binary, arguments, limit):
    """(seed text or None, CPU seconds)."""
    begun = children_seconds()
    first = 1
    while children_seconds() - begun < limit:
        try:
            done = subprocess.run([str(binary), "--seeds", f"{first}..{first + STEP - 1}", *arguments],
                                  capture_output=True, text=True, check=False, timeout=limit)
        except subprocess.TimeoutExpired:
            return f"seeds {first}.. do not end", children_seconds() - begun
        if done.returncode != 0:
            found = re.search(r"seed \d+: .*", done.stdout)
            return found.group(0) if found else f"seeds {first}..: {done.stderr[:100]}", \
                children_seconds() - begun
        first += STEP
    return None, children_seconds() - begun


def copy_source(place, simulation):
    for part in simulation.copied:
        shutil.copytree(ROOT / part, place / part)


def try_bug(patch, copy, simulation, limit):
    """Plants the bug in the copy, builds what it changes, hunts, and takes it out again."""
    changed = [copy / line[6:].strip() for line in patch.read_text().splitlines()
               if line.startswith("+++ b/")]
    subprocess.run(["patch", "-p1", "-s", "-i", str(patch)], cwd=copy, check=True)
    for source in changed:
        compile_one(copy, source, copy / "build")
    arguments = re.findall(r"^arguments: (.*)$", patch.read_text(), re.MULTILINE)
    found = hunt(link(copy / "build", simulation), " ".join(arguments).split(), limit)
    subprocess.run(["patch", "-p1", "-s", "-R", "-i", str(patch)], cwd=copy, check=True)
    for source in changed:
        compile_one(copy, source, copy / "build")
    return found


def try_all(simulation, patches, limit):
    """How many were found and how many were not."""
    passed = failed = 0
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place)
        copy_source(copy, simulation)
        build_all(copy, copy / "build", simulation)
        for patch in patches:
            begun = time.monotonic()
            found, seconds = try_bug(patch, copy, simulation, limit)
            passed += found is not None
            failed += found is None
            print(f"{patch.stem}: {'NOT FOUND' if found is None else found} "
                  f"[{seconds:.1f} s CPU, {time.monotonic() - begun:.0f} s with the build]", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu", type=float, default=600)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    passed = failed = 0
    for simulation in SIMULATIONS:
        patches = [patch for patch in sorted(simulation.patches.glob("*.patch"))
                   if not options.names or simulation.name in options.names
                   or any(name in patch.stem for name in options.names)]
        if patches:
            found, missed = try_all(simulation, patches, options.cpu)
            passed, failed = passed + found, failed + missed
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
