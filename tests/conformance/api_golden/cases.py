"""Requests whose answers are recorded: (group, profile, [(subject behind $JS.API., body)])."""
import json

GROUPS = []


def group(name, requests, profile="plain"):
    GROUPS.append((name, profile, requests))


def create(name="S", **fields):
    return f"STREAM.CREATE.{name}", json.dumps({"name": name, **fields})


def update(name="S", **fields):
    return f"STREAM.UPDATE.{name}", json.dumps({"name": name, **fields})


def consumer(name="c", stream="S", action=None, pedantic=None, **config):
    body = {"stream_name": stream, "config": config}
    if action is not None:
        body["action"] = action
    if pedantic is not None:
        body["pedantic"] = pedantic
    return f"CONSUMER.CREATE.{stream}.{name}", json.dumps(body)


def each(name, variants, before=(), profile="plain"):
    """Each variant with a fresh account behind the requests of `before`."""
    for i, variant in enumerate(variants):
        group(f"{name} {i}", [*before, variant], profile)


S = 1_000_000_000
MS = 1_000_000

each("names", [
    create(), create("a.b"), ("STREAM.CREATE.S", '{"name":"T"}'), ("STREAM.CREATE.S", "{}"), ("STREAM.CREATE.S", ""),
    ("STREAM.CREATE.S", " "), create("a\\b"), create("a/b"), create("@{n*255}"), create("@{n*256}"), create("é"),
    create("a$b"), ("STREAM.UPDATE.S", '{"name":"T"}'), ("STREAM.UPDATE.S", '{"name":"a.b"}'), update("NONE"),
    create(description="@{d*4096}"), create(description="@{d*4097}"), create(metadata={"k": "@{v*131071}"}),
    create(metadata={"k": "@{v*131072}"}), create(metadata={"_nats.ver": "x", "_nats.level": "9", "a": "b"}),
    create(metadata={"_nats.req.level": "99"}), create(description="<a> & \u2028 \" \\ \x7f \x01"),
])

each("json", [("STREAM.CREATE.S", body) for body in [
    '{"name":"S","bogus":1}', '{"name":"S"}{"max_msgs":5}', '{"name":"S"} x', '{"name":"S"', '{"name":"S",}',
    '{"name":"S","max_msgs":"5"}', '{"name":"S","max_msgs":1.5}', '{"name":"S","max_msgs":99999999999999999999}',
    '{"name":"S","max_msg_size":2147483648}', '{"name":"S","max_msg_size":-2147483649}',
    '{"name":5}', '{"name":null}', '{"NAME":"S","Max_Msgs":7}', '{"name":"S","retention":"x"}',
    '{"name":"S","retention":null}', '{"name":"S","retention":5}', '{"name":"S","retention":{}}',
    '{"name":"S","discard":"NEW"}', '{"name":"S","discard":"Newer"}', '{"name":"S","storage":"File"}',
    '{"name":"S","storage":"memory"}', '{"name":"S","compression":"zip"}', '{"name":"S","compression":5}',
    '{"name":"S","compression":"s2"}', '{"name":"S","compression":null}', '{"name":"S","persist_mode":"x"}',
    '{"name":"S","persist_mode":""}', '{"name":"S","subjects":"a"}', '{"name":"S","subjects":[1]}',
    '{"name":"S","subjects":["a",null]}', '{"name":"S","subjects":null}', '{"name":"S","subjects":{}}',
    '{"name":"S","placement":[]}', '{"name":"S","placement":{"cluster":5}}', '{"name":"S","placement":{"x":5}}',
    '{"name":"S","placement":{"tags":[7]}}', '{"name":"S","metadata":{"a":1}}', '{"name":"S","metadata":[]}',
    '{"name":"S","metadata":{"a":null}}', '{"name":"S","max_age":"1s"}', '{"name":"S","consumer_limits":[]}',
    '{"name":"S","consumer_limits":{"max_ack_pending":"x"}}', '{"name":"S","no_ack":"true"}', '{"name":"S","no_ack":1}',
    '{"name":"S","mirror":{"name":"O","opt_start_time":"yesterday"}}',
    '{"name":"S","mirror":{"name":"O","opt_start_time":5}}', '{"name":"S","mirror":"O"}',
    '{"name":"S","mirror":{"name":"O","external":{"api":1}}}', '{"name":"S","sources":{}}',
    '{"name":"S","sources":[5]}', '{"name":"S","sources":[null]}', '{"name":"S","sources":[{"nom":"x"}]}',
    '{"name":"S","bogus":1,"retention":"x"}', '{"name":"S","max_msgs":"a","max_bytes":"b"}',
    '{"name":"S","pedantic":true}', '{"name":"S","pedantic":1}', '{"name":"S","first_seq":-1}', '[]', '"x"', '5',
    'null', 'true', 'nul', 'tru e', '{"name":"S"]', '{"name" "S"}', "{'name':1}", '{"name":"S\x01"}',
    '{"name":"\\x"}', '{"name":"\\u12g4"}', '{"name":"\\u0053"}', '{"name":01}', '{"name":-}', '{"name":1.}',
    '{"name":1e}', '[1,2', '[1 2]', '{"a":1 "b":2}', '@{[*10001}', '@{[*10000}', '{"name":"S","x":@{[*100}@{]*100}}',
    '{"name":"S","max_msgs":5,"max_msgs":6}', '{"name":"S","metadata":{"a":"1"},"metadata":{"b":"2"}}',
    '{"name":"S","sealed":true}', '{"name":"S","mirror_direct":true}', '{"name":"S","republish":{}}',
    '{"name":"S","\\u017fubjects":["kelvin"]}', '\ufeff{"name":"S"}', '{"name":"S","max_msgs":1e3}',
    '{"name":"S","duplicate_window":9223372036854775808}', '{"name":"S","max_msgs":-0}',
    '{"name":"S","max_msgs":true}', '{"name":"S","max_msgs":[]}', '{"name":"S","max_msgs":{}}',
    '{"name":"S","subject_transform":{"src":1}}', '{"name":"S","allow_direct":null}']])

