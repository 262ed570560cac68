"""Words, names and places: what may stand in the files of the project, and which must exist."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess

import tree

_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\b(?i:stub|stubbed)\b")
_VAGUE = {"util", "utils", "common", "helper", "helpers", "misc", "stuff", "manager2", "new", "old"}
_LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
_SNAKE = re.compile(r"[a-z0-9_]+")
# Written in two halves so that this file does not contain them.
_MACHINE = re.compile(r"(?<![\w.])/(?:work|root)" + r"/|\b(?:" + "|".join(
    first + re.escape(second) for first, second in (
        (r"proxy\.golang", ".org"), (r"sum\.golang", ".org"), (r"registry\.npmjs", ".org"),
        (r"registry\.yarnpkg", ".com"), (r"(?:files\.)?pythonhosted", ".org"), (r"pypi", ".org"),
        (r"(?:static|index)\.crates", ".io"), (r"repo1?\.maven", ".org"),
        (r"repo\.maven\.apache", ".org"), (r"deb\.debian", ".org"))) + r")\b")


def words(root):
    """No unfinished work in what is shipped."""
    problems = []
    for path in tree.files(root, under=("src/", "include/", "conf/")):
        for number, line in enumerate(tree.text_of(root, path).splitlines(), 1):
            found = _UNFINISHED.search(line)
            if found:
                problems.append(f"{path}:{number}: unfinished: {found.group(0)}")
    return problems


def names(root):
    """A file is named by a noun of the domain, in snake_case."""
    problems = []
    for path in tree.files(root, ".cc", ".h"):
        if path.stem in _VAGUE or set(path.stem.split("_")) & {"utils", "helpers", "misc"}:
            problems.append(f"{path}:1: a name that says nothing")
        elif not _SNAKE.fullmatch(path.stem):
            problems.append(f"{path}:1: file names are snake_case")
    return problems


def machine(root):
    """No path of one machine and no host of a package registry in any file."""
    problems = []
    for path in tree.files(root):
        if str(path).startswith("tests/fuzz/corpus/"):
            continue
        for number, line in enumerate(tree.text_of(root, path).splitlines(), 1):
            found = _MACHINE.search(line)
            if found:
                problems.append(f"{path}:{number}: {found.group(0)} belongs to one machine")
    return problems


def readmes(root):
    """Every module says its job, owner thread and invariants."""
    problems = []
    for module in sorted({path.parts[1] for path in tree.sources(root)
                          if path.parts[0] == "src" and len(path.parts) > 2}):
        readme = root / "src" / module / "README.md"
        lines = [line for line in readme.read_text().splitlines() if line] if readme.exists() else []
        if len(lines) < 5:
            problems.append(f"src/{module}/README.md:1: says too little" if lines else
                            f"src/{module}/README.md:1: does not exist")
    return problems


def links(root):
    """What a page links to is there."""
    problems = []
    for path in tree.files(root, ".md"):
        for number, line in enumerate(tree.text_of(root, path).splitlines(), 1):
            for target in _LINK.findall(line):
                if "://" not in target and not (root / path.parent / target).exists():
                    problems.append(f"{path}:{number}: links to {target}, which does not exist")
    return problems


def _names_a_test(root, reference):
    """A test is a file, or file:name where the name stands in the file."""
    place, _, name = reference.partition(":")
    if not place.startswith(("tests/", "bench/")) or not (root / place).exists():
        return False
    if not name or not (root / place).is_file():
        return True
    text = (root / place).read_text(errors="replace")
    return all(part in text for part in re.split(r"[.:]+", name))


def compatibility(root):
    """docs/compatibility.tsv: what works names its tests, what differs says why."""
    path = root / "docs/compatibility.tsv"
    lines = path.read_text().splitlines()
    heads = lines[0].split("\t")
    problems = []
    for number, line in enumerate(lines[1:], 2):
        row = dict(zip(heads, line.split("\t")))
        status = row.get("status", "")
        tests = [test for test in re.split(r"[,;\s]+", row.get("test", "")) if test]
        if status == "works" and not tests:
            problems.append(f"docs/compatibility.tsv:{number}: {row.get('id')} works without a test")
        if status == "differs" and not row.get("note", "").strip():
            problems.append(f"docs/compatibility.tsv:{number}: {row.get('id')} differs without a reason")
        for test in tests if status in ("works", "differs") else ():
            if not _names_a_test(root, test):
                problems.append(f"docs/compatibility.tsv:{number}: no test {test}")
    return problems


# Paths are relative to the root, so that a compiler cache knows what it compiled last time.
def _compile_alone(root, path, folder):
    compiler = [os.environ.get("CXX") or "c++"]
    if shutil.which("ccache"):
        compiler.insert(0, "ccache")
    source = folder / (re.sub(r"\W", "_", str(path)) + ".cc")
    (root / source).write_text(f'#include "{path}"\n')
    done = subprocess.run([*compiler, "-std=c++20", "-Iinclude", "-Isrc", "-I.", "-c", str(source), "-o",
                           str(source.with_suffix(".o"))], cwd=root, capture_output=True, text=True, check=False)
    return [f"{path}:1: does not compile alone: " + done.stderr.strip()[:600]] if done.returncode else []


def headers(root):
    """Every header includes what it needs."""
    paths = tree.files(root, ".h", under=("src/", "include/"))
    folder = pathlib.Path("build/headers_alone")
    (root / folder).mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda path: _compile_alone(root, path, folder), paths), [])


def planted_bugs(root):
    """Every planted bug still fits the source it is planted in."""
    problems = []
    for path in tree.files(root, ".patch", under=("tests/",)):
        done = subprocess.run(["patch", "-p1", "--dry-run", "--force", "--reject-file=-", "-i", str(path)],
                              cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f"{path}:1: does not fit: " + done.stdout.strip().replace("\n", "; "))
    return problems


def clang_format(root):
    """The layout is clang-format's, version 19."""
    paths = [str(path) for path in tree.files(root, ".cc", ".h", ".c")
             if not str(path).startswith("tests/conformance/clients/")]
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *paths], cwd=root,
                          capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if "error:" in line]
