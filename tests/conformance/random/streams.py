"""Streams: configurations with all fields, updates, publishing with every header, reads, purges, deletions."""
import values
from values import FAR, FILTERS, LITERALS, LONG, NOWHERE, PAST, SECOND, Sequence

NAMES = ("S", "T", "U")


def _number(source, bad=0.1):
    return source.choice((-5, 0, -1)) if source.maybe(bad) else source.choice((1, 2, 3, 5, 10, 1000))


def _transform(source):
    src = source.choice(("", ">", "a.*", "a.>", "*.*", "b.*", "a", "*", "c", "a.*.*"))
    dest = source.choice(("x.{{wildcard(1)}}", "x.$1", "x", "x.>", "{{partition(3,1)}}.x", "y.{{split(1,-)}}", "a.>",
                          "{{wildcard(1)}}.x.{{wildcard(2)}}", "x.{{left(1,1)}}", "x.{{SliceFromLeft(1,2)}}", "",
                          "x.{{wildcard(9)}}", "x.{{bad(1)}}", "x..y", "{{right(1,2)}}.z", "b.$1", "d.*", "*"))
    return {"src": src, "dest": dest}


def _republish(source):
    value = {"src": source.choice((">", "a.>", "", "*", "b.*", "a.*")),
             "dest": source.choice(("r.>", "r.x", "r.$1", "r.{{wildcard(1)}}", "a.1", "r..x", "", "r.*"))}
    return value | ({"headers_only": True} if source.maybe(0.3) else {})


def _origin(source):
    value = {"name": source.choice(NAMES + ("NONE",))}
    return source.fill(value, {
        "opt_start_seq": lambda: source.choice((1, 2, 3, 100)),
        "opt_start_time": lambda: source.choice((FAR, PAST, NOWHERE)),
        "filter_subject": lambda: source.subject(),
        "subject_transforms": lambda: [_transform(source) for _ in range(source.randint(0, 2))],
        "external": lambda: {"api": source.choice(("$JS.hub.API", "$JS.API", "", "x.*")),
                             "deliver": source.choice(("", "dd", "a", "x.*"))},
    }, 0.12)


def fields(source):
    """{field: function that makes a value}; subjects and name are the caller's."""
    flag = lambda: source.maybe(0.8)  # noqa: E731
    return {
        "description": lambda: source.choice(("text", "", "x" * 4097, "<&>é")),
        "retention": lambda: source.weighted({"limits": 5, "interest": 2, "workqueue": 2, "bad": 0.3}),
        "max_consumers": lambda: _number(source),
        "max_msgs": lambda: _number(source),
        "max_bytes": lambda: source.choice((-1, 0, -2, 60, 100, 200, 1000)),
        "max_age": lambda: source.choice((0, LONG, LONG, 2 * LONG, 1, -1)),
        "max_msgs_per_subject": lambda: _number(source),
        "max_msg_size": lambda: source.choice((-1, 0, -2, 5, 10, 100, 2**31 - 1)),
        "discard": lambda: source.weighted({"old": 2, "new": 5, "bad": 0.3}),
        "discard_new_per_subject": flag,
        "storage": lambda: source.weighted({"file": 1, "memory": 5, "bad": 0.2}),
        "num_replicas": lambda: source.choice((0, 1, 1, 1, 3, -1, 6)),
        "duplicate_window": lambda: source.choice((0, LONG, SECOND * 60, 1, -1, 2 * LONG)),
        "placement": lambda: source.choice(({}, {"cluster": "C"}, {"tags": ["x"]}, {"preferred": "y"})),
        "compression": lambda: source.choice(("none", "s2", "s2", "bad")),
        # Not 1, which shows in the state of a stream that never held a message, and not any more after an update.
        "first_seq": lambda: source.choice((0, 10, 10, 2**63)),
        "subject_transform": lambda: _transform(source),
        "republish": lambda: _republish(source),
        "allow_direct": flag, "mirror_direct": flag, "sealed": lambda: source.maybe(0.3), "deny_delete": flag,
        "deny_purge": flag, "allow_rollup_hdrs": flag, "allow_msg_ttl": flag, "allow_atomic": flag,
        "allow_msg_counter": flag, "allow_msg_schedules": flag, "allow_batched": flag,
        "subject_delete_marker_ttl": lambda: source.choice((0, SECOND, LONG, 1, -1)),
        "persist_mode": lambda: source.choice(("", "default", "async", "bad")),
        "consumer_limits": lambda: source.choice(({}, {"inactive_threshold": LONG}, {"max_ack_pending": 5},
                                                  {"max_ack_pending": -1, "inactive_threshold": -1})),
        "metadata": lambda: source.choice(({}, {"k": "v"}, {"_nats.req.level": "9"}, {"b": "1", "a": "2"})),
        "mirror": lambda: _origin(source) if source.maybe(0.5) else None,
        "sources": lambda: [_origin(source) for _ in range(source.randint(0, 2))],
        "pedantic": flag, "no_ack": lambda: source.maybe(0.3),
    }


