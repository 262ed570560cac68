#!/usr/bin/env python3
"""micro.py FOLDER [FILTER]: runs the micro benchmarks and prints them beside the prototypes' figures."""
import json
import pathlib
import re
import subprocess
import sys


def known_figures():
    """[(pattern, nanoseconds, what)] of prototype_figures.tsv."""
    lines = (pathlib.Path(__file__).parent / "prototype_figures.tsv").read_text().splitlines()
    return [(re.compile(pattern), float(figure), what)
            for pattern, figure, what in (line.split("\t") for line in lines if line and line[0] != "#")]


def measured(binary):
    """(name, nanoseconds for one item) of each benchmark of a binary, the median of three runs."""
    done = subprocess.run([str(binary), "--benchmark_format=json", "--benchmark_repetitions=3",
                           "--benchmark_min_time=0.2", "--benchmark_report_aggregates_only=true"],
                          capture_output=True, text=True, check=True)
    for case in json.loads(done.stdout)["benchmarks"]:
        if case.get("aggregate_name") != "median":
            continue
        name = binary.name.removeprefix("bench_") + "/" + case["run_name"]
        scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[case["time_unit"]]
        rate = case.get("items_per_second")
        each = case["per_op"] * 1e9 if "per_op" in case else None
        yield name, each or (1e9 / rate if rate else case["cpu_time"] * scale)


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    figures = known_figures()
    print(f"{'benchmark':<52}{'ns each':>12}{'prototype':>12}  what")
    for binary in sorted(pathlib.Path(sys.argv[1]).glob("bench_*")):
        if wanted not in binary.name or not binary.is_file():
            continue
        for name, nanoseconds in measured(binary):
            known = next((found for found in figures if found[0].search(name)), None)
            beside = f"{known[1]:>12g}  {known[2]}" if known else ""
            print(f"{name:<52}{nanoseconds:>12.2f}{beside}", flush=True)


if __name__ == "__main__":
    main()
