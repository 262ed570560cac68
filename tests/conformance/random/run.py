#!/usr/bin/env python3
"""run.py --petrel BIN --oracle BIN: random sequences of operations on nats-server and Petrel, answers compared.

A seed makes a sequence; a difference is printed with its seed and the smallest sequence that still shows it. Ends with
`N passed, N failed, N skipped`. README.md has the rules.
"""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import sys
import tempfile

import configs
import consumers
import malformed
import play
import protocol
import scripted
import server
import shrink
import streams

GENERATORS = {"streams": streams.sequence, "consumers": consumers.sequence, "malformed": malformed.sequence,
              "protocol": protocol.sequence, "configs": configs.sequence}
TIER_1_SEEDS = 3  # of each generator


def _differential_runner():
    path = play.HERE.parent / "differential" / "run.py"
    spec = importlib.util.spec_from_file_location("differential_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


first_difference = _differential_runner().first_difference


def difference(ours, theirs):
    """None, or (id, text) of the first operation that was answered differently."""
    for (name, mine), (_, yours) in zip(ours, theirs):
        if json.dumps(_sorted(mine)) != json.dumps(_sorted(yours)):
            return name, first_difference(_sorted(mine), _sorted(yours))
    return None if len(ours) == len(theirs) else ("end", f"{len(ours)} operations against {len(theirs)}: {ours[-1]}")


def kind(found):
    """What a difference is told from others by: the operation and the place in its answer."""
    return found and (found[0], found[1].partition(" ")[0])


def _sorted(got):
    """Connections in the same order; what came on each keeps its order."""
    return {key: got[key] for key in sorted(got)}


class Comparison:
    """Two servers, one sequence after the other."""

    def __init__(self, petrel, oracle):
        self.petrel, self.oracle = petrel, oracle

    def once(self, sequence, patience):
        theirs = play.Player(self.oracle, sequence, patience).run()
        ours = play.Player(self.petrel, sequence, patience, theirs).run()
        return difference(ours, theirs), theirs

    def steady(self, sequence):
        """A difference that patience does not remove and that the oracle does not have with itself."""
        found, theirs = self.once(sequence, play.CAREFUL)
        if found is None:
            return None
        again = play.Player(self.oracle, sequence, play.CAREFUL).run()
        return None if difference(again, theirs) else (found, theirs)

    def check(self, sequence, seconds):
        """None, or (smallest sequence, difference, transcript of the oracle)."""
        first = self.once(sequence, play.QUICK)[0] and self.steady(sequence)
        if not first:
            return None
        small = shrink.shrink(sequence, lambda tried: kind(self.once(tried, play.QUICK)[0]) == kind(first[0]), seconds)
        found = self.steady(small)
        if found is None:  # shrunk to a race: take it as it was
            small = sequence
            found = self.steady(sequence)
        return found and (small, *found)


def report(name, seed, small, found, theirs, as_scenario):
    at, text = found
    print(f"FAIL {name} seed {seed}: operation {at}\n  petrel: {text}")
    if as_scenario:
        print(scripted.text(f"random_{name}_{seed}", small, theirs), flush=True)
    else:
        print("\n".join("    " + json.dumps(one) for one in small["operations"]), flush=True)


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--petrel", required=True, help="the server to test")
    parser.add_argument("--oracle", required=True, help="nats-server 2.15.2")
    parser.add_argument("--only", default="", choices=["", *GENERATORS], help="one generator")
    parser.add_argument("--seeds", default=f"1..{TIER_1_SEEDS}", metavar="A..B", help="of each generator")
    parser.add_argument("--shrink", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--scenario", action="store_true", help="print a difference in the language of scenarios")
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args(arguments)


def main(arguments):
    options = options_of(arguments)
    first, last = (int(word) for word in options.seeds.split(".."))
    wanted = [(name, seed) for seed in range(first, last + 1) for name in GENERATORS if options.only in ("", name)]
    if not os.path.exists(options.oracle):
        print(f"run.py: no oracle at {options.oracle}", file=sys.stderr)
        print(f"0 passed, 0 failed, {len(wanted)} skipped")
        return 0
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="petrel-random-bin-") as folder:
        binaries = []
        for name in ("petrel", "oracle"):
            place = pathlib.Path(folder) / name
            place.mkdir()
            binaries.append(server.link(getattr(options, name), place))
        comparison = Comparison(*binaries)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            futures = {pool.submit(comparison.check, GENERATORS[name](seed), options.shrink): (name, seed)
                       for name, seed in wanted}
            for future in concurrent.futures.as_completed(futures):
                name, seed = futures[future]
                try:
                    found = future.result()
                except Exception as error:  # the other seeds are still played
                    found, failed = None, failed + 1
                    print(f"FAIL {name} seed {seed}: {type(error).__name__}: {error}", flush=True)
                    continue
                passed, failed = passed + (found is None), failed + (found is not None)
                if found:
                    report(name, seed, *found, options.scenario)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
