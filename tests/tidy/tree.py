"""The files of the project and the text of C++ without comments and strings."""
import pathlib
import re
import subprocess

# A problem is one line: "<path>:<line>: <text>".


_NOT_OURS = (".git/", "build/", "node_modules/", "__pycache__/")


def _listed(root):
    """What git knows or would add; every file where there is no git."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-co",
                           "--exclude-standard", "-z"], capture_output=True, check=False)
    if done.returncode == 0 and (root / ".git").exists():
        return done.stdout.decode().split("\0")
    return [str(path.relative_to(root)) for path in root.rglob("*")]


def files(root, *suffixes, under=("",)):
    """Project files (tracked, or new and not ignored), as sorted paths relative to the root."""
    wanted = sorted(name for name in set(_listed(root)) if name and name.startswith(tuple(under))
                    and (not suffixes or name.endswith(suffixes)) and (root / name).is_file()
                    and not any(name.startswith(skip) or "/" + skip in name for skip in _NOT_OURS))
    return [pathlib.PurePosixPath(name) for name in wanted]


def sources(root):
    """C++ of the server itself."""
    return files(root, ".cc", ".h", under=("src/", "include/"))


def text_of(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def module_of(path):
    """The module a source belongs to: src/<module>/..., include/petrel/<module>/..., else None."""
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "petrel"):
        return parts[2] if len(parts) > 3 else "server"
    return "main" if parts[0] == "src" else None


_SKIPPED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text, keep_strings=False):
    """The text with comments (and the inside of literals) blanked; lines keep their numbers."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        if keep_strings:
            return found
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
    return _SKIPPED.sub(blank, text)


def matches(root, paths, pattern, say, strings=False):
    """A problem for each match of the pattern in the code of the files."""
    problems = []
    for path in paths:
        code = code_of(text_of(root, path), keep_strings=strings)
        for number, line in enumerate(code.splitlines(), 1):
            for found in pattern.finditer(line):
                problems.append(f"{path}:{number}: {say(found)}")
    return problems


def layers(root):
    """cmake/layers.txt as {module: (layer, set of modules it may include)}."""
    table = {}
    for line in (root / "cmake/layers.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            table[words[0]] = (int(words[1]), set(words[2:]))
    return table
