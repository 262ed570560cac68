"""The core protocol: right and mutated lines on up to three connections, with accounts, permissions and queues."""
import json

from values import Sequence

CONFIG = """server_name: one
max_payload: 200
max_control_line: 512
accounts {
  A {
    users: [
      { user: a, password: a }
      { user: p, password: p, permissions {
          publish { allow: ["a.>", "b", "_INBOX.>"], deny: ["a.2"] }
          subscribe { allow: ["a.>", "b", "c q", "_INBOX.>", "d.* q.*"], deny: ["a.3", "a.*.x"] }
          allow_responses: { max: 1, ttl: "1h" } } }
      { user: n, password: n, permissions { publish: "a.1", subscribe { deny: ">" } } }
    ]
    exports: [ { service: "s.>" }, { stream: "e.>" }, { service: "one", response_type: stream }, { stream: "f" } ]
    mappings: { "m.1": "a.1", "m.*": [ { destination: "a.$1", weight: 100% } ] }
  }
  B {
    users: [ { user: b, password: b } ]
    imports: [
      { service: { account: A, subject: "s.>" } }
      { service: { account: A, subject: "one" }, to: "uno" }
      { stream: { account: A, subject: "e.>" }, prefix: "from" }
      { stream: { account: A, subject: "f" }, to: "g" }
    ]
  }
}
no_auth_user: a
"""
SUBJECTS = ("a", "a.1", "a.2", "a.3", "a.1.x", "b", "c", "s.1", "e.1", "from.e.1", "f", "g", "uno", "one", "m.1", "m.2",
            "d.1", "$SYS.x", "_INBOX.1", "A.1")
PATTERNS = SUBJECTS + ("a.*", "a.>", ">", "*", "e.>", "from.>", "*.1", "_INBOX.*", "a.*.x", "s.*", "f.>", "$SYS.>")
ODD = ("", "a..b", ".a", "a.", "a.>.b", "a b", "a*", "a.*b", ">.a", "\x00", "é", "a\tb", "x" * 300, "*.>", "a.**")

def _connect(source, again=False):
    """`again`: of one that has connected. nats-server then mixes old and new credentials, so there are none."""
    # Never pedantic: how often and when it says of a wrong subject that it is wrong is left out.
    options = {"verbose": source.maybe(0.3), "pedantic": False, "headers": source.maybe(0.8)}
    if not again and source.maybe(0.75):
        user = source.choice(("a", "a", "p", "p", "n", "b", "b"))
        options |= {"user": user, "pass": user if source.maybe(0.95) else "x"}
    source.fill(options, {
        "no_responders": lambda: True, "echo": lambda: False, "protocol": lambda: source.choice((0, 1, 2, -1, "x")),
        "lang": lambda: source.choice(("go", 1)), "name": lambda: source.choice(("n", 1, None)),
        "x": lambda: 1, "tls_required": lambda: True, "verbose": lambda: source.choice((1, "true", None)),
        "auth_token": lambda: "x", "jwt": lambda: "x", "nkey": lambda: "x", "account": lambda: source.choice(("A", "X")),
    }, 0.08)
    options = {key: value for key, value in options.items() if not again or key not in ("auth_token", "jwt", "nkey")}
    text = json.dumps(options)
    if source.maybe(0.05):
        text = source.choice((text[:-1], "[]", text + text, text + " x"))
    return f"{source.choice(('CONNECT', 'CONNECT', 'connect', 'CONNECT '))} {text}\r\n"


def _body(source):
    return source.choice(("", "x", "hello", "y" * 200, "z" * 201, "a\r\nb")) if source.maybe(0.5) else "x"


def _pub(source):
    body = _body(source)
    subject = source.choice(ODD) if source.maybe(0.04) else source.choice(SUBJECTS + ("a.*", ">") if source.maybe(0.05)
                                                                          else SUBJECTS)
    reply = source.choice(("", "", "_INBOX.1", "a.1", "b", "_INBOX.2")) if source.maybe(0.97) else source.choice(ODD)
    # A wrong size with a right subject only: which of the two errors comes first is left out.
    size = len(body)
    if subject in SUBJECTS and source.maybe(0.03):
        size = source.choice((len(body) + 1, max(0, len(body) - 1)))
    size = size if source.maybe(0.98) else source.choice(("x", "-1", "", "00", "999999999999999999999", "1.0"))
    return f"{source.choice(('PUB',) * 12 + ('pub', 'PUB ', 'Pub'))} {subject} {reply} {size}\r\n{body}\r\n"


