"""Turns figures into the table that is printed and written to docs/benchmarks.md."""
import datetime
import os
import pathlib
import platform
import subprocess

HEADINGS = ("work", "nats-server", "Petrel", "ratio", "must", "aim", "verdict", "nats-server /s",
            "Petrel /s")
BEGIN, END = "<!-- figures begin -->", "<!-- figures end -->"


def number(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def verdict_of(row, nats, petrel):
    """(ratio, words): whether the goal of the row is met."""
    if nats is None or petrel is None:
        return None, ""
    value, other = petrel[row.figure], nats[row.figure]
    higher_is_better = row.kind == "cpu"
    ratio = (other / value if higher_is_better else value / other) if value and other else None
    judged = value if row.kind == "absolute" else ratio
    if row.must is None or judged is None:
        return ratio, ""

    def reached(goal):
        return goal is not None and (judged >= goal if higher_is_better else judged <= goal)

    words = "aim" if reached(row.aim) else "must" if reached(row.must) else "MISSED"
    if row.kind == "cpu" and petrel["rate"] < 0.95 * nats["rate"]:
        words = "MISSED (slower)"
    return ratio, words


def line_of(row, nats, petrel):
    ratio, words = verdict_of(row, nats, petrel)
    sign = "≥" if row.kind == "cpu" else "≤"
    times = "" if row.kind == "absolute" else " ×"

    def goal(value):
        return "" if value is None else f"{sign} {number(value)}{times}"

    def figure(values):
        return "" if values is None else f"{number(values[row.figure])} {row.unit}"

    def rate(values):
        return number(values["rate"]) if values and "rate" in values and row.kind == "cpu" else ""

    return (row.name, figure(nats), figure(petrel), "" if ratio is None else f"{number(ratio)} ×",
            goal(row.must), goal(row.aim), words, rate(nats), rate(petrel))


def text_table(lines):
    """Columns padded to their widest cell; numbers to the right."""
    rows = [HEADINGS, *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    def padded(row):
        return "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
    return "\n".join(padded(row) for row in rows)


def markdown_table(lines):
    out = ["| " + " | ".join(HEADINGS) + " |", "| --- " + "| ---: " * (len(HEADINGS) - 1) + "|"]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out)


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, Linux {platform.release()}"


def commit_of(root):
    done = subprocess.run(["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() or "no commit"


def write_markdown(path, sections, root):
    """Replaces the figures between the two marks; what surrounds them is written by people."""
    today = datetime.date.today().isoformat()
    body = [BEGIN, "", f"{today}, commit {commit_of(root)}, {machine()}.", ""]
    for title, lines in sections:
        body += [f"### {title}", "", markdown_table(lines), ""]
    body.append(END)
    text = path.read_text() if path.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(head + "\n".join(body) + tail)