each("lenient", [("STREAM.CREATE.S", body) for body in [
    '{"name":"S","bogus":1}', '{"name":"S"}{"max_msgs":5}', '{"name":"S"} x', '{"name":"S"', '{"name":"S","max_msgs":"5"}',
    '{"name":"S","retention":"x"}', ""]], profile="lenient")

each("limits", [
    create(max_msgs=-5), create(max_msgs=-5, pedantic=True), create(max_bytes=-5, pedantic=True),
    create(max_msgs_per_subject=-5, pedantic=True), create(max_msg_size=-5, pedantic=True),
    create(max_consumers=-5, pedantic=True), create(max_consumers=-5, max_bytes=-9), create(max_msgs=0, max_bytes=7),
    create(num_replicas=6), create(num_replicas=-1), create(num_replicas=2), create(num_replicas=3, max_age=5),
    create(max_age=-1), create(max_age=1), create(max_age=100 * MS), create(max_age=100 * MS - 1), create(max_age=S),
    create(max_age=S, pedantic=True), create(duplicate_window=-1), create(duplicate_window=5),
    create(duplicate_window=100 * MS), create(max_age=S, duplicate_window=2 * S), create(duplicate_window=3600 * S),
    create(duplicate_window=1, max_age=50 * MS),
])

each("combinations", [
    create(deny_purge=True, allow_rollup_hdrs=True), create(allow_msg_counter=True),
    create(allow_msg_counter=True, discard="new"), create(allow_msg_counter=True, allow_msg_ttl=True),
    create(allow_msg_counter=True, allow_msg_schedules=True), create(allow_msg_counter=True, retention="interest"),
    create(discard_new_per_subject=True), create(discard_new_per_subject=True, discard="new"),
    create(discard_new_per_subject=True, discard="new", max_msgs_per_subject=1), create(subject_delete_marker_ttl=S),
    create(subject_delete_marker_ttl=S - 1), create(subject_delete_marker_ttl=-1),
    create(subject_delete_marker_ttl=S, pedantic=True), create(subject_delete_marker_ttl=S, allow_msg_ttl=True, pedantic=True),
    create(subject_delete_marker_ttl=S, deny_purge=True), create(allow_msg_schedules=True),
    create(allow_msg_schedules=True, discard="new"), create(allow_msg_schedules=True, pedantic=True),
    create(allow_msg_schedules=True, deny_purge=True), create(persist_mode="async"),
    create(persist_mode="async", storage="memory"), create(persist_mode="async", num_replicas=3),
    create(persist_mode="async", allow_atomic=True), create(allow_atomic=True), create(allow_batched=True),
    create(allow_msg_ttl=True), create(first_seq=100), create(no_ack=True), create(retention="workqueue"),
    create(placement={}), create(placement={"cluster": "c", "tags": ["a", "!b"]}), create(placement={"preferred": "x"}),
    create(consumer_limits={"inactive_threshold": S, "max_ack_pending": 5}), create(allow_direct=True),
    create(deny_delete=True, deny_purge=True), create(metadata={"z": "1", "a": "2", "_nats.x": "3"}),
])

