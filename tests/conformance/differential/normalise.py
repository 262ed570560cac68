"""The only rules by which answers of two servers are made comparable.

They touch ids, times, ports and version texts, nothing else. A value that is a measurement (memory, CPU) is not
normalised: the scenario names it after `loose`, and then its type is compared instead of its value.
"""
import base64
import json
import re

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_DURATION = r"(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|y|d|h|m|s))+"

# Keys of JSON documents: (names, shape the value must have to be replaced, replacement).
JSON_RULES = (
    ({"server_id", "id", "server_name", "server", "name", "xkey"}, r"[NXUACO][A-Z2-7]{55}", "<id>"),
    ({"id"}, r"[A-Za-z0-9]{22}", "<id>"),
    ({"nonce"}, r"[A-Za-z0-9_-]{15}", "<id>"),
    ({"cid", "client_id", "seq"}, r"\d+", "<id>"),
    ({"port", "http_port", "https_port"}, r"[1-9]\d*", "<port>"),
    ({"start", "end", "now", "last_activity", "stop", "config_load_time", "time", "ts", "update_time", "timestamp", "created",
      "first_ts", "last_ts", "last_active"},
     _TIME, "<time>"),
    ({"uptime", "idle", "rtt"}, _DURATION, "<duration>"),
    ({"deliver_subject"}, r"\$JS\.SNAPSHOT\.RESTORE\.\w+\.[A-Za-z0-9]{22}", "<id>"),
    ({"description"}, r"consumer's stream identity does not match: \w{8}", "<id>"),
    ({"ack_time", "pause_remaining", "active"}, r"[1-9]\d*", "<duration>"),
    ({"version", "ver", "git_commit", "go"}, r".*", "<version>"),
)

# Log lines, command output and HTTP bodies: (pattern, replacement).
TEXT_RULES = (
    (re.compile(r"\b[NXUACO][A-Z2-7]{55}\b"), "<id>"),
    (re.compile(r"^\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} ", re.M), "<time> "),
    (re.compile(r"\b[cwmrgl]id:\d+"), "cid:<id>"),
    (re.compile(r"(\$SYS\._INBOX)\.[\w.]+"), r"\1.<id>"),
    (re.compile(r"_R_\.\w{6}\.\w{6}(\.\w{8}\.T)?"), "_R_.<id>"),
    (re.compile(r"(\$JS\.ACK\.\S*\.)\d{19}(\.\d+)"), r"\1<ns>\2"),
    (re.compile(r"(127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1\]|\[::\]):\d+"), r"\1:<port>"),
    (re.compile(r"(Nats-Stream-Identity: )\w{8}\b"), r"\1<id>"),
    (re.compile(_TIME), "<time>"),
    (re.compile(r"(?<![\w.])v?2\.\d+\.\d+\b"), "<version>"),
    (re.compile(r"(Git: +)\[[^]]*\]"), r"\1[<version>]"),
)


def _json_value(key, value, kept):
    if isinstance(value, dict):
        return {name: _json_value(name, inner, kept) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json_value(key, inner, kept) for inner in value]
    if isinstance(value, (str, int)) and not isinstance(value, bool) and key not in kept:
        for names, shape, replacement in JSON_RULES:
            if key in names and re.fullmatch(shape, str(value)):
                return replacement
    return value


def json_document(document, kept=()):
    """The same document, key order kept, with ids, times, ports and versions replaced but for the `kept` keys."""
    return _json_value("", document, kept)


def measured(document):
    """A service latency event, or what a service is told of a client, without what was measured."""
    if isinstance(document, dict):
        return {key: "<measured>" if key in ("rtt", "service", "system", "total")
                else "<id>" if key == "id" else measured(value)
                for key, value in document.items()}
    return document


def claims(body):
    """A JWT without its signature, ids and times; anything else as it is."""
    parts = body.split(".")
    if len(parts) != 3 or not body.startswith("eyJ"):
        return body

    def plain(key, value):
        if isinstance(value, dict):
            return {name: plain(name, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(key, inner) for inner in value]
        if key in ("jti", "nonce", "iat", "exp", "id", "host"):
            return "<id>"
        if key == "jwt" and isinstance(value, str):
            return claims(value)
        return text(value) if isinstance(value, str) else value
    document = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    return json_document(plain("", document))


def text(value, folder=""):
    """A text with ids, times, ports, versions and the folder of the run replaced."""
    if folder:
        value = value.replace(folder, "$DIR")
    for pattern, replacement in TEXT_RULES:
        value = pattern.sub(replacement, value)
    return value


def log_line(value, folder=""):
    """A log line without its process id and time; both are asserted by scenarios of their own."""
    return re.sub(r"^<time> |^\[\d+\] (?=\[)", "", text(value, folder))


def shape(document):
    """The types of a document: keys and kinds, no values."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return kind(document)


def kind(value):
    """The JSON type of a value, as a word."""
    if isinstance(value, str) and value in ("<id>", "<port>"):
        return "any"
    names = {bool: "bool", int: "number", float: "number", str: "string", dict: "object", list: "array"}
    return "null" if value is None else names[type(value)]


def ordered(document):
    """A text that differs when keys, their order or values differ."""
    return json.dumps(document, ensure_ascii=False)
