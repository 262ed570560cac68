"""What the generators share: a seeded source of choices, subjects, and the operations of the JetStream API."""
import random

SECOND = 1_000_000_000
LONG = 3600 * SECOND  # a time that does not pass while a sequence is played
LITERALS = ("a", "a.1", "a.2", "a.1.x", "b", "b.1", "b.2", "c")
FILTERS = (*LITERALS, "a.*", "a.>", "*", "*.*", "b.*", "*.1", ">", "c.>", "a.1.*")
BAD_SUBJECTS = ("", " ", "a..b", ".a", "a.", "a.>.b", "a b", "a.*b", "$JS.API.>", "$SYS.x")
FAR, PAST, NOWHERE = "2036-01-02T03:04:05Z", "2020-01-02T03:04:05Z", "0001-01-01T00:00:00Z"


class Source(random.Random):
    """The only source of chance: the same seed makes the same sequence."""

    def maybe(self, share):
        return self.random() < share

    def some(self, options, low=0, high=3):
        return self.sample(list(options), min(len(options), self.randint(low, high)))

    def weighted(self, pairs):
        """One of {choice: weight}."""
        return self.choices(list(pairs), weights=list(pairs.values()))[0]

    def subject(self, bad=0.02):
        return self.choice(BAD_SUBJECTS) if self.maybe(bad) else self.choice(FILTERS)

    def fill(self, target, fields, share):
        """Sets each of {key: function that makes a value} with that probability."""
        for key, make in fields.items():
            if self.maybe(share):
                target[key] = make()
        return target


class Sequence:
    """The operations made so far; each has an id, which its reply subject carries."""

    def __init__(self, generator, seed, config):
        self.source = Source(f"{generator} {seed}")
        self.value = {"files": {"server.conf": config}, "operations": []}

    def add(self, **operation):
        self.value["operations"].append({"id": len(self.value["operations"]), **operation})

    def api(self, name, body=None, **more):
        if body is None:
            self.add(to=f"$JS.API.{name}", **more)
        else:
            self.add(to=f"$JS.API.{name}", json=body, **more)


JETSTREAM = 'server_name: one\njetstream { store_dir: "@{DIR}/store" }\n'
CONFIGS = (JETSTREAM, JETSTREAM, JETSTREAM,
           'server_name: one\njetstream { store_dir: "@{DIR}/store", domain: hub }\n',
           'server_name: one\njetstream { store_dir: "@{DIR}/store", max_memory_store: 3000, max_file_store: 5000 }\n',
           'server_name: one\njetstream { store_dir: "@{DIR}/store", strict: false }\n',
           'server_name: one\njetstream { store_dir: "@{DIR}/store", limits { duplicate_window: "1m", '
           'max_ack_pending: 50, max_request_batch: 10, batch { max_msgs: 4 } } }\n')
