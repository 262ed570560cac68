#!/usr/bin/env python3
"""Petrel and nats-server side by side: ./dev bench system [options].

Each workload runs on a fresh server process, in turns (nats-server, Petrel, nats-server, ...); of
several rounds the cheapest one of each server counts. The load generator counts every message, so
a server that loses one has no figure.
"""
import argparse
import dataclasses
import os
import pathlib
import sys

import jetstream_rows
import report
import workloads
from servers import ROOT, BenchError, Server, find_nats


@dataclasses.dataclass
class Bench:
    generator: str
    seconds: float
    warm_up: float
    rounds: int
    quick: bool


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench system", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT",
                        help="only workloads whose name or group (jetstream, tls, ...) contains TEXT")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--scale", action="store_true",
                        help="how cost grows with subscriptions, connections and loops instead")
    parser.add_argument("--server", metavar="BIN", help="measure this binary alone, for profiling")
    parser.add_argument("--seconds", type=float, help="length of one measurement")
    parser.add_argument("--rounds", type=int, help="measurements of each server per workload")
    parser.add_argument("--settings", default="", metavar="TEXT",
                        help="content of Petrel's petrel { } block, such as 'backend: epoll'")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit 1 when a must is missed")
    parser.add_argument("--petrel", metavar="BIN", default=str(ROOT / "build/release/bin/petrel"))
    parser.add_argument("--nats", metavar="BIN", help="nats-server 2.15.2; default: found")
    parser.add_argument("--load", metavar="BIN", default=str(ROOT / "build/release/bin/petrel_load"))
    parser.add_argument("--list", action="store_true", help="names of the workloads")
    return parser.parse_args()


def best(rounds):
    """The figures of several rounds: the lowest of each, the highest rate."""
    if not rounds:
        return None
    return {name: (max if name == "rate" else min)(values[name] for values in rounds)
            for name in rounds[0]}


class Runner:
    """Measures rows; a measurement that serves several rows is taken once."""

    def __init__(self, bench, nats, petrel):
        self.bench_, self.servers_ = bench, (nats, petrel)
        self.taken_, self.failures = {}, []

    def figures(self, row):
        if row.measure not in self.taken_:
            self.taken_[row.measure] = self._measure(row)
        return self.taken_[row.measure]

    def _measure(self, row):
        rounds = ([], [])
        for _ in range(min(self.bench_.rounds, row.rounds or self.bench_.rounds)):
            for server, values in zip(self.servers_, rounds):
                if server is None:
                    continue
                try:
                    values.append(row.measure(self.bench_, server))
                except BenchError as error:
                    self.failures.append(f"{row.name}: {server.name}: {error}")
                    print("FAILED", self.failures[-1], file=sys.stderr, flush=True)
        return tuple(best(values) for values in rounds)


def measure_rows(runner, rows, missed):
    lines = []
    for row in rows:
        nats, petrel = runner.figures(row)
        is_jetstream = row.group.startswith("jetstream")
        line = (report.jetstream_line if is_jetstream else report.line_of)(row, nats, petrel)
        if "MISSED" in line[6]:
            missed.append(row.name)
        lines.append(line)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return lines


def selected(rows, only):
    return [row for row in rows if not only or any(text in row.name or text in row.group for text in only)]


def default_sections(options, runner, missed):
    titles = {"throughput": "Server CPU per delivered message (per published one for 1:0)",
              "latency": "Round trips",
              "permissions": "Permissions: two patterns allowed and one denied, each way",
              "tenancy": "A quiet tenant beside a flooding one: 4 publishers, 10 subscribers, 128 B",
              "resources": "Connections, memory, start",
              "tls": "TLS 1.3 after INFO, ECDSA P-256",
              "jetstream publish": "JetStream: server CPU per acknowledged message",
              "jetstream consume": "JetStream: server CPU per delivery, per message of a work queue, per put or get",
              "jetstream resources": "JetStream: streams, consumers, recovery, disk"}
    rows = selected(workloads.default_rows() + jetstream_rows.default_rows(), options.only)
    for group, title in titles.items():
        of_group = [row for row in rows if row.group == group]
        if of_group:
            yield title, measure_rows(runner, of_group, missed)


def scale_sections(options, runner, bench, servers, missed):
    rows = selected(workloads.scale_rows(), options.only)
    if rows:
        yield "Growth: subscriptions and connections", measure_rows(runner, rows, missed)
    rows = selected(jetstream_rows.scale_rows(), options.only)
    if rows:
        yield "JetStream: growth", measure_rows(runner, rows, missed)
    rows = selected(workloads.loop_rows(), options.only)
    for loops in (1, 2) if rows else ():
        nats, petrel = servers
        if nats:
            nats = dataclasses.replace(nats, environment=(("GOMAXPROCS", str(loops)),))
        if petrel:
            settings = " ".join([petrel.settings, f"loops: {loops}"]).strip()
            petrel = dataclasses.replace(petrel, settings=settings)
        yield f"Growth: loops = {loops}", measure_rows(Runner(bench, nats, petrel), rows, missed)


def servers_of(options):
    if options.server:
        is_nats = "nats-server" in os.path.basename(options.server)
        server = Server("nats-server" if is_nats else "Petrel", options.server,
                        "" if is_nats else options.settings)
        return (server, None) if is_nats else (None, server)
    if not os.access(options.petrel, os.X_OK):
        raise BenchError(f"{options.petrel} is not built")
    return (Server("nats-server", find_nats(options.nats)),
            Server("Petrel", options.petrel, options.settings))


def main():
    options = arguments()
    if options.list:
        rows = (workloads.default_rows() + jetstream_rows.default_rows() + workloads.scale_rows() +
                jetstream_rows.scale_rows())
        print("\n".join(row.name for row in rows))
        return 0
    bench = Bench(options.load, options.seconds or (0.3 if options.quick else 1.0),
                  0.1 if options.quick else 0.2, options.rounds or (1 if options.quick else 3),
                  options.quick)
    servers = servers_of(options)
    runner = Runner(bench, *servers)
    missed, sections = [], []
    source = (scale_sections(options, runner, bench, servers, missed) if options.scale
              else default_sections(options, runner, missed))
    for title, lines in source:
        sections.append((title, lines))
        print(f"\n{title}\n{report.text_table(lines)}", flush=True)
    if options.markdown:
        report.write_markdown(pathlib.Path(ROOT / "docs/benchmarks.md"), sections, ROOT)
    for failure in runner.failures:
        print("FAILED", failure)
    if missed:
        print("missed: " + "; ".join(missed))
    return 1 if runner.failures or (options.check and missed) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
