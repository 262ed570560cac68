#!/usr/bin/env python3
"""Runs the pages of docs/ as a reader does: every block of sh, console and python, in order, in an empty folder.

    run.py --petrel BIN [--oracle BIN] [--only PAGE]

sh       a shell script that has to succeed; servers that it starts in the background stay until the page ends
console  `$ command` and below it what it prints, where `...` stands for anything in its line, and alone in a line for any lines
conf     a whole configuration file, written to server.conf: has to be valid
python   what `python3 -m asyncio` takes; what print() prints is the comment behind it
A block after `<!-- not run: reason -->` is left out. Ports 4222 and 8222 become free ones. One page is one check.
Ends with "N passed, N failed, N skipped".
"""
import argparse
import ast
import asyncio
import contextlib
import io
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CLIENT = ROOT / "tests/conformance/clients/nats-py/run.sh"
CACHE = pathlib.Path(os.environ.get("PETREL_CACHE") or ROOT / "build/cache")
PAGES = ("getting-started", "jetstream", "durability", "migration", "security", "multi-tenancy")
PASSWORDS = ("ORDERS_PASSWORD", "BILLING_PASSWORD", "APP_PASSWORD", "AUTH_PASSWORD")  # of the pages' files
BLOCK = re.compile(r"^(<!-- not run: [^>]+ -->\n+)?```(sh|console|python|conf)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Wrong(Exception):
    """What a page says and what happened."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def matches(pattern, text):
    """Whether `text` is `pattern`, in which "..." stands for anything in its line, alone in a line for any lines."""
    def line_of(wanted):
        if wanted.strip() == "...":
            return r"(?:.*\n)*"
        return ".*".join(re.escape(part) for part in wanted.split("...")) + r"\n"
    lines = (line_of(wanted.rstrip()) for wanted in pattern.strip().splitlines())
    shown = "".join(line.rstrip() + "\n" for line in text.strip().splitlines())
    return re.fullmatch("".join(lines), shown) is not None


class Reader:
    """One page being followed: its folder, its ports, what it left running."""

    def __init__(self, folder, petrel, oracle):
        self.folder = folder
        self.ports = {"4222": str(free_port()), "8222": str(free_port())}
        bin_folder = folder / ".bin"
        bin_folder.mkdir()
        (bin_folder / "petrel").symlink_to(petrel)
        if oracle:
            (bin_folder / "nats-server").symlink_to(oracle)
        self.environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": str(folder),
                            **dict.fromkeys(PASSWORDS, "p")}
        self.names = {"__name__": "__main__"}
        self.running = []
        self.loop = asyncio.new_event_loop()

    def shell(self, script):
        """What the script printed; it has to succeed."""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(["bash", "-e", "-c", script], cwd=self.folder, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
            self.running.append(process.pid)
            code = process.wait(60)
            if re.search(r"&\s*$", script, re.MULTILINE):
                self.wait_until_ready()
            output.seek(0)
            printed = re.sub(r"[ \r]+$", "", output.read().decode(), flags=re.MULTILINE)
        if code != 0:
            raise Wrong(f"exit code {code} of\n{script}{printed}")
        return printed

    def wait_until_ready(self):
        """Until monitoring says that the server a block has started is well."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.ports['8222']}/healthz", timeout=2).close()
                return
            time.sleep(0.02)
        raise Wrong("the server is not ready after 20 s")

    def console(self, text):
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = step.partition("\n")
            printed = self.shell(command)
            if not matches(expected, printed):
                raise Wrong(f"$ {command}\nexpected:\n{expected}printed:\n{printed}")

    def conf(self, text):
        (self.folder / "server.conf").write_text(text)
        self.shell("petrel -t -c server.conf")

    def python(self, text):
        expected = [line.rsplit("  # ", 1)[1] for line in text.splitlines() if re.search(r"\bprint\(.*\)  # ", line)]
        code = compile(text, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        output = io.StringIO()

        async def run():
            with contextlib.redirect_stdout(output):
                outcome = eval(code, self.names)  # pylint: disable=eval-used
                if asyncio.iscoroutine(outcome):
                    await outcome

        self.loop.run_until_complete(asyncio.wait_for(run(), 60))
        if not matches("\n".join(expected), output.getvalue()):
            raise Wrong(f"{text}expected:\n" + "\n".join(expected) + f"\nprinted:\n{output.getvalue()}")

    def follow(self, page):
        blocks = [(kind, text) for reason, kind, text in BLOCK.findall(page) if not reason]
        if not blocks:
            raise Wrong("a page without a block that is run")
        for kind, text in blocks:
            for written, real in self.ports.items():
                text = re.sub(rf"\b{written}\b", real, text)
            for written, real in self.ports.items():
                self.environment[f"PORT_{written}"] = real
            {"sh": self.shell, "console": self.console, "python": self.python, "conf": self.conf}[kind](text)

    def leave(self):
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        for group in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--petrel", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--oracle", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    done = subprocess.run([CLIENT, arguments.petrel], env={**os.environ, "INSTALL_ONLY": "1"}, stdout=subprocess.PIPE,
                          text=True, check=False)
    if done.stdout:  # what is not there, or cannot be installed
        print(done.stdout, end="")
        return done.returncode
    sys.path.insert(0, str(CACHE / "clients/nats-py/site"))
    failed = 0
    pages = [page for page in PAGES if arguments.only in page]
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            reader = Reader(pathlib.Path(folder), arguments.petrel, arguments.oracle)
            try:
                reader.follow((ROOT / f"docs/{page}.md").read_text())
                print(f"ok   {page}")
            except (Exception, SystemExit) as problem:  # pylint: disable=broad-except
                failed += 1
                print(f"FAIL {page}: {type(problem).__name__}: {problem}")
            finally:
                reader.leave()
    print(f"{len(pages) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