each("subjects", [
    create(subjects=["a", "b.*", "c.>"]), create(subjects=[]), create(subjects=[""]), create(subjects=["a b"]),
    create(subjects=["a."]), create(subjects=[".a"]), create(subjects=["a..b"]), create(subjects=["a", "a"]),
    create(subjects=["a.*", "a.b"]), create(subjects=["a.b", "x", "a.*", "a.b"]), create(subjects=["a.>", "*.b"]),
    create(subjects=[">"]), create(subjects=[">"], no_ack=True), create(subjects=[">"], no_ack=True, num_replicas=3),
    create(subjects=["$JS.>"]), create(subjects=["$JS.EVENT.>"]), create(subjects=["$JS.EVENT.ADVISORY.*"]),
    create(subjects=["*.>"]), create(subjects=["$SYS.>"]), create(subjects=["$SYS.ACCOUNT.>"]),
    create(subjects=["$SYS.ACCOUNT.*.CONNECT"]), create(subjects=["$JSC.x"]), create(subjects=["$NRG.x"]),
    create(subjects=["$JS.API.x"], no_ack=True), create(subjects=["$SYS.x"], no_ack=True), create(subjects=["*"]),
    create(subjects=["a*", "*b"]), create(subjects=["a.b>"]), create(subjects=["foo.>.bar"]), create(subjects=["<&>"]),
])

each("overlap", [
    create("T", subjects=["a.b"]), create("T", subjects=["*.b"]), create("T", subjects=["b"]), create("T"),
    create("S", subjects=["a.>"]), create("S", subjects=["a.>"], metadata={"_nats.req.level": "7"}),
    create("S", subjects=["a.>"], description="d"), create("S", subjects=["b"]), create("T", subjects=[">"]),
    update("S", subjects=["b"]), create("T", subjects=["x"], mirror={"name": "S"}), create("T", mirror={"name": "S"}),
    create("T", sources=[{"name": "S"}]), create("T", sources=[{"name": "S"}], subjects=["a.c"]),
    create("S", subjects=["a.>"], max_msgs=-1, duplicate_window=120 * S),
], before=[create("S", subjects=["a.>"], allow_direct=True)])

each("mirror", [create("M", **fields) for fields in [
    {"mirror": {"name": "S"}}, {"mirror": {"name": "NONE"}}, {"mirror": {"name": "S"}, "first_seq": 5},
    {"mirror": {"name": "S"}, "subjects": ["m"]}, {"mirror": {"name": "S"}, "sources": [{"name": "S"}]},
    {"mirror": {"name": "S"}, "allow_msg_counter": True}, {"mirror": {"name": "S"}, "allow_atomic": True},
    {"mirror": {"name": "S"}, "allow_batched": True}, {"mirror": {"name": "S"}, "allow_msg_schedules": True},
    {"mirror": {"name": "S"}, "subject_delete_marker_ttl": S}, {"mirror": {"name": "S"}, "pedantic": True},
    {"mirror": {"name": "S"}, "pedantic": True, "mirror_direct": True}, {"mirror": {"name": "S"}, "mirror_direct": True},
    {"mirror": {"name": "NONE"}, "mirror_direct": True}, {"mirror": {"name": "S"}, "max_msg_size": 10},
    {"mirror": {"name": "S"}, "max_msg_size": 1000}, {"mirror": {"name": "a.b"}}, {"mirror": {"name": ""}}, {"mirror": {}},
    {"mirror": {"name": "S", "filter_subject": "a.b"}}, {"mirror": {"name": "S", "filter_subject": "a b"}},
    {"mirror": {"name": "S", "filter_subject": "a..b"}},
    {"mirror": {"name": "S", "filter_subject": "a", "subject_transforms": [{"src": "a", "dest": "b"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "a.*", "dest": "b.$1"}, {"src": "a.x", "dest": "c"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "a.*", "dest": "b.{{wildcard(1)}}"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "a..b", "dest": "b"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "a.*", "dest": "b.{{wildcard(2)}}"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "a.*", "dest": "b.{{nothing(2)}}"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "a.*", "dest": "b..c"}]}},
    {"mirror": {"name": "S", "subject_transforms": [{"src": "", "dest": ""}]}},
    {"mirror": {"name": "S", "opt_start_seq": 5, "opt_start_time": "2026-01-02T03:04:05.678Z"}},
    {"mirror": {"name": "S", "consumer": {"name": "c", "deliver_subject": "d"}}},
    {"mirror": {"name": "S", "consumer": {"name": "c.d", "deliver_subject": "d"}}},
    {"mirror": {"name": "S", "consumer": {"name": "c", "deliver_subject": "d.*"}}},
    {"mirror": {"name": "S", "consumer": {"name": "c", "deliver_subject": "d"}, "opt_start_seq": 1}},
    {"mirror": {"name": "S", "consumer": {"name": "c", "deliver_subject": "d"}, "filter_subject": "a"}},
    {"mirror": {"name": "S", "external": {"api": "$JS.hub.API"}}},
    {"mirror": {"name": "S", "external": {"api": "$JS.API"}}}, {"mirror": {"name": "S", "external": {"api": "a.*"}}},
    {"mirror": {"name": "S", "external": {"api": "x.API", "deliver": "d.>"}}},
    {"mirror": {"name": "S", "external": {"api": "x.API", "deliver": "d"}}}, {"mirror": {"name": "M"}},
    {"mirror": {"name": "S"}, "duplicate_window": S}, {"mirror": {"name": "S"}, "max_age": S}]],
    before=[create("S", subjects=["a.>"], allow_direct=True, max_msg_size=100)])

