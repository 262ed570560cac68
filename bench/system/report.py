"""Turns figures into the table that is printed and written to docs/benchmarks.md."""
import datetime
import os
import pathlib
import platform
import subprocess

HEADINGS = ("work", "nats-server", "Petrel", "ratio", "must", "aim", "verdict", "nats-server /s",
            "Petrel /s")
JETSTREAM_HEADINGS = HEADINGS + ("nats-server p50 / p99 µs", "Petrel p50 / p99 µs", "nats-server RSS MB",
                                 "Petrel RSS MB")
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
    if row.kind == "cpu" and "rate" in petrel and petrel["rate"] < 0.95 * nats["rate"]:
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


def jetstream_line(row, nats, petrel):
    """line_of, and the latencies of acknowledgements and the memory beside it."""
    def latency(values):
        if not values or not values.get("p99"):
            return ""
        return f"{number(values['p50'])} / {number(values['p99'])}"

    def memory(values):
        return f"{values['rss'] / 1e6:.0f}" if values and "rss" in values else ""

    return (*line_of(row, nats, petrel), latency(nats), latency(petrel), memory(nats), memory(petrel))


def headings_of(lines):
    return HEADINGS if len(lines[0]) == len(HEADINGS) else JETSTREAM_HEADINGS


def text_table(lines):
    """Columns padded to their widest cell; numbers to the right."""
    rows = [headings_of(lines), *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    def padded(row):
        return "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
    return "\n".join(padded(row) for row in rows)


def markdown_table(lines):
    headings = headings_of(lines)
    out = ["| " + " | ".join(headings) + " |", "| --- " + "| ---: " * (len(headings) - 1) + "|"]
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
    """Replaces the figures between the two marks (those of JetStream between their own); what
    surrounds them is written by people."""
    today = datetime.date.today().isoformat()
    text = path.read_text() if path.exists() else "# Benchmarks\n"
    for name in "", "jetstream ":
        chosen = [(title, lines) for title, lines in sections if title.startswith("JetStream") == bool(name)]
        if not chosen:
            continue
        begin, end = BEGIN.replace("figures", name + "figures"), END.replace("figures", name + "figures")
        body = [begin, "", f"{today}, commit {commit_of(root)}, {machine()}.", ""]
        for title, lines in chosen:
            body += [f"### {title}", "", markdown_table(lines), ""]
        body.append(end)
        if begin not in text:
            text += f"\n{begin}\n{end}\n"
        head, _, rest = text.partition(begin)
        _, _, tail = rest.partition(end)
        text = head + "\n".join(body) + tail
    path.write_text(text)
