"""Who may include whom, and what a module of a pure layer may not touch."""
import fnmatch
import re

import tree

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
_IMPURE = ("thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "fstream",
           "filesystem", "unistd.h", "fcntl.h", "poll.h", "netdb.h", "signal.h", "csignal", "time.h",
           "liburing.h", "asio.hpp", "pthread.h")
_IMPURE_FOLDERS = ("sys/", "netinet/", "arpa/", "asio/", "boost/asio", "boost/beast", "liburing/")
_CLOCK = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|file_clock|clock_gettime|"
                    r"gettimeofday|random_device|this_thread)\b|\b(?:std::)?time\((?:nullptr|NULL|0)\)")
_LOCK = re.compile(r"(?<!\w)(?:petrel::)?(?:Shared)?Mutex\b(?!\.h)|\bstd::(?:recursive_|timed_|recursive_timed_|shared_|shared_timed_)?mutex\b|"
                   r"\bstd::condition_variable(?:_any)?\b|\bpthread_(?:mutex|rwlock|cond|spin)\w*|"
                   r"\bstd::(?:counting|binary)_semaphore\b")
_MEMBER = re.compile(r"^\s*(?:mutable\s+)?(?:std::(?:shared_)?mutex|(?:Shared)?Mutex)\s+(\w+)\s*;", re.M)


def _includes(root, path):
    text = tree.code_of(tree.text_of(root, path), keep_strings=True)
    for number, line in enumerate(text.splitlines(), 1):
        found = _INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def _table_problems(table):
    for name, (layer, allowed) in table.items():
        for other in sorted(allowed):
            if other not in table:
                yield f"cmake/layers.txt:1: {name} names {other}, which is no module"
            elif table[other][0] > layer or other == name:
                yield f"cmake/layers.txt:1: {name} (layer {layer}) may not include {other}"


def layers(root):
    """A module includes only public headers of the modules that its line in layers.txt names."""
    table = tree.layers(root)
    problems = list(_table_problems(table))
    for path in tree.sources(root):
        own = tree.module_of(path)
        if own != "main" and own not in table:
            problems.append(f"{path}:1: {own} is not in cmake/layers.txt")
            continue
        allowed = set(table) if own == "main" else table[own][1] | {own}
        for number, quoted, name in _includes(root, path):
            parts = name.split("/")
            target = parts[1] if parts[0] == "petrel" and len(parts) > 2 else None
            if name.startswith("petrel/") and target is None:
                target = "server"
            if target is not None and target not in allowed:
                problems.append(f"{path}:{number}: {own} may not include {name}")
            if quoted and ".." in parts:
                problems.append(f"{path}:{number}: relative include {name}")
            if quoted and parts[0] in table and parts[0] != ("server" if own == "main" else own):
                problems.append(f"{path}:{number}: {name} is private to {parts[0]}")
            if quoted and parts[0] != "petrel" and path.parts[0] == "include":
                problems.append(f"{path}:{number}: public header includes the private {name}")
    return problems


def _allowed_locks(root):
    for line in (root / "tests/tidy/locks.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            yield words[0]


def _may_lock(root, path):
    return any(fnmatch.fnmatch(str(path), pattern) for pattern in _allowed_locks(root))


def purity(root):
    """Layers 0-2 and shard have no threads, clocks, sockets or files: same input, same output."""
    table = tree.layers(root)
    pure = [path for path in tree.sources(root)
            if tree.module_of(path) == "shard" or table.get(tree.module_of(path), (9,))[0] <= 2]
    problems = []
    for path in pure:
        for number, _, name in _includes(root, path):
            bad = name in _IMPURE or name.startswith(_IMPURE_FOLDERS)
            if bad and not (name in ("mutex", "shared_mutex") and _may_lock(root, path)):
                problems.append(f"{path}:{number}: a pure layer may not include <{name}>")
    return problems + tree.matches(root, pure, _CLOCK, lambda found:
                                   f"a pure layer may not use {found.group(0)}")


def locks(root):
    """Locks live in the types of locks.txt only, and each says what it guards."""
    problems = []
    for path in tree.sources(root):
        if not _may_lock(root, path):
            problems += tree.matches(root, [path], _LOCK, lambda found:
                                     f"{found.group(0)} outside the types of tests/tidy/locks.txt")
            continue
        if path.name == "mutex.h":
            continue
        code = tree.code_of(tree.text_of(root, path))
        for member in _MEMBER.finditer(code):
            if f"PETREL_GUARDED_BY({member.group(1)})" not in code:
                number = code.count("\n", 0, member.start(1)) + 1
                problems.append(f"{path}:{number}: nothing is PETREL_GUARDED_BY({member.group(1)})")
    return problems


def throw(root):
    """Layers 0-3 report failures as values."""
    table = tree.layers(root)
    paths = [path for path in tree.sources(root) if table.get(tree.module_of(path), (9,))[0] <= 3]
    return tree.matches(root, paths, re.compile(r"\bthrow\b"), lambda found:
                        "throw in a layer that reports failures as values")