each("sources", [create("M", **fields) for fields in [
    {"sources": [{"name": "S"}]}, {"sources": [{"name": "S"}, {"name": "S"}]}, {"sources": [{"name": ""}]},
    {"sources": [{"name": "a b"}]}, {"sources": [{"name": "S"}], "allow_msg_schedules": True},
    {"sources": [{"name": "S"}, {"name": "S", "filter_subject": "a.b"}]},
    {"sources": [{"name": "S"}, {"name": "S", "filter_subject": ">"}]},
    {"sources": [{"name": "S", "filter_subject": "a", "subject_transforms": [{"src": "a", "dest": "b"}]}]},
    {"sources": [{"name": "S", "subject_transforms": [{"src": "a.*", "dest": "x.$1"}, {"src": "a.b", "dest": "y"}]}]},
    {"sources": [{"name": "S", "subject_transforms": [{"src": "a.*", "dest": "x.$1"}, {"src": "*.b", "dest": "y.$1"}]}]},
    {"sources": [{"name": "S", "subject_transforms": [{"src": "a b", "dest": "x"}]}]},
    {"sources": [{"name": "S", "subject_transforms": [{"src": "a.*", "dest": "x.$2"}]}]},
    {"sources": [{"name": "S", "filter_subject": "a..b"}]}, {"sources": [{"name": "S"}], "max_msg_size": 10},
    {"sources": [{"name": "S", "consumer": {"name": "c", "deliver_subject": "d"}}]},
    {"sources": [{"name": "S", "consumer": {"name": "c", "deliver_subject": "d"}, "opt_start_seq": 2}]},
    {"sources": [{"name": "S", "consumer": {"name": "", "deliver_subject": "d"}}]},
    {"sources": [{"name": "S", "consumer": {"name": "c", "deliver_subject": "d"},
                  "subject_transforms": [{"src": "a", "dest": "b"}]},
                 {"name": "S", "consumer": {"name": "c", "deliver_subject": "e"}}]},
    {"sources": [{"name": "S", "external": {"api": "$JS.d.API", "deliver": "del"}}, {"name": "S"}]},
    {"sources": [{"name": "S", "external": {"api": "$JS.d.API", "deliver": "*"}}]},
    {"sources": [{"name": "S", "external": {"api": "$JS.API", "deliver": ""}}]},
    {"sources": [{"name": "M"}]}, {"sources": [{"name": "M"}], "subjects": ["m"]},
    {"sources": [{"name": "M", "filter_subject": "zz"}], "subjects": ["m"]},
    {"sources": [{"name": "W"}]}, {"sources": [{"name": "S"}], "duplicate_window": S},
    {"sources": [{"name": "S"}], "subjects": ["m.>"]}, {"sources": [{"name": "S", "opt_start_seq": 3}]},
    {"sources": [{"name": "S", "opt_start_time": "2026-01-02T03:04:05+02:00"}], "sealed": True}]],
    before=[create("S", subjects=["a.>"], max_msg_size=100), create("W", sources=[{"name": "M"}])])

