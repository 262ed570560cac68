"""Reads scenario files. The language is described in README.md."""
import dataclasses
import pathlib
import re
import shlex


class ScenarioError(Exception):
    """A scenario file that cannot be understood; names file and line."""


@dataclasses.dataclass
class Step:
    """One line of a scenario: who does what with which text."""
    line: int
    actor: str
    verb: str
    text: str = ""
    assertion: str = ""
    block: str = ""
    only: str = ""  # the one server that plays it: oracle or petrel


@dataclasses.dataclass
class Scenario:
    """One transcript: files, flags, steps, and which capability rows its assertions show."""
    name: str
    path: str
    line: int
    args: list = dataclasses.field(default_factory=list)
    env: dict = dataclasses.field(default_factory=dict)
    files: dict = dataclasses.field(default_factory=dict)
    steps: list = dataclasses.field(default_factory=list)
    rows: list = dataclasses.field(default_factory=list)  # (row, kind, assertion)
    server: bool = True
    monitor: bool = False
    terminal: bool = False
    host: str = "127.0.0.1"
    seconds: float = 0  # how long it is known to take, to start the slow ones first
    tokens: list = dataclasses.field(default_factory=list)  # (name, kind, issuer, claims)
    loose: str = ""     # why Petrel is not compared with the oracle here, only with the expectations


def is_plain(played):
    """Whether a scenario can be played beside idle connections and with a block added to its configuration file.

    Not one that counts connections or lines, reads digests, or says what happens without a file.
    """
    text = "\n".join([*played.files.values(), *played.args, *(f"{step.verb} {step.text}" for step in played.steps)])
    counts = re.search(r"max_connections|sha256|digest|signal (HUP|USR2)|loglines|::1|ldm|filetext|lists |http |<sys ", text)
    return played.server and not played.monitor and not counts


# Verbs that begin a block of literal lines up to a line `end`.
_BLOCKS = {"config", "file", "write"}
# Verbs that check something and so belong to an assertion.
EXPECTING = {"<", "<<", "<info", "<msg", "<req", "<sys", "eof", "quiet", "spread", "status", "header", "noheader",
             "body", "json", "log", "lognext", "nolog", "lines", "exit", "err", "out", "filetext", "filemode",
             "nofile", "took", "udp", "lists", "loglines", "gone", "process"}
_ACTOR = re.compile(r"^([A-Z][A-Za-z0-9]*) (\S+) ?(.*)$", re.S)


_TOKEN = re.compile(r"\\x([0-9a-fA-F]{2})|\\([rnt0\\])|(@\{)")
_SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def _repeated(text, start):
    """(bytes, end) of the `@{x*N}` whose inside begins at `start`; it may hold others."""
    depth, at = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    inside, _, count = text[start:at - 1].rpartition("*")
    return unescape(inside) * int(count), at


def unescape(text):
    """The bytes of a text with \\r \\n \\t \\0 \\\\ \\xHH and @{x*N} (x repeated N times)."""
    out, position = bytearray(), 0
    while found := _TOKEN.search(text, position):
        out += text[position:found.start()].encode()
        position = found.end()
        if found[1]:
            out.append(int(found[1], 16))
        elif found[2]:
            out += _SIMPLE[found[2]]
        else:
            repeated, position = _repeated(text, position)
            out += repeated
    return bytes(out + text[position:].encode())


class _Reader:
    def __init__(self, path, label):
        self.path, self.label = path, label
        self.lines = path.read_text().split("\n")
        self.number = 0
        self.shared = {}
        self.tokens = []

    def fail(self, text):
        raise ScenarioError(f"{self.label}:{self.number}: {text}")

    def next(self):
        if self.number >= len(self.lines):
            return None
        self.number += 1
        return self.lines[self.number - 1]

    def block(self):
        start, out = self.number, []
        while (line := self.next()) is not None:
            if line == "end":
                return "\n".join(out) + "\n" if out else ""
            out.append(line)
        self.number = start
        return self.fail("a block without its `end`")