def _hpub(source):
    head = source.choice(("NATS/1.0\r\nX: 1\r\n\r\n", "NATS/1.0\r\n\r\n", "NATS/1.0 503\r\n\r\n", "", "NATS/1.0\r\nX:1",
                          "NATS/2.0\r\nX: 1\r\n\r\n", "x",
                          "NATS/1.0\r\nNats-Request-Info: x\r\nY: 2\r\n\r\n"))
    body = _body(source)
    total = len(head) + len(body)
    sizes = f"{len(head)} {total}" if source.maybe(0.94) else source.choice(
        (f"{total + 1} {total}", f"{len(head)}", "x y", f"-1 {total}", f"{len(head)} x", f"{len(head)} {total} 1"))
    return f"HPUB {source.choice(SUBJECTS)} {source.choice(('', '', '_INBOX.1'))} {sizes}\r\n{head}{body}\r\n"


def _sub(source, name):
    """A subscription; each queue has one member, for which of several gets a message is left to chance."""
    # Which of two errors an empty token gets when there are permissions too is left out.
    odd = [one for one in ODD if "" not in one.split(".")]
    subject = source.choice(odd) if source.maybe(0.05) else source.choice(PATTERNS)
    sid = source.choice(("1", "2", "3", "4", "5")) if source.maybe(0.97) else source.choice(("", "x", "1 2", "-1"))
    queue = "q" if (name, sid) == ("A", "1") else source.choice((f"q.{name}{sid}", f"q.{name}{sid}", "*", "q >"))
    queue = queue if source.maybe(0.25) else ""
    return f"{source.choice(('SUB',) * 9 + ('sub',))} {subject} {queue} {sid}\r\n"


def _line(source, name):
    kind = source.weighted({"pub": 12, "sub": 8, "hpub": 4, "unsub": 3, "ping": 1, "connect": 0.7, "odd": 0.8})
    if kind == "unsub":
        limit = source.choice(("", "", "1", "2", "0", "-1", "x"))
        return f"UNSUB {source.choice(('1', '2', '3', '4', '5', '9', 'x', ''))} {limit}\r\n"
    if kind == "ping":
        return source.choice(("PONG\r\n", "pong\r\n", "PONG  \r\n", "PONG\n", "INFO {}\r\n", "+OK\r\n"))
    if kind == "odd":
        return source.choice(("X\r\n", "\r\n", "PUB\r\n", "SUB\r\n", "SUB a\r\n", "UNSUB\r\n", "MSG a 1 1\r\nx\r\n",
                              "-ERR 'x'\r\n", "PUB a 1 \r\nx\r\n", "PUB  a\t1\r\nx\r\n", "HPUB a 1\r\nx\r\n", "P",
                              "CONNECT\r\n", "PUB a 1\nx\n", "A+ a\r\n", "RS+ a b\r\n", "SUB " + "x" * 600 + " 1\r\n",
                              "PUB a 3\r\nxyzw\r\n", "\x00\x01\r\n", "GET / HTTP/1.1\r\n\r\n", "PUB a b c d 1\r\nx\r\n"))
    if kind == "connect":
        return _connect(source, again=True)
    return _sub(source, name) if kind == "sub" else {"pub": _pub, "hpub": _hpub}[kind](source)


def sequence(seed):
    whole = Sequence("protocol", seed, CONFIG)
    source = whole.source
    whole.value["raw"] = True
    names = ("A", "B", "C")[:source.randint(1, 3)]
    for name in names:
        whole.add(c=name, open=True, raw=_connect(source) if source.maybe(0.97) else "")
    for _ in range(source.randint(8, 40)):
        name = source.choice(names)
        if source.maybe(0.06):
            whole.add(c=name, open=True, raw=_connect(source))
        else:
            whole.add(c=name, raw="".join(_line(source, name) for _ in range(source.weighted({1: 8, 2: 2, 3: 1}))))
    return whole.value