each("transforms", [create(**fields) for fields in [
    {"subjects": ["a.*"], "subject_transform": {"src": "a.*", "dest": "b.$1"}},
    {"subjects": ["a.*"], "subject_transform": {"src": "a.*", "dest": "b.{{partition(3,1)}}"}},
    {"subjects": ["a.*"], "subject_transform": {"src": "a..", "dest": "b"}},
    {"subjects": ["a.*"], "subject_transform": {"src": "a.*", "dest": "b.$3"}},
    {"subjects": ["a.*"], "subject_transform": {"src": "a.*", "dest": "b.*"}},
    {"subjects": ["a.*"], "subject_transform": {"src": "", "dest": "b.>"}},
    {"subjects": ["a.*"], "subject_transform": {"src": "a.*", "dest": ""}},
    {"subjects": ["a.*"], "subject_transform": {"src": "a.>", "dest": "b.>.c"}},
    {"subjects": ["a.*"], "republish": {"src": "a.*", "dest": "r.$1"}},
    {"subjects": ["a.*"], "republish": {"dest": "r.>"}}, {"subjects": ["a.*"], "republish": {"dest": "r.>"}, "pedantic": True},
    {"subjects": ["a.*"], "republish": {"src": ">", "dest": "a.b"}}, {"subjects": ["a.*"], "republish": {"src": "a.*", "dest": ">"}},
    {"subjects": ["a.*"], "republish": {"src": "a.*", "dest": "r.$2"}}, {"subjects": ["a.*"], "republish": {"src": ">", "dest": "r"}},
    {"subjects": ["a.*"], "republish": {"src": ">", "dest": ">"}, "subject_transform": {"src": "a.*", "dest": "t.$1"}},
    {"subjects": ["a.>"], "republish": {"src": ">", "dest": ">"}, "subject_transform": {"src": "a.>", "dest": "t.>"}},
    {"subjects": ["a.>"], "republish": {"src": ">", "dest": ">"}, "subject_transform": {"src": "a.>", "dest": "t.>"}, "pedantic": True},
    {"subjects": ["a.*"], "republish": {"src": "b..", "dest": "r"}}, {"subjects": ["a.*"], "republish": {"src": "x", "dest": "y", "headers_only": True}}]])

BASE = dict(subjects=["a.>"], max_msgs=10)
each("update", [update(**{**BASE, **fields}) for fields in [
    {}, {"max_msgs": 20}, {"description": "d"}, {"storage": "memory"}, {"retention": "interest"}, {"retention": "workqueue"},
    {"num_replicas": 3}, {"sealed": True}, {"deny_delete": True}, {"mirror": {"name": "X"}}, {"discard_new_per_subject": True},
    {"allow_msg_ttl": True}, {"allow_msg_counter": True}, {"allow_msg_schedules": True}, {"persist_mode": "async"},
    {"first_seq": 50}, {"subjects": ["b.>"]}, {"subjects": ["other.x"]}, {"sources": [{"name": "O"}]}, {"bogus": 1},
    {"max_age": 5}, {"placement": {"preferred": "x"}}, {"republish": {"dest": "a.b"}}, {"republish": {}}, {"subjects": ["a.>", "a.b"]},
    {"metadata": {"x": "y"}}, {"sealed": True, "max_age": S, "allow_rollup_hdrs": True}, {"duplicate_window": S}]],
    before=[create("O", subjects=["other.>"]), create(**BASE)])
each("update one way", [update(**{"subjects": ["a.>"], **fields}) for fields in [
    {}, {"deny_delete": True}, {"deny_delete": True, "deny_purge": True},
    {"deny_delete": True, "deny_purge": True, "allow_msg_ttl": True}]],
    before=[create(subjects=["a.>"], deny_delete=True, deny_purge=True, allow_msg_ttl=True)])
each("update others", [update(), update(retention="limits"), update(retention="workqueue", max_msgs=5)],
     before=[create(retention="workqueue")])
each("update sealed", [update(), update(sealed=True), update(sealed=True, deny_delete=True, deny_purge=True, discard="new")],
     before=[create(), update(sealed=True)])
each("update mirror", [update("M"), update("M", subjects=["m"]), update("M", mirror={"name": "S"}),
                       update("M", mirror={"name": "T"}), update("M", mirror={"name": "S", "filter_subject": "x"}),
                       update("M", mirror={"name": "S"}, description="d")],
     before=[create(), create("M", mirror={"name": "S"})])
each("update schedules", [update(allow_rollup_hdrs=True), update(allow_msg_schedules=True)],
     before=[create(allow_msg_schedules=True)])
each("update limits of consumers", [update(consumer_limits=limits) for limits in [
    {"inactive_threshold": 6 * S}, {"max_ack_pending": 2000}, {"max_ack_pending": 150}]],
    before=[create(), consumer("b", ack_policy="explicit", inactive_threshold=9 * S, max_ack_pending=100),
            consumer("a", ack_policy="explicit", max_ack_pending=200), consumer("c")])

