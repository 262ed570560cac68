"""Consumers: configurations with all fields, pulls with every option, pushes, acknowledgements of every verb."""
import streams
import values
from values import FAR, LITERALS, LONG, NOWHERE, PAST, SECOND, Sequence

NAMES = ("C", "D", "E")
VERBS = {"": 4, "+ACK": 6, "+OK": 1, "-NAK": 4, '-NAK {"delay":3600000000000}': 1, "-NAK 1h": 1, "-NAK x": 0.5,
         "+WPI": 1, "+TERM": 2, "+TERM because": 1, "+NXT": 1, "+NXT 2": 0.5, '+NXT {"batch":2,"no_wait":true}': 0.7,
         "+BAD": 0.5, "-NAK{}": 0.3, "+ack": 0.3, "+NXT x": 0.3}


def fields(source):
    """{field: function that makes a value} of a consumer, pull or push."""
    flag = lambda: source.maybe(0.8)  # noqa: E731
    return {
        "description": lambda: source.choice(("text", "x" * 4097)),
        "deliver_policy": lambda: source.weighted({"all": 2, "last": 2, "new": 2, "by_start_sequence": 2,
                                                   "by_start_time": 1, "last_per_subject": 3, "bad": 0.2}),
        "opt_start_seq": lambda: source.choice((0, 1, 2, 3, 100)),
        "opt_start_time": lambda: source.choice((PAST, FAR, NOWHERE)),
        "ack_policy": lambda: source.weighted({"none": 2, "all": 2, "explicit": 6, "flow_control": 0.5, "bad": 0.2}),
        "ack_wait": lambda: source.choice((0, LONG, LONG, -1)),
        "max_deliver": lambda: source.choice((-1, 0, 1, 2, 3, -2)),
        "backoff": lambda: source.choice(([], [LONG], [LONG, 2 * LONG], [-1], [2 * LONG, LONG])),
        "filter_subject": source.subject,
        "filter_subjects": lambda: [source.subject() for _ in range(source.randint(0, 3))],
        "replay_policy": lambda: source.choice(("instant", "instant", "original", "bad")),
        "rate_limit_bps": lambda: source.choice((0, 100000000)),
        "sample_freq": lambda: source.choice(("100", "100%", "0", "x", "-1", "")),
        "max_waiting": lambda: source.choice((0, 1, 2, 512, -1)),
        "max_ack_pending": lambda: source.choice((-1, 0, 1, 2, 3, 1000, -2, 2)),
        "flow_control": flag,
        "idle_heartbeat": lambda: source.choice((0, LONG, LONG, 1, -1)),
        "headers_only": flag,
        "max_batch": lambda: source.choice((0, 1, 2, 20, -1)),
        "max_expires": lambda: source.choice((0, LONG, 1, SECOND, -1)),
        "max_bytes": lambda: source.choice((0, 100, 1000, -1)),
        "inactive_threshold": lambda: source.choice((0, LONG, LONG, -1)),
        "num_replicas": lambda: source.choice((0, 1, 3, -1)),
        "mem_storage": flag,
        "direct": lambda: source.maybe(0.2),
        "metadata": lambda: source.choice(({}, {"k": "v"}, {"_nats.req.level": "9"})),
        "pause_until": lambda: source.choice((FAR, PAST, NOWHERE)),
        "priority_groups": lambda: source.choice((["g"], ["g"], ["g", "h"], [], [""], ["a b"])),
        "priority_policy": lambda: source.choice(("none", "overflow", "pinned_client", "prioritized", "bad")),
        "priority_timeout": lambda: source.choice((0, LONG, -1)),
        "deliver_group": lambda: source.choice(("q", "", "a b")),
    }


