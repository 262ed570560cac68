"""Configuration files: those of the scripted scenarios, mutated, read with -t."""
import pathlib
import re

from values import Sequence

SCENARIOS = pathlib.Path(__file__).resolve().parent.parent / "differential" / "scenarios"
WORDS = ("0", "-1", "1", "1.5", "1k", "1MB", "2s", '"2s"', '"x"', "x", "true", "off", "[]", "{}", "[1]", '["x"]', "{x: 1}",
         "[{}]", '""', "99999999999999999999", "$X", "1e3", "2026-01-02T03:04:05Z", "'y", '"*"', "a.>", "a..b", "(")
LINES = ("x: 1", "port: 4222", "debug: true", "}", "{", "include 'none.conf'", "max_payload: 1", "# x", "// x", "[",
         "authorization { token: x }", "accounts { Z {} }", "no_auth_user: z", "jetstream: true", "ping_interval: 1")


def _texts():
    """Every configuration of the scenarios that needs no file beside it."""
    found = []
    for path in sorted(SCENARIOS.glob("*.txt")):
        for text in re.findall(r"^(?:shared)?config\b.*?\n(.*?)^end$", path.read_text(encoding="utf-8"), re.M | re.S):
            if not re.search(r"@\{(?!DIR)|include|resolver|operator|tls|ocsp", text):
                found.append(text)
    return found


TEXTS = _texts()


def _mutated(source, text):
    lines = text.split("\n")
    at = source.randrange(len(lines))
    kind = source.weighted({"value": 8, "delete": 2, "twice": 1, "insert": 2, "character": 2, "key": 1})
    if kind == "value":
        values = list(re.finditer(r"(?<=[:=,\[ ])\s*(\"[^\"]*\"|'[^']*'|[^\s{}\[\],:]+)", text))
        if values:
            value = source.choice(values)
            return text[:value.start(1)] + source.choice(WORDS) + text[value.end(1):]
    if kind == "delete":
        del lines[at]
    elif kind == "twice":
        lines.insert(at, lines[at])
    elif kind == "insert":
        lines.insert(at, source.choice(LINES))
    elif kind == "key":
        lines[at] = re.sub(r"\w+", lambda word: word[0] + "x", lines[at], count=1)
    else:
        place = source.randint(0, len(text))
        return text[:place] + source.choice('{}[]",:=# \\$\n\'%') + text[place + source.randint(0, 1):]
    return "\n".join(lines)


def sequence(seed):
    whole = Sequence("configs", seed, "")
    source = whole.source
    for _ in range(12):
        text = source.choice(TEXTS)
        for _ in range(source.randint(1, 2)):
            text = _mutated(source, text)
        whole.add(config=text)
    return whole.value