each("consumer names", [
    consumer(), ("CONSUMER.CREATE.S", '{"stream_name":"S","config":{}}'),
    ("CONSUMER.CREATE.S", '{"stream_name":"S","config":{"name":"n"}}'),
    ("CONSUMER.CREATE.S", '{"stream_name":"S","config":{"durable_name":"n"}}'),
    ("CONSUMER.CREATE.S", '{"stream_name":"S","config":{"name":"a/b"}}'),
    ("CONSUMER.CREATE.S", '{"stream_name":"S","config":{"name":"a.b"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"T","config":{}}'), ("CONSUMER.CREATE.S.c", '{}'), ("CONSUMER.CREATE.S.c", ''),
    ("CONSUMER.CREATE.NONE.c", '{"stream_name":"NONE","config":{}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"durable_name":"c"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"durable_name":"d"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"name":"other"}}'),
    ("CONSUMER.DURABLE.CREATE.S.c", '{"stream_name":"S","config":{"durable_name":"c"}}'),
    ("CONSUMER.DURABLE.CREATE.S.c", '{"stream_name":"S","config":{"durable_name":"d"}}'),
    ("CONSUMER.DURABLE.CREATE.S.c", '{"stream_name":"S","config":{}}'),
    ("CONSUMER.DURABLE.CREATE.S.c", '{"stream_name":"S","config":{"durable_name":"c","name":"d"}}'),
    ("CONSUMER.CREATE.S.c.a.b", '{"stream_name":"S","config":{"filter_subject":"a.b"}}'),
    ("CONSUMER.CREATE.S.c.a.b", '{"stream_name":"S","config":{"filter_subject":"a.c"}}'),
    ("CONSUMER.CREATE.S.c.a.b", '{"stream_name":"S","config":{"filter_subjects":["a.b"]}}'),
    ("CONSUMER.CREATE.S.c.a.b", '{"stream_name":"S","config":{}}'), consumer("@{n*255}", durable_name="@{n*255}"),
    consumer("@{n*256}", durable_name="@{n*256}"), consumer("@{n*256}"), consumer("a\\b"), consumer(num_replicas=3),
    consumer(num_replicas=-1), consumer(num_replicas=1), ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{},"action":"x"}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{},"action":null}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"bogus":1}}'), ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":5}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"deliver_policy":"x"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"deliver_policy":"undefined"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"ack_policy":"x"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"replay_policy":"x"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"priority_policy":"x"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"backoff":5}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"backoff":["1s"]}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":"2026-13-01T00:00:00Z"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":"2026-02-30T00:00:00Z"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":"2026-02-03"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":"2026-02-03T25:00:00Z"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":"2026-02-03T01:00:00"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":"2026-02-03T01:00:00Zx"}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"opt_start_time":""}}'),
    ("CONSUMER.CREATE.S.c", '{"stream_name":"S","config":{"rate_limit_bps":-5}}'),
], before=[create(subjects=["a.>"])])

