"""Writes a sequence down as a scripted scenario, with what the oracle answered, for differential/scenarios."""
import json

LEFT_OUT = ("config", "created", "ts", "cluster", "seq", "time", "first_ts", "last_ts", "last_active")


def _escaped(data):
    return data.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def _frame(operation):
    reply = operation.get("reply_to", f"_I.{operation['id']}" if operation.get("reply", True) else "")
    body = json.dumps(operation["json"], separators=(",", ":")) if "json" in operation else operation.get("body", "")
    size, to = len(body.encode()), operation.get("to", "@{REPLY:A}")  # of the last delivery
    if not operation.get("head"):
        return f"PUB {to} {reply} {size}\r\n{body}\r\n"
    head = "NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in operation["head"]) + "\r\n"
    return f"HPUB {to} {reply} {len(head.encode())} {len(head.encode()) + size}\r\n{head}{body}\r\n"


def _short(value):
    """What is worth reading of an answer; the runner compares all of it."""
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items() if key not in LEFT_OUT}
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def _expected(sid, one):
    place = {"subject": one["subject"], "sid": sid}
    if isinstance(one["body"], (dict, list)):
        return "A <msg " + json.dumps({**place, "body": _short(one["body"])}, separators=(",", ":"), ensure_ascii=False)
    head = [line for line in one["head"].split("\r\n") if line]
    wanted = {**place, "reply": one["reply"], "headers": head, "body": one["body"]}
    return "A <req " + json.dumps(wanted, separators=(",", ":"), ensure_ascii=False)


def text(name, sequence, theirs):
    lines = [f"== {name}", "shared js", "A client", "A > SUB _I.* 1"]
    answers = dict(theirs)
    for number, operation in enumerate(sequence["operations"]):
        if "raw" in operation:
            lines.append(f"{operation['c']} >> {_escaped(operation['raw'])}")
        elif "to" not in operation and "ack" not in operation:
            lines.append(f"# {json.dumps(operation)}")
        else:
            lines.append(f"A >> {_escaped(_frame(operation))}")
            got = [_expected(sid, one) for sid, all_of in answers.get(operation["id"], {}).items() for one in all_of]
            lines += [f"* step_{number}", *got] if got else []
    return "\n".join(lines) + "\n"