def config(source, name, share=None):
    value = {"name": name}
    if source.maybe(0.95):
        value["subjects"] = source.choice((
            ["a"], ["a.*"], ["a.>"], ["a", "a.>"], ["b.*"], ["b", "b.>"], ["c"], ["*"], [">"], ["a.>", "b.>"], ["a.>"],
            ["a", "a.>", "b", "b.>"], ["*.1"], [], ["a.*", "a.1"], ["a..b"], ["$JS.API.>"]))
    if source.maybe(0.03):
        value["name"] = source.choice(("", "T", "x y", "x.y", "x/y", "*"))
    source.fill(value, fields(source), source.choice((0.02, 0.06, 0.15)) if share is None else share)
    if value.get("mirror") and source.maybe(0.9):
        value.pop("subjects", None)
    if source.maybe(0.3):
        value["allow_direct"] = True
    return value


def publish_headers(source):
    make = {
        "Nats-Msg-Id": lambda: source.choice(("1", "2", "3", "", "x y")),
        "Nats-Expected-Stream": lambda: source.choice(("S", "S", "T", "")),
        "Nats-Expected-Last-Sequence": lambda: source.choice(("0", "1", "2", "3", "4", "5", "-1", "x", "")),
        "Nats-Expected-Last-Subject-Sequence": lambda: source.choice(("0", "0", "1", "2", "3", "x", "-1")),
        "Nats-Expected-Last-Subject-Sequence-Subject": lambda: source.choice(FILTERS + ("a..b",)),
        "Nats-Expected-Last-Msg-Id": lambda: source.choice(("1", "2", "", "9")),
        "Nats-TTL": lambda: source.choice(("1h", "3600", "never", "0", "-1", "x", "1", "100ms", "1h30m", "", "Never")),
        "Nats-Rollup": lambda: source.choice(("sub", "all", "SUB", "x", "")),
        "Nats-Incr": lambda: source.choice(("1", "+5", "-2", "x", "", "99999999999999999999999", "0", "1.5")),
        "Nats-Batch-Id": lambda: source.choice(("B", "C", "x" * 65, "")),
        "Nats-Batch-Sequence": lambda: source.choice(("1", "1", "2", "3", "0", "x")),
        "Nats-Batch-Commit": lambda: source.choice(("1", "1", "eob", "0", "x")),
        "Nats-Schedule": lambda: source.choice(("@at 2036-01-02T03:04:05Z", "@every 1h", "@daily", "0 0 3 * * 1", "x",
                                                "@every 1ms", "@at x", "0 0 0 31 2 *", "")),
        "Nats-Schedule-Target": lambda: source.choice(LITERALS + ("a.*", "")),
        "Nats-Schedule-Source": lambda: source.choice(LITERALS + ("a.*", "")),
        "Nats-Schedule-TTL": lambda: source.choice(("1h", "never", "x", "0")),
        "Nats-Schedule-Rollup": lambda: source.choice(("sub", "all")),
        "Nats-Schedule-Time-Zone": lambda: source.choice(("Europe/Berlin", "x", "UTC", "Local")),
        "Nats-Schedule-Next": lambda: source.choice(("purge", FAR, "x")),
        "Nats-Scheduler": lambda: source.choice(LITERALS),
        "Nats-Required-Api-Level": lambda: source.choice(("1", "99", "x")),
        "Nats-Stream-Source": lambda: "S 1 > > a",
        "KV-Operation": lambda: source.choice(("DEL", "PURGE")),
        "Nats-Marker-Reason": lambda: source.choice(("MaxAge", "Purge")),
        "X": lambda: source.choice(("1", "", "a: b")),
    }
    chosen = source.some(make, 1, 3)
    if source.maybe(0.4):
        chosen = source.choice((["Nats-Incr"], ["Nats-Batch-Id", "Nats-Batch-Sequence"], ["Nats-Msg-Id"], ["Nats-Rollup"],
                                ["Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit"], ["Nats-TTL"],
                                ["Nats-Schedule", "Nats-Schedule-Target"])) + source.some(make, 0, 1)
    return [[name, make[name]()] for name in dict.fromkeys(chosen)]


def publish(sequence, share=0.4):
    source = sequence.source
    more = {"head": publish_headers(source)} if source.maybe(share) else {}
    body = source.choice(("", "", "x", "hello", "0123456789", "y" * 60))
    sequence.add(to=source.choice(LITERALS), body=body, **more)


def batch(sequence):
    """An atomic batch that is mostly right."""
    source = sequence.source
    name, size = source.choice(("B", "C", "D")), source.randint(1, 5)
    for number in range(1, size + 1):
        head = [["Nats-Batch-Id", name], ["Nats-Batch-Sequence", str(number if source.maybe(0.97) else number + 1)]]
        if number == size and source.maybe(0.9):
            head.append(["Nats-Batch-Commit", source.choice(("1", "1", "eob"))])
        head += publish_headers(source) if source.maybe(0.15) else []
        sequence.add(to=source.choice(LITERALS), body="x" * source.randint(0, 5), head=head)


