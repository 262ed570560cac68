#!/usr/bin/env python3
"""Compares what Petrel and nats-server say about configurations and command lines.

Each case of the tables is given to both programs; standard error and the exit code must be equal.

    compare.py --petrel build/release/bin/petrel --oracle /path/to/nats-server [-k TEXT]

Differences that are allowed, because nats-server's own output varies or is a defect:
  - the order of lines: it walks maps in random order;
  - lines with "runtime error": a crash inside of its reader;
  - lines of Petrel that say an option is not supported by this version.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

UNSUPPORTED = "is not supported by this version of Petrel"
LOG_LINE = re.compile(r"^\[\d+\] .*")
HERE = pathlib.Path(__file__).parent


class Case:
    """One configuration (and the flags to give it with), or flags alone."""

    def __init__(self, name, kind, text):
        self.name = name
        self.kind = kind  # "test": -t; "start"; "flags"
        self.flags = []
        self.env = {}
        self.files = {}
        self.config = ""
        current = None
        for line in text.splitlines(keepends=True):
            directive = re.match(r"^#!(\w+) ?(.*)$", line)
            if directive is None:
                if current is None:
                    self.config += line
                else:
                    self.files[current] += line
                continue
            word, value = directive.groups()
            if word == "flags":
                self.flags = value.split()
            elif word == "env":
                key, _, val = value.partition("=")
                self.env[key] = val
            elif word == "file":
                current = value
                self.files[current] = ""
            else:
                raise ValueError(f"{name}: unknown directive {word}")


def read_cases(path, kind):
    """Cases are separated by lines '--- name'. A final newline is part of a case only if an empty
    line follows."""
    cases = []
    for part in re.split(r"^--- ", path.read_text(), flags=re.M)[1:]:
        name, _, text = part.partition("\n")
        if text.endswith("\n"):
            text = text[:-1]
        cases.append(Case(f"{path.stem}: {name}", kind, text))
    return cases


def run(program, case, folder):
    """What is printed and the exit code; a server that runs is stopped."""
    args = [program]
    if case.kind != "flags":
        (folder / "c.conf").write_text(case.config)
        args += ["-t", "-c", "c.conf"] if case.kind == "test" else ["-c", "c.conf"]
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **case.env}
    child = subprocess.Popen(
        args + case.flags, cwd=folder, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace")
    try:
        out, err = child.communicate(timeout=5 if case.kind == "test" else 1.5)
        code = child.returncode
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        out, err = child.communicate()
        code = "running"
    # Help is worded differently; that there is some, and the version, must be the same.
    err += out if out.startswith("nats-server: v") else "(help)\n" if out else ""
    return err, code


ORACLE_TRIES = 12  # its maps have another order each time
POINTER = re.compile(r"0xc[0-9a-f]{9}")


def normalise(err, is_petrel):
    lines = []
    for line in err.split("\n"):
        if line == "" or LOG_LINE.match(line) or "runtime error" in line:
            continue
        if is_petrel and (UNSUPPORTED in line or line == "RUN"):
            continue
        # The program's name stands in front of the first line only, whichever comes first.
        if line.startswith("nats-server: ") and not line.startswith("nats-server: configuration"):
            line = line[len("nats-server: "):]
            if line == "":
                continue
        lines.append(line)
    return sorted(lines)


def compare(case, petrel, oracle):
    with tempfile.TemporaryDirectory() as folder:
        err, code = run(petrel, case, pathlib.Path(folder))
    got = normalise(err, True)
    for _ in range(ORACLE_TRIES):
        with tempfile.TemporaryDirectory() as folder:
            wanted_err, wanted_code = run(oracle, case, pathlib.Path(folder))
        wanted = normalise(wanted_err, False)
        same_code = code == wanted_code or (UNSUPPORTED in err and wanted_code == "running")
        pointers = any(POINTER.search(line) for line in wanted) and len(wanted) == len(got)
        if same_code and (wanted == got or pointers):
            return None
    return (f"--- {case.name}\n{case.config}\n"
            f"  oracle: exit {wanted_code}\n" + "".join(f"    {line}\n" for line in wanted) +
            f"  petrel: exit {code}\n" + "".join(f"    {line}\n" for line in got))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle", required=True)
    parser.add_argument("-k", default="", help="only cases whose name contains this")
    options = parser.parse_args()
    petrel, oracle = os.path.abspath(options.petrel), os.path.abspath(options.oracle)
    cases = []
    for path in sorted(HERE.glob("cases_*.txt")):
        kind = path.stem.split("_")[1]  # cases_KIND_topic.txt
        cases += [case for case in read_cases(path, kind) if options.k in case.name]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda case: compare(case, petrel, oracle), cases))
    failures = [result for result in results if result]
    for failure in failures:
        print(failure)
    print(f"{len(cases) - len(failures)} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