def config(source, name, share=None):
    value = {"ack_policy": source.weighted({"explicit": 8, "all": 2, "none": 2})} if source.maybe(0.9) else {}
    if source.maybe(0.6):
        value["durable_name"] = name
    if source.maybe(0.5):
        value["name"] = name
    if source.maybe(0.25):
        value["deliver_subject"] = source.weighted({f"d.{name}": 12, "": 0.5, "d.*": 0.5, "a": 0.5, "d..x": 0.3})
    source.fill(value, fields(source), source.choice((0.02, 0.06, 0.15)) if share is None else share)
    if value.get("deliver_policy") == "by_start_sequence" and source.maybe(0.8):
        value["opt_start_seq"] = source.choice((1, 2, 3, 100))
    if value.get("deliver_policy") == "last_per_subject" and source.maybe(0.7):
        value["filter_subject"] = source.choice(("a.>", ">", "a.*"))
    if value.get("priority_groups") and source.maybe(0.8):
        value["priority_policy"] = source.choice(("overflow", "pinned_client", "prioritized"))
    if source.maybe(0.9):
        value.setdefault("inactive_threshold", LONG)  # an ephemeral that does not go while it is looked at
    return value


def create(sequence, made, action=None):
    source = sequence.source
    name = source.choice(NAMES)
    if action == "update" and name in made:
        value = source.fill(dict(made[name]), fields(source), source.choice((0.02, 0.06)))
        # On purpose: after a change of the group nats-server still listens for members of the old one.
        value.pop("deliver_group", None)
        if "deliver_group" in made[name]:
            value["deliver_group"] = made[name]["deliver_group"]
    else:
        value = config(source, name)
    if sequence.removes and value.get("ack_policy") == "all":
        value["ack_policy"] = "explicit"
    made[name] = value
    body = {"stream_name": "S" if source.maybe(0.97) else source.choice(("T", "")), "config": value}
    if action and source.maybe(0.6):
        body["action"] = action if source.maybe(0.97) else "bad"
    if source.maybe(0.05):
        body["pedantic"] = True
    form = source.weighted({"named": 10, "durable": 2, "unnamed": 1, "filtered": 1})
    if form == "durable":
        value.setdefault("durable_name", name)
    if form == "unnamed" and "durable_name" not in value:
        value["name"] = name  # on purpose: the configuration of what the server names (docs/compatibility.md)
    subject = {"named": f"CONSUMER.CREATE.S.{name}", "durable": f"CONSUMER.DURABLE.CREATE.S.{name}",
               "unnamed": "CONSUMER.CREATE.S",
               "filtered": f"CONSUMER.CREATE.S.{name}.{value.get('filter_subject') or source.choice(values.FILTERS)}"}
    if " " in subject[form]:
        form = "named"
    sequence.api(subject[form], body)


