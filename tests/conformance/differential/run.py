#!/usr/bin/env python3
"""run.py --petrel BIN [--oracle BIN | --golden]: scripted sessions against nats-server and Petrel, compared.

Each scenario is played on both servers; both must meet its expectations, and what they answered, normalised, must be
equal. Ends with `N passed, N failed, N skipped`. `run.py --help` lists the other modes; README.md has the language.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import time

import checks
import scenario
import server
import session

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
COVERAGE = HERE.parent / "coverage.tsv"
# How Petrel is started beside what the scenarios say (--crowd, --petrel-options).
ORACLE_ATTEMPTS = 3
PETREL = {"crowd": 0, "block": ""}


def play(played, name, binary, deadline):
    """(failure or None, what was seen, seconds)."""
    run, start = session.Session(played, name, binary, deadline), time.monotonic()
    if name == "petrel":
        run.crowd, run.block = PETREL["crowd"], PETREL["block"]
    why = run.run()
    return why, run.seen, time.monotonic() - start


def compared(seen):
    """What is compared, as JSON values: the same whether it was played now or read from a golden file."""
    return json.loads(json.dumps([[one.verb, one.source if one.verb in ("http", "run") else "", one.compared]
                                  for one in seen if one.compared is not None]))


def differences(played, ours, theirs):
    """None, or the first place where two runs differ."""
    for mine, yours in zip(ours, theirs):
        if checks_equal(mine, yours):
            continue
        return f"{played.path}: {played.name}: {mine[0]} {mine[1]}\n  petrel: {first_difference(mine[2], yours[2])}"
    if len(ours) != len(theirs):
        return f"{played.path}: {played.name}: {len(ours)} answers against {len(theirs)}"
    return None


def checks_equal(mine, yours):
    return json.dumps(mine) == json.dumps(yours)


def first_difference(mine, yours, at=""):
    """Where two JSON values differ, in words; key order counts."""
    if isinstance(mine, dict) and isinstance(yours, dict):
        if list(mine) != list(yours):
            extra, missing = [k for k in mine if k not in yours], [k for k in yours if k not in mine]
            return f"{at or 'top'}: keys more {extra} less {missing}" if extra or missing else \
                f"{at or 'top'}: order {list(mine)}, oracle: {list(yours)}"
        for key, value in mine.items():
            if not checks_equal(value, yours[key]):
                return first_difference(value, yours[key], f"{at}.{key}")
    if isinstance(mine, list) and isinstance(yours, list) and len(mine) == len(yours):
        for index, value in enumerate(mine):
            if not checks_equal(value, yours[index]):
                return first_difference(value, yours[index], f"{at}[{index}]")
    return f"{at} {json.dumps(mine, ensure_ascii=False)[:1500]}\n  oracle: {json.dumps(yours, ensure_ascii=False)[:1500]}"


def golden_path(played):
    return GOLDEN / (pathlib.Path(played.path).stem + ".json")


def read_golden():
    """{scenario name: what the oracle answered}."""
    found = {}
    for path in sorted(GOLDEN.glob("*.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found


def write_golden(results):
    GOLDEN.mkdir(exist_ok=True)
    files = {}
    for played, _, seen in results:
        files.setdefault(golden_path(played), {})[played.name] = compared(seen)
    for path, content in files.items():
        old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        old.update(content)
        lines = [f"{json.dumps(name)}: {json.dumps(old[name], ensure_ascii=False)}" for name in sorted(old)]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def coverage_text(scenarios):
    """coverage.tsv: which assertion of which transcript shows which capability row."""
    rows = [(row, kind, f"{played.path.split('/')[-1]}:{played.name}", assertion)
            for played in scenarios for row, kind, assertion in played.rows]
    lines = ["row\tkind\ttranscript\tassertion"] + ["\t".join(row) for row in sorted(rows)]
    return "\n".join(lines) + "\n"


def self_check(seen):
    """(number of expectations corrupted, those whose corruption went unnoticed)."""
    count, unnoticed = 0, []
    for one in seen:
        if not one.assertion:
            continue
        count += 1
        if checks.check(one.verb, one.text, one.observed) is not None:
            unnoticed.append(f"line {one.line}: does not hold uncorrupted")
            continue
        if checks.check(one.verb, checks.corrupt(one.verb, one.text, one.observed), one.observed) is None:
            unnoticed.append(f"line {one.line}: {one.verb} {one.text}: corruption not seen")
    for at, value in enumerate(compared(seen)):
        changed = compared(seen)
        changed[at][2] = ["corrupted", value[2]]
        if checks_equal(changed, compared(seen)):
            unnoticed.append(f"comparison {at}: corruption not seen")
    return count, unnoticed


class Runner:
    """Plays scenarios in parallel and counts."""

    def __init__(self, options, scenarios):
        self.options, self.scenarios = options, sorted(scenarios, key=lambda one: -one.seconds)
        self.folder = tempfile.TemporaryDirectory(prefix="petrel-diff-bin-")
        self.binaries = {}
        for name in ("petrel", "oracle"):
            binary = getattr(options, name)
            if binary:
                place = pathlib.Path(self.folder.name) / name
                place.mkdir()
                self.binaries[name] = server.link(binary, place)
        self.golden = read_golden() if options.golden else {}
        self.recorded, self.expectations, self.failures = [], 0, []

    def _against(self, played):
        """What the oracle does: (failure, comparable answers, seen)."""
        if self.options.golden:
            answers = self.golden.get(played.name)
            return (None if answers is not None else f"{played.path}: {played.name}: no golden answers"), answers, []
        if "oracle" not in self.binaries:
            return None, None, []
        # nats-server does not do the same every time: a last line lost to a reset connection, an event that is late.
        # Its script may be repeated; Petrel's may not.
        for attempt in range(ORACLE_ATTEMPTS):
            why, seen, _ = play(played, "oracle", self.binaries["oracle"], self.options.deadline)
            if not why:
                break
            print(f"nats-server, attempt {attempt + 1}: {why}", file=sys.stderr)
        return why and f"oracle: {why}", compared(seen), seen

    def one(self, played):
        """(failures, seconds) of one scenario."""
        start, failures = time.monotonic(), []
        why, theirs, seen = self._against(played)
        if why:
            failures.append(why)
        if seen and not why:
            self.recorded.append((played, None, seen))
            count, unnoticed = self_check(seen)
            self.expectations += count
            failures += [f"{played.path}: {played.name}: {text}" for text in unnoticed]
        if "petrel" in self.binaries:
            why, mine, _ = play(played, "petrel", self.binaries["petrel"], self.options.deadline)
            if why:
                failures.append(f"petrel: {why}")
            elif theirs is not None and not played.loose:
                difference = differences(played, compared(mine), theirs)
                failures += [difference] if difference else []
        return failures, time.monotonic() - start

    def run(self):
        passed, times = 0, []
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            futures = {pool.submit(self.one, played): played for played in self.scenarios}
            for future in concurrent.futures.as_completed(futures):
                failures, seconds = future.result()
                times.append((seconds, futures[future].name))
                passed += not failures
                for text in failures:
                    print(f"FAIL {text}", flush=True)
                if self.options.verbose and not failures:
                    print(f"ok   {futures[future].name} {seconds:.2f} s", flush=True)
        if self.options.times:
            for seconds, name in sorted(times, reverse=True)[:self.options.times]:
                print(f"{seconds:6.2f} s {name}")
        return passed, len(self.scenarios) - passed


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--petrel", help="the server to test")
    parser.add_argument("--oracle", help="nats-server 2.15.2")
    parser.add_argument("--golden", action="store_true", help="compare with the recorded answers of the oracle")
    parser.add_argument("--record", action="store_true", help="write the oracle's answers and coverage.tsv")
    parser.add_argument("--crowd", type=int, default=0, metavar="N",
                        help="only scenarios that allow it, with N idle connections beside them on Petrel")
    parser.add_argument("--petrel-options", default="", metavar="TEXT",
                        help="only scenarios that allow it, with `petrel { TEXT }` in the file, e.g. backend: epoll")
    parser.add_argument("--list", action="store_true", help="print the scenarios")
    parser.add_argument("--only", default="", help="scenarios whose file or name contains this text")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--deadline", type=float, default=10, help="seconds to wait for anything expected")
    parser.add_argument("--times", type=int, default=0, help="print the N slowest scenarios")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(arguments)


def main(arguments):
    options = options_of(arguments)
    everything = scenario.read_all(HERE / "scenarios", HERE)
    scenarios = [one for one in everything if options.only in f"{one.path}:{one.name}"]
    if options.list:
        print("\n".join(f"{one.path}:{one.line} {one.name}" for one in scenarios))
        return 0
    if not options.golden and options.oracle and not os.path.exists(options.oracle):
        print(f"run.py: no oracle at {options.oracle}: its recorded answers are used", file=sys.stderr)
        options.oracle, options.golden = None, True
    if not (options.petrel or options.oracle):
        print("run.py: nothing to run: --petrel or --oracle", file=sys.stderr)
        return 2
    if options.crowd or options.petrel_options:
        scenarios = [one for one in scenarios if scenario.is_plain(one)]
        PETREL["crowd"] = options.crowd
        PETREL["block"] = f"\npetrel {{ {options.petrel_options} }}\n" if options.petrel_options else ""
    runner = Runner(options, scenarios)
    passed, failed = runner.run()
    if options.record:
        write_golden(runner.recorded)
        COVERAGE.write_text(coverage_text(everything), encoding="utf-8")
    elif not COVERAGE.exists() or COVERAGE.read_text(encoding="utf-8") != coverage_text(everything):
        print("FAIL coverage.tsv is not what the scenarios say: run with --record")
        failed += 1
    if runner.expectations:
        print(f"self-check: {runner.expectations} expectations corrupted")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
