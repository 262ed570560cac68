#!/usr/bin/env python3
"""Plants each bug in a copy of one source file and lets the simulation of a stream find it by seeds.

usage: planted_bugs.py --build DIR [NAME]...

DIR is a build folder (Ninja) with sim_jetstream. Prints one line per bug; a bug that no seed finds
fails the run. The source tree is never changed.
"""
import argparse
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
SEEDS = "1..300"

# Name, file, what stands there, what the bug makes of it.
BUGS = [
    ("answer_before_the_disk", "src/jetstream/solo_group.cc",
     "if (options_.durability == Durability::kSynced) entry.position = *position;",
     "static_cast<void>(*position);"),
    ("ids_forgotten_by_a_restart", "src/store/message_ids.cc",
     "recent_.add(added[at].id, added[at].sequence, added[at].time);",
     "static_cast<void>(added[at]);"),
    ("ids_on_disk_not_looked_at", "src/store/message_ids.cc",
     "if (runs_ == nullptr || runs_->empty()) return Lookup::kNew;",
     "return Lookup::kNew;"),
    ("run_is_not_synced", "src/store/id_run.cc",
     "disk_.sync(file_, [state = state_](int error) {\n    if (error != 0) state->error = error;\n"
     "    state->is_synced = true;\n  });",
     "state_->is_synced = true;"),
    ("damaged_ids_count_as_new", "src/store/id_run.cc",
     "result = IdLookup::kUnreadable;",
     "result = IdLookup::kNone;"),
    ("checkpoint_ahead_of_its_messages", "src/jetstream/stream.cc",
     "core_->store->checkpoint(core_->group->applied_index(), core_->apply.checkpoint());",
     "core_->store->checkpoint(core_->group->proposed_index(), core_->apply.checkpoint());"),
    ("consumers_forgotten_by_a_checkpoint", "src/jetstream/stream_apply.cc",
     "out.sized(core_.consumers.snapshot());",
     'out.sized(Slice("\\0\\0\\0\\0", 4));'),
]


def commands(build, target):
    text = subprocess.run(["ninja", "-C", str(build), "-t", "commands", target], check=True,
                          capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if line.strip()]


def compile_bug(build, source, mutated, target):
    for line in commands(build, "sim_jetstream"):
        words = shlex.split(line)
        if "-c" not in words or not words[words.index("-c") + 1].endswith(source):
            continue
        words[words.index("-c") + 1] = str(mutated)
        words[words.index("-o") + 1] = str(target)
        for flag in ("-MF", "-MT"):
            words[words.index(flag) + 1] = str(target) + ".d"
        subprocess.run(words, cwd=build, check=True)
        return
    raise SystemExit(f"no command compiles {source}")


def link(build, mutated, target):
    words = shlex.split(commands(build, "sim_jetstream")[-1])
    words = [word for word in words if word not in (":", "&&")]
    words[words.index("-o") + 1] = str(target)
    # Before the libraries: the member with the same symbols is not taken out of them.
    first = next(i for i, word in enumerate(words) if word.endswith(".a"))
    subprocess.run(words[:first] + [str(mutated)] + words[first:], cwd=build, check=True)


def hunt(build, bug, folder):
    name, source, old, new = bug
    text = (ROOT / source).read_text()
    if text.count(old) != 1:
        raise SystemExit(f"{name}: the place in {source} has changed")
    mutated = folder / (name + ".cc")
    mutated.write_text(text.replace(old, new))
    compile_bug(build, source, mutated, folder / (name + ".o"))
    link(build, folder / (name + ".o"), folder / name)
    run = subprocess.run([str(folder / name), "--seeds", SEEDS], capture_output=True, text=True)
    found = [line for line in run.stdout.splitlines() if line.startswith("seed ")]
    if run.returncode == 0:
        print(f"{name}: NOT FOUND by seeds {SEEDS}")
        return False
    print(f"{name}: found: {found[0] if found else run.stderr.strip().splitlines()[-1]}")
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    bugs = [bug for bug in BUGS if not arguments.names or bug[0] in arguments.names]
    with tempfile.TemporaryDirectory() as folder:
        found = [hunt(arguments.build.resolve(), bug, pathlib.Path(folder)) for bug in bugs]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