each("consumer", [consumer(**config) for config in [
    {"ack_policy": "explicit"}, {"ack_policy": "all"}, {"ack_policy": "none", "max_ack_pending": 5}, {"max_deliver": -7},
    {"max_deliver": 0}, {"max_waiting": -1}, {"max_ack_pending": -7, "ack_policy": "explicit"}, {"max_batch": -1},
    {"max_expires": -1}, {"max_bytes": -1}, {"idle_heartbeat": -1}, {"inactive_threshold": -1}, {"priority_timeout": -1},
    {"ack_policy": "explicit", "backoff": [S, 2 * S]}, {"ack_policy": "explicit", "backoff": [S, 2 * S], "max_deliver": 1},
    {"ack_policy": "explicit", "backoff": [S, 2 * S], "max_deliver": 2}, {"ack_policy": "explicit", "backoff": [-1]},
    {"ack_policy": "explicit", "ack_wait": -1}, {"ack_policy": "explicit", "ack_wait": 5}, {"description": "@{d*4097}"},
    {"deliver_subject": "d.*"}, {"deliver_subject": "d e"}, {"deliver_subject": "d..e"}, {"deliver_subject": "a.b"},
    {"deliver_subject": "d", "max_waiting": 5}, {"deliver_subject": "d", "max_ack_pending": 5},
    {"deliver_subject": "d", "idle_heartbeat": 5}, {"deliver_subject": "d", "idle_heartbeat": S, "flow_control": True},
    {"deliver_subject": "d", "flow_control": True}, {"deliver_subject": "d", "ack_policy": "explicit"},
    {"deliver_subject": "d", "deliver_group": "g", "rate_limit_bps": 1000}, {"rate_limit_bps": 1}, {"idle_heartbeat": S},
    {"flow_control": True}, {"max_expires": 5}, {"max_expires": MS}, {"max_batch": 5, "max_bytes": 10}, {"direct": True},
    {"direct": True, "deliver_subject": "d", "durable_name": "c"}, {"filter_subject": "a.b", "filter_subjects": ["a.c"]},
    {"filter_subject": "a b"}, {"filter_subjects": ["a.b", "a.c"]}, {"filter_subjects": [""]}, {"filter_subjects": ["a.*", "a.b"]},
    {"filter_subjects": ["a.b", "a.b"]}, {"filter_subjects": ["a.b", "x..y"]}, {"filter_subject": "zzz"},
    {"filter_subjects": ["a.*.c", "a.b.*"]}, {"deliver_policy": "all", "opt_start_seq": 5},
    {"deliver_policy": "last", "opt_start_time": "2026-01-01T00:00:00Z"}, {"deliver_policy": "new", "opt_start_seq": 1},
    {"deliver_policy": "last_per_subject"}, {"deliver_policy": "last_per_subject", "filter_subject": "a.>"},
    {"deliver_policy": "last_per_subject", "opt_start_seq": 1}, {"deliver_policy": "by_start_sequence"},
    {"deliver_policy": "by_start_sequence", "opt_start_seq": 5},
    {"deliver_policy": "by_start_sequence", "opt_start_seq": 5, "opt_start_time": "2026-01-01T00:00:00Z"},
    {"deliver_policy": "by_start_time"}, {"deliver_policy": "by_start_time", "opt_start_time": "2026-01-01T00:00:00.5Z"},
    {"deliver_policy": "by_start_time", "opt_start_time": "2026-01-01T00:00:00Z", "opt_start_seq": 5},
    {"sample_freq": "50"}, {"sample_freq": "50%"}, {"sample_freq": "x"}, {"sample_freq": "-1"}, {"sample_freq": "50%%"},
    {"sample_freq": "99999999999999999999"}, {"sample_freq": "%"}, {"sample_freq": "+5"},
    {"metadata": {"k": "@{v*131072}"}}, {"metadata": {"k": "v", "_nats.ver": "x"}}, {"priority_policy": "overflow"},
    {"priority_policy": "overflow", "priority_groups": ["g"]}, {"priority_policy": "pinned_client", "priority_groups": ["g"]},
    {"priority_policy": "prioritized", "priority_groups": ["g"], "priority_timeout": S},
    {"priority_policy": "overflow", "priority_groups": [""]}, {"priority_policy": "overflow", "priority_groups": ["a b"]},
    {"priority_policy": "overflow", "priority_groups": ["@{g*17}"]}, {"priority_groups": ["g"]}, {"priority_timeout": S},
    {"priority_policy": "overflow", "priority_groups": ["g"], "deliver_subject": "d"}, {"mem_storage": True},
    {"pause_until": "2090-01-01T00:00:00Z"}, {"pause_until": "2020-01-01T00:00:00Z"}, {"headers_only": True},
    {"pause_until": "0001-01-01T00:00:00Z"},
    {"replay_policy": "original"}, {"ack_policy": "flow_control"}, {"ack_policy": "flow_control", "deliver_subject": "d"},
    {"ack_policy": "flow_control", "deliver_subject": "d", "max_ack_pending": -1},
    {"ack_policy": "flow_control", "deliver_subject": "d", "ack_wait": S},
    {"ack_policy": "flow_control", "deliver_subject": "d", "max_deliver": 5},
    {"ack_policy": "flow_control", "deliver_subject": "d", "pedantic": True}, {"inactive_threshold": S, "durable_name": "c"},
    {"durable_name": "c"}, {"durable_name": "c", "deliver_subject": "d", "ack_policy": "all"},
    {"dead_letterx": "q"}]], before=[create(subjects=["a.>"])])

each("consumer pedantic", [consumer(pedantic=True, **config) for config in [
    {"max_deliver": -2}, {"max_waiting": -1}, {"max_ack_pending": -2}, {"max_batch": -1}, {"max_expires": -1}, {"max_bytes": -1},
    {"idle_heartbeat": -1}, {"inactive_threshold": -1}, {"priority_timeout": -1}, {"backoff": [S], "ack_policy": "explicit"},
    {"max_ack_pending": 5, "ack_policy": "explicit"}, {"ack_policy": "explicit", "inactive_threshold": S},
    {"ack_policy": "flow_control", "deliver_subject": "d", "max_ack_pending": 5, "inactive_threshold": S},
    {"ack_policy": "flow_control", "deliver_subject": "d", "max_ack_pending": 5, "inactive_threshold": S, "flow_control": True,
     "idle_heartbeat": 2 * S}]],
    before=[create(subjects=["a.>"], consumer_limits={"inactive_threshold": 10 * S, "max_ack_pending": 20})])
each("consumer limits", [consumer(**config) for config in [
    {"ack_policy": "explicit"}, {"ack_policy": "explicit", "max_ack_pending": 21}, {"inactive_threshold": 11 * S},
    {"ack_policy": "explicit", "max_ack_pending": -1}, {"durable_name": "c"}]],
    before=[create(subjects=["a.>"], consumer_limits={"inactive_threshold": 10 * S, "max_ack_pending": 20})])

