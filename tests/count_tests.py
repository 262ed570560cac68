#!/usr/bin/env python3
"""count_tests.py JUNIT GTEST_FOLDER: prints "passed failed skipped" of a ctest run.

A ctest test counts as one, but a Google Test binary (ctest a.b, report a_b.xml) as many as it has cases, so that a
case that was skipped inside of a binary is seen. A test that could not be started has failed.
"""
import collections
import pathlib
import sys
import xml.etree.ElementTree as tree


def cases_of(path):
    try:
        return list(tree.parse(path).getroot().iter("testcase"))
    except (OSError, tree.ParseError):
        return []


def state_of(case):
    """passed, failed or skipped, of a ctest test or of a Google Test case."""
    skipped = case.find("skipped")
    reason = skipped.get("message", "") if skipped is not None else ""
    if case.get("result"):  # Google Test
        if case.find("failure") is not None:
            return "failed"
        return "passed" if case.get("result") == "completed" else "skipped"
    if case.get("status") == "disabled" or "SKIP_" in reason:
        return "skipped"
    return "passed" if case.get("status") == "run" else "failed"


def counts_of(test, folder):
    """The states of one ctest test, by its cases where it has them."""
    state = state_of(test)
    inner = collections.Counter(state_of(case)
                                for case in cases_of(folder / (test.get("name").replace(".", "_") + ".xml")))
    if not inner:
        return collections.Counter([state])
    if state == "failed" and not inner["failed"]:
        inner["failed"] = 1
    return inner


def main():
    total = collections.Counter()
    for test in cases_of(sys.argv[1]):
        total += counts_of(test, pathlib.Path(sys.argv[2]))
    if not total:
        total["failed"] = 1
    print(total["passed"], total["failed"], total["skipped"])


if __name__ == "__main__":
    main()
