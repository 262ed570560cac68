"""What a step expects, as pure functions: check(verb, text, observed) and corrupt(verb, text).

The self-check takes what a server really answered, corrupts each expectation and must see the check fail.
"""
import json
import re

import scenario


def lookup(document, path):
    """(found, value) at a dotted path such as connections[0].cid; `.` alone is the whole document."""
    if path == ".":
        return True, document
    for part in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        if part.startswith("["):
            index = int(part[1:-1])
            if not isinstance(document, list) or index >= len(document):
                return False, None
            document = document[index]
        elif isinstance(document, dict) and part.replace("~", ".") in document:
            document = document[part.replace("~", ".")]
        else:
            return False, None
    return True, document


def _kind(value):
    names = {bool: "bool", int: "number", float: "number", str: "string", dict: "object", list: "array"}
    return "null" if value is None else names[type(value)]


def is_subset(expected, got):
    """Every key and element of `expected` is in `got` with the same value; "*" accepts anything."""
    if expected == "*":
        return True
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            key in got and is_subset(value, got[key]) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and all(map(is_subset, expected, got))
    return expected == got and type(expected) is type(got)


def _json_check(text, observed):
    found, value = observed["found"], observed["value"]
    _, operator, operand = (text.split(" ", 2) + ["", ""])[:3]
    if operator == "absent":
        return None if not found else f"is there: {value!r}"
    if not found:
        return "is not there"
    if operator == "is":
        good = _kind(value) == operand
    elif operator == "len":
        good = isinstance(value, (list, dict, str)) and len(value) == int(operand)
    elif operator == "~":
        good = re.search(operand, value if isinstance(value, str) else json.dumps(value)) is not None
    elif operator == "keys":
        good = isinstance(value, dict) and list(value) == operand.split()
    elif operator == "has":
        good = is_subset(json.loads(operand), value)
    elif operator == "within":
        low, high = map(float, operand.split())
        good = isinstance(value, (int, float)) and low <= value <= high
    elif operator == "=":
        expected = json.loads(operand)
        good = value == expected and isinstance(value, bool) == isinstance(expected, bool)
    else:
        return f"unknown operator {operator}"
    return None if good else f"is {json.dumps(value, ensure_ascii=False)[:600]}"


def _matches(text, line):
    """A text matches a line when equal; after `~ ` it is a regular expression to be found in it."""
    if text.startswith("~ "):
        return re.search(text[2:], line) is not None
    return text == line


def any_line(text, lines):
    """The first matching line, or None."""
    return next((line for line in lines if _matches(text, line)), None)


def _numbers(text):
    return [float(word) for word in text.split()]


def _bytes_check(expected, observed):
    return None if observed == expected else f"got {_short(observed)}"


def _short(data):
    return f"{data[:300]!r}" + (f" ... {data[-60:]!r} ({len(data)} bytes)" if len(data) > 360 else "")


def _line_check(text, observed):
    lines = [observed] if isinstance(observed, str) else observed
    return None if any_line(text, lines) is not None else "not in:\n    " + "\n    ".join(lines)


def check(verb, text, observed):
    """None, or why the observed value is not what the step expects."""
    if verb in ("<", "<<"):
        return _bytes_check(expected_bytes(verb, text), observed)
    if verb == "eof":
        return _bytes_check(scenario.unescape(text) + b"<EOF>", observed)
    if verb == "quiet":
        return _bytes_check(scenario.unescape(text) + b"PONG\r\n", observed)
    if verb in ("<info", "<msg", "<req", "<sys"):
        return None if is_subset(json.loads(text[text.index("{"):]), observed) else \
            f"got {json.dumps(observed, ensure_ascii=False)}"
    if verb == "spread":
        total = int(text.split(" ", 2)[1])
        counts = observed.values()
        return None if sum(counts) == total and all(counts) else f"got {observed}"
    if verb == "json":
        return _json_check(text, observed)
    if verb in ("log", "lognext", "err", "out", "udp", "header"):
        return _line_check(text, observed)
    if verb in ("nolog", "nofile", "noheader"):
        line = any_line(text, observed)
        return None if line is None else f"there is: {line}"
    if verb == "lines":
        bad = [line for line in observed if not re.fullmatch(text, line)]
        return None if observed and not bad else f"other lines: {bad[:3]}"
    if verb in ("took",):
        low, high = _numbers(text)
        return None if low <= observed <= high else f"took {observed:.3f} s"
    if verb == "body":
        wanted = text if text.startswith("~ ") else scenario.unescape(text).decode()
        return None if _matches(wanted, observed) else f"got {observed!r}"
    if verb == "filetext":
        return None if observed == scenario.unescape(text).decode() else f"got {observed!r}"
    if verb in ("status", "exit", "gone", "filemode", "lists", "loglines", "process"):
        return None if str(observed) == text else f"got {observed!r}"
    return f"unknown verb {verb}"


def expected_bytes(verb, text):
    """What a `<` or `<<` step expects; a corrupted one is bytes already."""
    if isinstance(text, bytes):
        return text
    return scenario.unescape(text) + (b"\r\n" if verb == "<" else b"")


def _corrupt_number(text):
    return re.sub(r"\d+(?=\D*$)", lambda found: str(int(found[0]) + 1), text, count=1)


def _corrupt_json(value):
    """The same JSON with its first leaf changed."""
    if isinstance(value, dict):
        for key, inner in value.items():
            changed = _corrupt_json(inner)
            if changed is not None:
                return {**value, key: changed}
        return {"no such key": 1} if not value else None
    if isinstance(value, list):
        for index, inner in enumerate(value):
            changed = _corrupt_json(inner)
            if changed is not None:
                return value[:index] + [changed] + value[index + 1:]
        return [0] if not value else None
    if value == "*":
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return "corrupted" if value is None else value + "?"


def _corrupt_json_step(text):
    path, operator, operand = (text.split(" ", 2) + ["", ""])[:3]
    if operator == "absent":
        return f"{path} is nothing"
    if operator == "is":
        return f"{path} is {'string' if operand != 'string' else 'number'}"
    if operator == "=":
        return f"{path} = {json.dumps(_corrupt_json(json.loads(operand)))}"
    if operator == "has":
        return f"{path} has {json.dumps(_corrupt_json(json.loads(operand)))}"
    if operator == "len":
        return f"{path} len {int(operand) + 1}"
    if operator == "within":
        return f"{path} within -2 -1"
    return f"{path} {operator} {operand}\x7f"


def corrupt(verb, text, observed):
    """A text that expects something else: one byte, number or value changed."""
    if verb in ("<", "<<"):
        changed = bytearray(expected_bytes(verb, text))
        changed[len(changed) // 2] ^= 1
        return bytes(changed)
    if verb in ("nolog", "nofile", "noheader"):
        return observed[0] if observed else "~ no line to be found"
    if verb in ("eof", "quiet"):
        return text + "x"
    if verb in ("<info", "<msg", "<req", "<sys"):
        at = text.index("{")
        return text[:at] + json.dumps(_corrupt_json(json.loads(text[at:])))
    if verb == "spread":
        words = text.split(" ", 2)
        return " ".join([words[0], str(int(words[1]) + 1), *words[2:]])
    if verb == "json":
        return _corrupt_json_step(text)
    if verb == "took":
        return "-2 -1"
    if verb in ("status", "exit", "gone", "filemode", "lists", "loglines"):
        return _corrupt_number(text)
    return text + "\x7f"
