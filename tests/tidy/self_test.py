#!/usr/bin/env python3
"""Each house rule must pass on a clean little tree and fail on each of its violations."""
import contextlib
import io
import pathlib
import re
import subprocess
import sys
import tempfile

import cpp_shape
import release_binary
from check import RULES

BODY = "  value += 1;\n"
CLEAN = {
    "cmake/layers.txt": "base 0\nsubject 1 base\nnet 3 base\nserver 4 base subject net\n",
    "tests/tidy/locks.txt": "include/petrel/net/inbox.h\n",
    "tests/tidy/allow.txt": "",
    "include/petrel/base/value.h": "#pragma once\n#include <cstdint>\nusing Value = int64_t;\n",
    "include/petrel/subject/token.h": '#pragma once\n#include "petrel/base/value.h"\nValue token();\n',
    "include/petrel/net/inbox.h": "#pragma once\n#include <mutex>\n#define PETREL_GUARDED_BY(x)\n"
                                  "struct Inbox {\n  std::mutex mutex_;\n"
                                  "  int count PETREL_GUARDED_BY(mutex_) = 0;\n};\n",
    "src/subject/token.cc": '#include "petrel/subject/token.h"\n\n// A throw in a comment.\n'
                            'Value token() { return 1; }\n',
    "src/subject/README.md": "# subject\n\nJob.\nOwner.\nThread.\nInvariants.\nMore.\n",
    "docs/compatibility.tsv": "id\tstatus\ttest\tnote\nA-1\tworks\ttests/unit/a_test.cc:First\t\n"
                              "A-2\tdiffers\ttests/unit/a_test.cc\tby design\n",
    "tests/unit/a_test.cc": "TEST(A, First) {}\n",
    "tests/sim/mutants/bug.patch": "A bug.\n\n--- a/src/subject/token.cc\n+++ b/src/subject/token.cc\n"
                                   "@@ -4 +4 @@\n-Value token() { return 1; }\n+Value token() { return 0; }\n",
}
LONG = "void f() {\n  int value = 0;\n" + BODY * 70 + "}\n"
TOKEN = "src/subject/token.cc"

# (rule, file to write, its text, what the problem must say)
VIOLATIONS = [
    ("layers", "include/petrel/base/up.h", '#include "petrel/subject/token.h"\n', "up.h:1: base may not include"),
    ("layers", "src/net/link.cc", '\n#include "petrel/subject/token.h"\n', "link.cc:2: net may not include"),
    ("layers", "src/net/link.cc", '#include "subject/private.h"\n', "private to subject"),
    ("layers", "src/net/link.cc", '#include "../subject/private.h"\n', "relative include"),
    ("layers", "src/unknown/a.cc", "int a;\n", "not in cmake/layers.txt"),
    ("layers", "include/petrel/net/a.h", '#include "net/private.h"\n', "includes the private"),
    ("layers", "cmake/layers.txt", CLEAN["cmake/layers.txt"] + "proto 1 net\n", "may not include net"),
    ("purity", TOKEN, "#include <thread>\n", "token.cc:1: a pure layer may not include <thread>"),
    ("purity", TOKEN, "#include <sys/socket.h>\n", "<sys/socket.h>"),
    ("purity", TOKEN, "#include <fstream>\n", "<fstream>"),
    ("purity", TOKEN, "#include <asio.hpp>\n", "<asio.hpp>"),
    ("purity", TOKEN, "#include <mutex>\n", "<mutex>"),
    ("purity", TOKEN, "auto now = std::chrono::steady_clock::now();\n", "steady_clock"),
    ("purity", TOKEN, "auto now = time(nullptr);\n", "time(nullptr)"),
    ("locks", "src/net/link.cc", "std::mutex mutex;\n", "link.cc:1: std::mutex outside"),
    ("locks", "src/net/link.cc", "Mutex mutex_;\n", "link.cc:1: Mutex outside"),
    ("locks", "src/server/a.cc", "std::condition_variable wake;\n", "std::condition_variable outside"),
    ("locks", "include/petrel/net/inbox.h", "struct Inbox {\n  std::mutex mutex_;\n};\n",
     "inbox.h:2: nothing is PETREL_GUARDED_BY(mutex_)"),
    ("throw", TOKEN, "void f() { throw 1; }\n", "token.cc:1: throw"),
    ("sizes", TOKEN, "int a;\n" * 801, "801 lines in this file"),
    ("sizes", "include/petrel/base/value.h", "// a\n" * 401, "401 lines in this file"),
    ("sizes", TOKEN, LONG, "token.cc:1: 73 lines in f()"),
    ("sizes", TOKEN, "struct A {\n" + LONG + "};\n", "73 lines in f()"),
    ("sizes", TOKEN, "A::A(int x) : a_{x}, b_(x) {\n" + BODY * 70 + "}\n", "72 lines in A()"),
    ("sizes", TOKEN, "void f(int a, int b, int c, int d, int e, int f, int g) {}\n", "7 parameters of f()"),
    ("sizes", TOKEN, "class I {\n" + "  virtual void f(int a) = 0;\n" * 13 + "};\n", "13 functions in interface I"),
    ("sizes", "tests/tidy/allow.txt", f"function {TOKEN} token 90\n", "fits: remove it"),
    ("words", TOKEN, "// TO" + "DO finish\n", "token.cc:1: unfinished"),
    ("words", TOKEN, "// FIX" + "ME\n", "unfinished"),
    ("words", "include/petrel/base/value.h", "int st" + "ub();\n", "unfinished"),
    ("names", "src/subject/utils.cc", "int a;\n", "says nothing"),
    ("names", "src/subject/string_helpers.h", "int a;\n", "says nothing"),
    ("names", "src/subject/TokenList.cc", "int a;\n", "snake_case"),
    ("machine", "docs/a.md", "see /wo" + "rk/main/x\n", "a.md:1:"),
    ("machine", "tests/package-lock.json", '"https://registry.npmjs' + '.org/x"\n', "package-lock.json:1:"),
    ("readmes", "src/net/link.cc", "int a;\n", "src/net/README.md:1: does not exist"),
    ("readmes", "src/subject/README.md", "# subject\n", "says too little"),
    ("links", "docs/page.md", "# Page\n\n[more](other.md#part)\n", "page.md:3: links to other.md"),
    ("compatibility", "docs/compatibility.tsv", "id\tstatus\ttest\tnote\nA-1\tworks\t\t\n", ":2: A-1 works without"),
    ("compatibility", "docs/compatibility.tsv", "id\tstatus\ttest\tnote\nA-1\tworks\ttests/unit/b.cc\t\n", "no test"),
    ("compatibility", "docs/compatibility.tsv", "id\tstatus\ttest\tnote\nA-1\tworks\ttests/unit/a_test.cc:No\t\n",
     "no test"),
    ("compatibility", "docs/compatibility.tsv", "id\tstatus\ttest\tnote\nA-1\tdiffers\t\t\n", "without a reason"),
    ("planted_bugs", TOKEN, "Value token() { return 2; }\n", "bug.patch:1: does not fit"),
    ("headers", "include/petrel/base/value.h", "uint64_t a;\n", "value.h:1: does not compile alone"),
    ("format", TOKEN, "int   a ;\n", "token.cc:1"),
]