each("consumer update", [consumer(**{"durable_name": "c", "ack_policy": "explicit", **config}) for config in [
    {}, {"description": "x"}, {"deliver_policy": "new"}, {"mem_storage": True}, {"ack_policy": "all"}, {"replay_policy": "original"},
    {"deliver_subject": "d"}, {"max_waiting": 5}, {"max_deliver": 5}, {"filter_subject": "a.b"}, {"filter_subjects": ["a.b", "a.c"]},
    {"max_ack_pending": 7}, {"backoff": [S], "max_deliver": 3}, {"metadata": {"a": "b"}}, {"pause_until": "2090-01-01T00:00:00Z"},
    {"sample_freq": "10"}, {"headers_only": True}, {"inactive_threshold": S}, {"action": "create"}, {"action": "update"},
    {"action": "create", "description": "d"}, {"action": "update", "description": "d"}, {"num_replicas": 1},
    {"priority_policy": "overflow", "priority_groups": ["g"]}]],
    before=[create(subjects=["a.>"]), consumer(durable_name="c", ack_policy="explicit")])
each("consumer update push", [consumer(**config) for config in [
    {"deliver_subject": "d", "idle_heartbeat": 2 * S}, {"deliver_subject": "d"}, {"deliver_subject": "e", "idle_heartbeat": S},
    {"idle_heartbeat": 0}, {"deliver_subject": "d", "idle_heartbeat": S, "flow_control": True}]],
    before=[create(subjects=["a.>"]), consumer(deliver_subject="d", idle_heartbeat=S)])
each("consumer actions", [consumer("x", action="create"), consumer("x", action="update"), consumer("x", action=""),
                          consumer(action="create"), consumer(action="create", inactive_threshold=5 * S), consumer(action="update")],
     before=[create(subjects=["a.>"]), consumer()])
each("consumer start", [consumer(deliver_policy="by_start_sequence", opt_start_seq=6), consumer(
    deliver_policy="by_start_time", opt_start_time="2026-01-01T00:00:00Z")],
    before=[create(subjects=["a.>"]), consumer(deliver_policy="by_start_sequence", opt_start_seq=5)])

each("work queue", [consumer("d", **config) for config in [
    {}, {"ack_policy": "all"}, {"ack_policy": "explicit"}, {"ack_policy": "explicit", "deliver_policy": "new"},
    {"ack_policy": "explicit", "filter_subject": "a.b"}, {"ack_policy": "explicit", "filter_subject": "a.c"},
    {"ack_policy": "explicit", "filter_subjects": ["a.d", "a.*.x"]}, {"ack_policy": "explicit", "filter_subject": "a.*"},
    {"deliver_subject": "d"}]],
    before=[create(subjects=["a.>"], retention="workqueue"), consumer(ack_policy="explicit", filter_subject="a.b")])
each("work queue alone", [consumer(ack_policy="explicit"), consumer(ack_policy="explicit", deliver_policy="last"),
                          consumer("d", ack_policy="explicit", filter_subject="a.b"), consumer("d", ack_policy="explicit")],
     before=[create(subjects=["a.>"], retention="workqueue"), consumer(ack_policy="explicit")])
each("interest", [consumer(num_replicas=1), consumer(ack_policy="none")], before=[create(retention="interest")])
group("number of consumers", [create(max_consumers=1), consumer("a"), consumer("b"), consumer("a", description="again")])

ROOM = dict(max_bytes=100_000)
each("account", [create("S", **fields) for fields in [
    {}, ROOM, {"max_bytes": 1_000_001}, {"max_bytes": 300_001, "storage": "memory"}, {**ROOM, "max_consumers": 3},
    {"max_bytes": 0}, {"max_bytes": -1}]], profile="account")
group("account streams", [create("A", **ROOM), create("B", **ROOM), create("C", **ROOM), create("D", **ROOM),
                          create("C", **ROOM), update("C", max_bytes=200_000)], profile="account")
group("account room", [create("A", max_bytes=1_000_000), create("B", max_bytes=900_000), create("C", max_bytes=300_000),
                       update("B", max_bytes=1_000_000), update("A", max_bytes=1_200_000), update("B", max_bytes=950_000)],
      profile="account")
group("account consumers", [create("S", **ROOM), consumer("a", ack_policy="explicit"), consumer("b", ack_policy="explicit", max_ack_pending=501),
                            consumer("b"), consumer("d")], profile="account")
each("server", [create(), create(duplicate_window=120 * S), create(pedantic=True), create(max_age=30 * S), create(max_age=30 * S, pedantic=True)],
     profile="server")
group("server consumers", [create(), consumer("a", ack_policy="explicit"), consumer("b", ack_policy="explicit", max_ack_pending=701),
                           consumer("b", max_batch=251), consumer("b", max_batch=250), consumer("d", pedantic=True),
                           consumer("d", deliver_subject="d"), consumer("e"), consumer("f")], profile="server")