def _row(reader, scenario, text, assertion):
    if not re.fullmatch(r"[A-Z]+-\d+[+-]", text):
        reader.fail(f"not a row with + or -: {text}")
    scenario.rows.append((text[:-1], "success" if text[-1] == "+" else "refusal", assertion))


def _token(reader, text):
    words = text.split(" ", 3)
    if len(words) != 4:
        reader.fail("token NAME KIND ISSUER {claims}")
    return tuple(words)


def _head(reader, scenario, verb, rest):
    """Lines that describe the scenario and are no step; True when it was one."""
    if verb == "args":
        scenario.args += shlex.split(rest)
    elif verb == "env":
        name, _, value = rest.partition("=")
        scenario.env[name] = value
    elif verb == "config":
        scenario.files["server.conf"] = reader.block()
    elif verb == "shared":
        scenario.files["server.conf"] = reader.shared[rest]
    elif verb == "file":
        scenario.files[rest] = reader.block()
    elif verb == "noserver":
        scenario.server = False
    elif verb == "monitor":
        scenario.monitor = True
    elif verb == "terminal":
        scenario.terminal = True
    elif verb == "seconds":
        scenario.seconds = float(rest)
    elif verb == "token":
        scenario.tokens.append(_token(reader, rest))
    elif verb == "differs":
        scenario.loose = rest
    else:
        return False
    return True


def _step(reader, line):
    found = _ACTOR.match(line)
    if found and not line.startswith("HTTP "):
        step = Step(reader.number, found[1], found[2], found[3])
    else:
        verb, _, rest = line.partition(" ")
        step = Step(reader.number, "", verb, rest)
    if step.verb in _BLOCKS:
        step.block = reader.block()
    return step


def read_file(path, root):
    """All scenarios of one file."""
    label = str(path.relative_to(root))
    reader, found, assertion = _Reader(path, label), [], ""
    while (line := reader.next()) is not None:
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("sharedconfig "):
            reader.shared[line.split()[1]] = reader.block()
            continue
        if line.startswith("token ") and not found:
            reader.tokens.append(_token(reader, line[6:]))
            continue
        if line.startswith("== "):
            found.append(Scenario(line[3:].strip(), label, reader.number))
            found[-1].tokens += reader.tokens
            assertion = ""
            continue
        if not found:
            reader.fail("a step before the first scenario")
        scenario = found[-1]
        if line.startswith("* "):
            words = line[2:].split()
            assertion = words[0]
            if any(step.assertion == assertion for step in scenario.steps):
                reader.fail(f"assertion {assertion} twice")
            for word in words[1:]:
                _row(reader, scenario, word, assertion)
            continue
        verb, _, rest = line.partition(" ")
        if _head(reader, scenario, verb, rest):
            continue
        only = line.split("| ", 1)[0] if line.startswith(("oracle| ", "petrel| ")) else ""
        if only and not scenario.loose:
            reader.fail("a step of one server in a scenario that does not say `differs`")
        step = _step(reader, line.removeprefix(only + "| ") if only else line)
        step.only = only
        if step.verb in EXPECTING:
            if not assertion:
                reader.fail("an expectation outside an assertion")
            step.assertion = assertion
        scenario.steps.append(step)
    return found


def read_all(folder, root):
    """All scenarios, and a check that names are unique and every assertion expects something."""
    scenarios, names = [], {}
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        for scenario in read_file(path, root):
            where = f"{scenario.path}:{scenario.line}"
            if scenario.name in names:
                raise ScenarioError(f"{where}: the name {scenario.name} stands at {names[scenario.name]}")
            names[scenario.name] = where
            having = {step.assertion for step in scenario.steps if step.assertion}
            for row, _, assertion in scenario.rows:
                if assertion not in having:
                    raise ScenarioError(f"{where}: assertion {assertion} for {row} expects nothing")
            if not having:
                raise ScenarioError(f"{where}: expects nothing")
            scenarios.append(scenario)
    return scenarios
