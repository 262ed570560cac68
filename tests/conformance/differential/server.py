"""Starts one server for one scenario, follows its log and knows its ports."""
import contextlib
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import threading
import time
import tty

import normalise

READY = re.compile(r"\] Server is ready$")
CLIENT_PORT = re.compile(r"Listening for client connections on .*:(\d+)$")
MONITOR_PORT = re.compile(r"Starting https? monitor on .*:(\d+)$")
SERVER_ID = re.compile(r"\]\s+ID:\s+(\S+)$")


def link(binary, folder):
    """A link named nats-server: the process must be known by this name, whatever the binary is called."""
    place = pathlib.Path(folder) / "nats-server"
    place.symlink_to(pathlib.Path(binary).resolve())
    return str(place)


_reserved, _reserved_lock = set(), threading.Lock()


def free_port():
    """A port below the ephemeral range that nobody listens on, given out once per run."""
    with _reserved_lock:
        for port in range(20000 + os.getpid() % 9000, 32700):
            if port in _reserved:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            _reserved.add(port)
            return port
    raise OSError("no free port")


def _pipe():
    """(file to read, descriptor to write)"""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), writing


def _terminal():
    """As _pipe, but what is written to is a terminal that changes nothing."""
    reading, writing = pty.openpty()
    tty.setraw(writing)
    return os.fdopen(reading, "rb"), writing


class Server:
    """One process. Its stderr is read by a thread, line by line."""

    def __init__(self, binary, args, folder, env, terminal=False):
        self.folder, self.lines, self.news = folder, [], threading.Condition()
        self.base = len(self.lines)
        self.log_from, stderr = _terminal() if terminal else _pipe()
        self.process = subprocess.Popen([binary, *args], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=stderr)
        os.close(stderr)
        self.reader = threading.Thread(target=self._follow, daemon=True)
        self.reader.start()

    def _follow(self):
        with contextlib.suppress(OSError):  # how a terminal ends
            for raw in self.log_from:
                with self.news:
                    self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                    self.news.notify_all()
        with self.news:
            self.lines.append(None)  # end of the log
            self.news.notify_all()

    def wait_line(self, matches, deadline, first=0):
        """(index, line) of the first line from `first` on that matches, or None at the deadline or the end."""
        with self.news:
            index = first
            while True:
                while index < len(self.lines):
                    line = self.lines[index]
                    if line is None:
                        return None
                    if matches(line):
                        return index, line
                    index += 1
                if not self.news.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return None

    def wait_ready(self, deadline, port=0):
        """Until clients are served: by the log, or by the given port when the log goes elsewhere."""
        while port and time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                time.sleep(0.005)
        return not port and self.wait_line(READY.search, deadline) is not None

    def _number(self, pattern):
        with self.news:
            for line in self.lines:
                found = line and pattern.search(line)
                if found:
                    return found[1]
        return None

    def port(self):
        return int(self._number(CLIENT_PORT) or 0)

    def monitor_port(self):
        return int(self._number(MONITOR_PORT) or 0)

    def server_id(self):
        return self._number(SERVER_ID) or ""

    def log(self):
        """The log as it is compared: normalised lines without their prefix."""
        with self.news:
            return [normalise.log_line(line, self.folder) for line in self.lines if line is not None]

    def raw_log(self):
        with self.news:
            return [line for line in self.lines if line is not None]

    def signal(self, name):
        self.process.send_signal(getattr(signal, f"SIG{name}"))

    def wait_exit(self, seconds):
        """The exit code, or None when it still runs."""
        try:
            code = self.process.wait(seconds)
            self.reader.join(seconds)
            return code
        except subprocess.TimeoutExpired:
            return None

    def alive(self):
        return self.process.poll() is None

    def end(self):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.log_from.close()
