"""Makes a sequence that shows a difference smaller, as long as it still shows one."""
import copy
import time


def shrink(sequence, differs, seconds=60):
    """The smallest sequence found for which differs(sequence) still holds."""
    end = time.monotonic() + seconds
    sequence = _without_operations(sequence, differs, end)
    return _without_values(sequence, differs, end)


def _with(sequence, operations):
    return {**sequence, "operations": operations}


def _without_operations(sequence, differs, end):
    step = max(1, len(sequence["operations"]) // 2)
    while True:
        at, shorter = 0, False
        while at < len(sequence["operations"]) and time.monotonic() < end:
            operations = sequence["operations"]
            tried = _with(sequence, operations[:at] + operations[at + step:])
            if differs(tried):
                sequence, shorter = tried, True
            else:
                at += step
        if time.monotonic() >= end or (step == 1 and not shorter):
            return sequence
        step = max(1, step // 2)


def _paths(value, path=()):
    """Every path into a JSON value, the outer ones first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from _paths(one, (*path, key))


def _remove(value, path):
    value = copy.deepcopy(value)
    place = value
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return value


def _without_values(sequence, differs, end):
    """Leaves out keys of the JSON bodies, and headers."""
    for number in range(len(sequence["operations"])):
        for part in ("json", "head"):
            again = True
            while again:
                again = False
                value = sequence["operations"][number].get(part, {})
                for path in list(_paths(value)):
                    if time.monotonic() >= end:
                        return sequence
                    if part == "head" and len(path) > 1:
                        continue
                    operations = list(sequence["operations"])
                    operations[number] = {**operations[number], part: _remove(value, path)}
                    tried = _with(sequence, operations)
                    if differs(tried):
                        sequence, again = tried, True
                        break
    return sequence