@contextlib.contextmanager
def little_tree(path=None, text=None):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, content in {**CLEAN, **({path: text} if path else {})}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        (root / ".clang-format").write_text("BasedOnStyle: Google\n")
        yield root


def clean_failures():
    with little_tree() as root:
        for name, rule in RULES.items():
            for problem in rule(root):
                yield f"{name} fails on a clean tree: {problem}"


def violation_failures():
    for name, path, text, words in VIOLATIONS:
        with little_tree(path, text) as root:
            problems = RULES[name](root)
        if not any(words in problem for problem in problems):
            yield f"{name} does not see '{words}' in {path}: {problems}"
    for name in set(RULES) - {violation[0] for violation in VIOLATIONS}:
        yield f"{name} has no violation here"


def ratchet_failures():
    """A listed item may be as long as listed, not one line longer."""
    for bound, expected in ((73, 0), (72, 1)):
        with little_tree(TOKEN, LONG) as root:
            (root / "tests/tidy/allow.txt").write_text(f"function {TOKEN} f {bound}\n")
            problems = RULES["sizes"](root)
        if len(problems) != expected:
            yield f"allow.txt with {bound} gives {problems}"


def shape_failures():
    text = ("namespace a {\nclass B {\n public:\n  B() : a_{1}, b_{2} {\n    go();\n  }\n"
            "  int get() const { return a_; }\n};\nconstexpr int kTable[] = {1, 2};\n"
            "template <typename T, typename U>\nT f(std::map<T, U> m, int b = g(1, 2)) {\n  if (b) {\n  }\n"
            "  return [&]() { return m; }();\n}\nbool operator==(const B& a, const B& b) {\n  return true;\n}\n}\n")
    seen = [(found.name, found.lines, found.parameters) for found in cpp_shape.scan(text)[0]]
    expected = [("B", 3, 0), ("get", 1, 0), ("f", 5, 2), ("operator==", 3, 2)]
    if seen != expected:
        yield f"functions found: {seen}"


def binary_failures():
    """This interpreter is no release binary: it is dynamic, or larger than one byte."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = release_binary.check(pathlib.Path("/bin/bash"), 1)
    if code == 0 or not re.search(r"libtinfo|above", said.getvalue()):
        yield f"release_binary accepts /bin/bash: {said.getvalue()}"


JUNIT = """<testsuite>
<testcase name="unit.a" status="run"/><testcase name="good" status="run"/><testcase name="bad" status="fail"/>
<testcase name="left" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
<testcase name="gone" status="notrun"><skipped message="Unable to find executable"/></testcase>
<testcase name="off" status="disabled"><skipped message="Disabled"/></testcase></testsuite>"""
GTEST = """<testsuites><testsuite><testcase name="A" status="run" result="completed"/>
<testcase name="B" status="run" result="skipped"><skipped message="no"/></testcase>
<testcase name="C" status="run" result="completed"><failure message="x"/></testcase>
<testcase name="D" status="notrun" result="suppressed"/></testsuite></testsuites>"""


def count_failures():
    """A skip inside of a binary, and a test that could not be started, must show in the sum."""
    script = pathlib.Path(__file__).resolve().parents[1] / "count_tests.py"
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        report.write_text(JUNIT)
        (pathlib.Path(folder) / "unit_a.xml").write_text(GTEST)
        for path, expected in ((report, "2 3 4"), (pathlib.Path(folder) / "none.xml", "0 1 0")):
            said = subprocess.run([sys.executable, script, path, folder], capture_output=True, text=True,
                                  check=True).stdout.strip()
            if said != expected:
                yield f"counted {said} instead of {expected}"


def main():
    failures = [failure for source in (clean_failures, violation_failures, ratchet_failures, shape_failures,
                                       binary_failures, count_failures) for failure in source()]
    print("\n".join(failures) or f"{len(VIOLATIONS)} violations were all seen")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