def pull(sequence, name):
    source = sequence.source
    kind = source.randint(0, 9)
    to = f"$JS.API.CONSUMER.MSG.NEXT.S.{name}"
    if kind == 0:
        sequence.add(to=to, body=source.choice(("", "1", "2", "x", "{}", "0", "-1", "[]", '{"batch":"x"}', "null")))
        return
    body = {"batch": source.choice((1, 1, 2, 3, 5, 10, 0, -1)) if source.maybe(0.2) else source.choice((1, 2, 3, 5))}
    if source.maybe(0.7):
        body["no_wait"] = True
    elif source.maybe(0.8):
        body["expires"] = LONG
    source.fill(body, {
        "max_bytes": lambda: source.choice((1, 50, 80, 100, 200, 1000, 0, -1)),
        "idle_heartbeat": lambda: source.choice((LONG // 4, LONG, 1, -1)),
        "group": lambda: source.choice(("g", "g", "h", "")),
        "min_pending": lambda: source.choice((0, 1, 3, 100, -1)),
        "min_ack_pending": lambda: source.choice((0, 1, 2, 100)),
        "priority": lambda: source.choice((0, 1, 5, 9, 10, -1)),
        "id": lambda: source.choice(("x", "")),
    }, 0.08)
    sequence.add(to=to, json=body)


def acknowledge(sequence):
    source = sequence.source
    verb = source.weighted(VERBS)
    sequence.add(ack=source.randint(0, 12), body=verb, reply=source.maybe(0.85))


def about(sequence, name):
    """A request about one consumer, or about all."""
    source = sequence.source
    kind = source.weighted({"info": 8, "names": 1, "list": 1.5, "delete": 0.7, "pause": 2, "reset": 2, "unpin": 1})
    if kind == "info":
        sequence.api(f"CONSUMER.INFO.S.{name}")
    elif kind in ("names", "list"):
        body = {"offset": source.choice((0, 1, 2, 5, -1))} if source.maybe(0.4) else None
        sequence.api(f"CONSUMER.{kind.upper()}.S", body)
    elif kind == "delete":
        sequence.api(f"CONSUMER.DELETE.S.{name}")
    elif kind == "pause":
        # Not PAST: when a paused push consumer goes on after that differs (docs/compatibility.md).
        sequence.api(f"CONSUMER.PAUSE.S.{name}", {"pause_until": source.choice((FAR, NOWHERE))}
                     if source.maybe(0.7) else None)
    elif kind == "reset":
        sequence.api(f"CONSUMER.RESET.S.{name}", {"seq": source.choice((0, 1, 2, 3, 5, 100))}
                     if source.maybe(0.6) else None)
    else:
        sequence.api(f"CONSUMER.UNPIN.S.{name}", {"group": source.choice(("g", "h", ""))} if source.maybe(0.9) else None)


def stream_config(source, removes):
    value = {"name": "S", "subjects": ["a", "a.>", "b", "b.>"]}
    # On purpose a file stream: beside the end of a memory stream nats-server counts what no filter admits as delivered.
    if source.maybe(0.4):
        value["retention"] = source.choice(("interest", "workqueue"))
    for key in ("max_msgs_per_subject", "max_msgs"):
        if removes and source.maybe(0.15):
            value[key] = source.choice((1, 2, 5))
    if source.maybe(0.05):
        value["consumer_limits"] = {"max_ack_pending": 5, "inactive_threshold": LONG}
    if source.maybe(0.05):
        value["max_consumers"] = 2
    return value


def step(sequence, made, stream):
    source = sequence.source
    kind = source.weighted({"publish": 10, "pull": 14, "ack": 14, "about": 12, "create": 3, "update": 3, "remove": 2,
                            "stream": 0.5, "restart": 0.7})
    if kind in ("remove", "stream") and not sequence.removes:
        kind = "publish"
    name = source.choice(sorted(made)) if made and source.maybe(0.95) else source.choice(NAMES)
    if kind == "publish":
        rollup = {"head": [["Nats-Rollup", "sub"]]}
        more = rollup if sequence.removes and source.maybe(0.03) else {"head": [["X", "1"]]} if source.maybe(0.1) else {}
        sequence.add(to=source.choice(LITERALS[:-1]), body=source.choice(("", "x", "hello", "y" * 60)), **more)
    elif kind == "pull":
        pull(sequence, name)
    elif kind == "ack":
        acknowledge(sequence)
    elif kind == "about":
        about(sequence, name)
    elif kind in ("create", "update"):
        create(sequence, made, source.choice(("create", None)) if kind == "create" else "update")
    elif kind == "remove":
        streams.remove(sequence, "S")
    elif kind == "stream":
        stream.update(source.choice(({"subjects": ["a", "a.>"]}, {"max_msgs": 3}, {"retention": "interest"},
                                     {"retention": "limits"}, {"max_msgs_per_subject": 1})))
        sequence.api("STREAM.UPDATE.S", dict(stream))
    else:
        sequence.add(restart=True)


def sequence(seed):
    made = {}
    whole = Sequence("consumers", seed, values.JETSTREAM)
    source = whole.source
    whole.value["advisories"] = source.maybe(0.3)
    # On purpose: what it means for `ack_policy: all` that a message is removed (docs/compatibility.md).
    whole.removes = source.maybe(0.7)
    stream = stream_config(source, whole.removes)
    whole.api("STREAM.CREATE.S", dict(stream))
    before = source.randint(0, 4)
    for number in range(source.randint(3, 8)):
        if number == before:
            create(whole, made, "create")
        whole.add(to=source.choice(LITERALS[:-1]), body=f"{number}")
    for _ in range(source.randint(15, 45)):
        step(whole, made, stream)
    for name in NAMES:
        whole.api(f"CONSUMER.INFO.S.{name}")
    whole.api("STREAM.INFO.S", {"deleted_details": True})
    return whole.value
