"""Malformed API requests: mutated JSON on every subject below $JS.API."""
import copy
import json

import consumers
import streams
import values
from values import FAR, LONG, Sequence

WORDS = (0, -1, 1, 1.5, 1e3, 1e30, 2**31, 2**63, 2**64, -2**63 - 1, "", "x", "1", True, False, None, [], {}, [1], ["x"],
         {"x": 1}, [[]], [None], "0001-01-01T00:00:00Z", "2020-13-01T00:00:00Z", "\u0000", "\ud83d\ude00")
TEXTS = ("", " ", "{", "}", "[]", "null", "true", "1", '"x"', "{}", "{} ", "{}{}", "{}x", "[{}]", "{,}", '{"a"}', '{"a":}',
         "nul", "{\"seq\":1,}", "\x00", "[" * 2000, '{"a":' * 2000, "-", "1e999", "\ufeff{}", "'x'", "{seq:1}", "// x")
# Every call: the subject, and a body that is right.
CALLS = {
    "INFO": None, "STREAM.NAMES": {"subject": "a", "offset": 0}, "STREAM.LIST": {"subject": "a", "offset": 0},
    "STREAM.CREATE.T": {"name": "T", "subjects": ["t"]}, "STREAM.UPDATE.S": {"name": "S", "subjects": ["a", "a.>"]},
    "STREAM.INFO.S": {"subjects_filter": ">", "deleted_details": True, "offset": 0}, "STREAM.DELETE.T": None,
    "STREAM.PURGE.S": {"filter": "a.1", "keep": 1}, "STREAM.MSG.GET.S": {"seq": 1, "no_hdr": True},
    "STREAM.MSG.DELETE.S": {"seq": 2, "no_erase": True}, "DIRECT.GET.S": {"seq": 1, "batch": 2, "next_by_subj": "a.>"},
    "DIRECT.GET.S.a": {"no_hdr": True}, "STREAM.LEADER.STEPDOWN.S": {"placement": {"cluster": "x"}},
    "STREAM.PEER.REMOVE.S": {"peer": "x"}, "STREAM.PEER.EVACUATE.S": {"peer": "x"}, "STREAM.CANCEL_MOVE.S": None,
    "STREAM.SNAPSHOT.NONE": {"deliver_subject": "zz", "chunk_size": 1024},
    "STREAM.RESTORE.S": {"config": {"name": "S"}, "state": {"messages": 1}},
    "CONSUMER.CREATE.S.D": {"stream_name": "S", "config": {"ack_policy": "explicit", "durable_name": "D"}},
    "CONSUMER.CREATE.S.D.a": {"stream_name": "S", "config": {"durable_name": "D", "filter_subject": "a"}},
    "CONSUMER.DURABLE.CREATE.S.D": {"stream_name": "S", "config": {"ack_policy": "explicit", "durable_name": "D"}},
    "CONSUMER.NAMES.S": {"offset": 0}, "CONSUMER.LIST.S": {"offset": 0}, "CONSUMER.INFO.S.C": None,
    "CONSUMER.DELETE.S.D": None, "CONSUMER.PAUSE.S.C": {"pause_until": FAR}, "CONSUMER.RESET.S.C": {"seq": 1},
    "CONSUMER.UNPIN.S.C": {"group": "g"}, "CONSUMER.LEADER.STEPDOWN.S.C": {"placement": {"cluster": "x"}},
    "CONSUMER.MSG.NEXT.S.C": {"batch": 1, "no_wait": True, "expires": 0, "id": "x", "group": "g"},
    "CONSUMER.PEER.REMOVE.S.C": {"peer": "x"}, "CONSUMER.PEER.EVACUATE.S.C": {"peer": "x"},
    "META.LEADER.STEPDOWN": {"placement": {}}, "SERVER.REMOVE": {"peer": "x"}, "ACCOUNT.PURGE.X": None,
}


def _places(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*path, key))


def _put(value, path, new):
    if not path:
        return new
    place = value = copy.deepcopy(value)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return value


def _valid_body(source, call):
    if call in ("STREAM.CREATE.T", "STREAM.UPDATE.S") and source.maybe(0.7):
        value = {"name": call[-1], "subjects": ["t"] if call[-1] == "T" else ["a", "a.>"]}
        source.fill(value, streams.fields(source), 0.1)
        return {key: made for key, made in value.items() if key not in ("mirror", "sources")}  # take their time
    if call.startswith("CONSUMER.") and "CREATE" in call and source.maybe(0.7):
        value = copy.deepcopy(CALLS[call])
        source.fill(value["config"], consumers.fields(source), 0.1)
        return value
    return copy.deepcopy(CALLS[call])


def mutated(source, value):
    """The text of a request: one or two things wrong in the JSON, or in the text."""
    for _ in range(source.randint(1, 2)):
        places = [path for path in _places(value) if path] or [()]
        path = source.choice(places)
        kind = source.weighted({"replace": 6, "unknown": 1, "case": 1, "null": 1, "delete": 1})
        if kind == "replace" or not path or not isinstance(value, dict):
            value = _put(value, path, source.choice(WORDS))
        elif kind == "unknown":
            value = {**value, source.choice(("x", "Seq", "", "a.b", "consumer_count")): source.choice(WORDS)}
        elif kind == "case" and isinstance(path[-1], str):
            value = _put(value, (*path[:-1], path[-1].upper()), source.choice(WORDS))
        else:
            value = _put(value, path, None)
        if not isinstance(value, (dict, list)):
            break
    text = json.dumps(value, ensure_ascii=source.maybe(0.5))
    if source.maybe(0.2):
        at = source.randint(0, len(text))
        text = source.choice((text[:at], text[:at] + source.choice('{}[]",:x0 \\') + text[at:], text[:at] + text[at + 1:],
                              text + text, text + " x", " " + text, text.replace(",", ",,", 1)))
    if source.maybe(0.1) and isinstance(value, dict) and value:
        key = source.choice(sorted(value))
        text = text[:-1] + f",{json.dumps(key)}:{json.dumps(source.choice(WORDS))}" + "}"
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def sequence(seed):
    whole = Sequence("malformed", seed, "")
    source = whole.source
    whole.value["files"]["server.conf"] = source.choice((values.JETSTREAM, values.JETSTREAM, values.CONFIGS[5]))
    whole.api("STREAM.CREATE.S", {"name": "S", "subjects": ["a", "a.>"], "allow_direct": True})
    whole.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": {"durable_name": "C", "ack_policy": "explicit"}})
    for number in range(4):
        whole.add(to=source.choice(("a", "a.1")), body=str(number))
    for _ in range(source.randint(10, 30)):
        call = source.choice(sorted(CALLS))
        value = _valid_body(source, call)
        text = source.choice(TEXTS) if value is None or source.maybe(0.15) else mutated(source, value)
        head = [["Nats-Required-Api-Level", source.choice(("0", "1", "5", "6", "x", "", "-1"))]] if source.maybe(0.05) else []
        whole.add(to=f"$JS.API.{call}", body=text, **({"head": head} if head else {}))
    whole.api("STREAM.LIST")
    whole.api("CONSUMER.LIST.S")
    whole.api("INFO")
    return whole.value