def get_request(source, direct):
    value = source.fill({}, {
        "seq": lambda: source.choice((0, 1, 2, 3, 4, 5, 10, 100, 2**64 - 1)),
        "last_by_subj": source.subject, "next_by_subj": source.subject,
    }, 0.35)
    rest = {"start_time": lambda: source.choice((PAST, FAR, NOWHERE)), "no_hdr": lambda: True,
            "batch": lambda: source.choice((1, 2, 5, 100, 0, -1)), "max_bytes": lambda: source.choice((1, 40, 1000, -1))}
    if direct:
        rest |= {"multi_last": lambda: [source.subject() for _ in range(source.randint(0, 3))],
                 "up_to_seq": lambda: source.choice((0, 1, 3, 5, 100)),
                 "up_to_time": lambda: source.choice((PAST, FAR, NOWHERE))}
    return source.fill(value, rest, 0.3 if direct else 0.1)


def read(sequence, name):
    source = sequence.source
    kind = source.randint(0, 9)
    if kind < 3:
        sequence.api(f"STREAM.MSG.GET.{name}", get_request(source, False))
    elif kind < 5:
        sequence.api(f"DIRECT.GET.{name}.{source.choice(LITERALS + ('a.*', 'zz'))}",
                     {"no_hdr": True} if source.maybe(0.1) else None)
    elif kind < 9:
        sequence.api(f"DIRECT.GET.{name}", get_request(source, True))
    else:
        info(sequence, name)


def info(sequence, name):
    source = sequence.source
    body = source.fill({}, {"subjects_filter": source.subject, "deleted_details": lambda: True,
                            "offset": lambda: source.choice((0, 1, 2, 100, -1))}, 0.4)
    sequence.api(f"STREAM.INFO.{name}", body if source.maybe(0.7) else None)


def remove(sequence, name):
    source = sequence.source
    if source.maybe(0.5):
        body = source.fill({}, {"filter": source.subject, "keep": lambda: source.choice((0, 1, 2, 100)),
                                "seq": lambda: source.choice((0, 1, 2, 3, 5, 100))}, 0.4)
        sequence.api(f"STREAM.PURGE.{name}", body if source.maybe(0.9) else None)
    else:
        body = {"seq": source.choice((0, 1, 2, 2, 3, 3, 4, 5, 6, 100))}
        sequence.api(f"STREAM.MSG.DELETE.{name}", body | ({"no_erase": True} if source.maybe(0.3) else {}))


def names(sequence):
    source = sequence.source
    body = source.fill({}, {"subject": source.subject, "offset": lambda: source.choice((0, 1, 2, 5, -1))}, 0.4)
    sequence.api(source.choice(("STREAM.NAMES", "STREAM.LIST")), body if source.maybe(0.8) else None)


def closing(sequence):
    """Everything that the streams hold in the end."""
    for name in NAMES:
        sequence.api(f"STREAM.INFO.{name}", {"subjects_filter": ">", "deleted_details": True})
    for number in range(1, 8):
        sequence.api("STREAM.MSG.GET.S", {"seq": number})
    # nats-server counts what it asks itself about the origins of mirrors and sources.
    if not any({"mirror", "sources"} & set(one.get("json", ())) for one in sequence.value["operations"]):
        sequence.api("INFO")


def step(sequence, made):
    """One random operation about streams; `made` holds the configuration last asked for, by name."""
    source = sequence.source
    name = source.choice(sorted(made)) if made and source.maybe(0.9) else source.choice(NAMES)
    kind = source.weighted({"publish": 30, "batch": 3, "read": 14, "remove": 8, "info": 3, "names": 3, "create": 4,
                            "update": 9, "delete": 1, "restart": 0.7})
    if kind == "publish":
        publish(sequence)
    elif kind == "batch":
        batch(sequence)
    elif kind in ("read", "remove", "info"):
        {"read": read, "remove": remove, "info": info}[kind](sequence, name)
    elif kind == "names":
        names(sequence)
    elif kind == "create":
        made[name] = config(source, name)
        sequence.api(f"STREAM.CREATE.{name}", made[name])
    elif kind == "update":
        value = dict(made.get(name, {"name": name}))
        source.fill(value, fields(source), source.choice((0.02, 0.05)))
        if source.maybe(0.15):
            value["subjects"] = config(source, name, 0).get("subjects", [])
        made[name] = value if source.maybe(0.7) else made.get(name, value)
        sequence.api(f"STREAM.UPDATE.{name}", value)
    elif kind == "delete":
        sequence.api(f"STREAM.DELETE.{name}")
    else:
        sequence.add(restart=True)


def sequence(seed):
    made = {}
    whole = Sequence("streams", seed, "")
    whole.value["files"]["server.conf"] = whole.source.choice(values.CONFIGS)
    whole.value["advisories"] = whole.source.maybe(0.2)
    for name in NAMES[:whole.source.randint(1, 3)]:
        made[name] = config(whole.source, name)
        whole.api(f"STREAM.CREATE.{name}", made[name])
    for _ in range(whole.source.randint(10, 40)):
        step(whole, made)
    closing(whole)
    return whole.value
