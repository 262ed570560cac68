#!/usr/bin/env python3
"""conf/petrel.service: what the unit says holds for the binary, played by a service manager of this script's own.

    run.py --petrel BIN

The unit is also checked with `systemd-analyze verify` where that is installed. Ends with "N passed, N failed, N skipped".
"""
import argparse
import configparser
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

UNIT = pathlib.Path(__file__).resolve().parents[3] / "conf" / "petrel.service"
DEADLINE = 20


def unit_text(binary, folder):
    """The unit with paths that are here."""
    text = UNIT.read_text(encoding="utf-8")
    start = f"ExecStart={binary} -c {folder}/petrel.conf"
    return re.sub(r"^ExecStart=.*$", lambda _: start, text, flags=re.M).replace("User=petrel\nGroup=petrel\n", "")


def service(text):
    """The [Service] section; of keys that stand there twice the last value."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    return parser["Service"]


class Manager:
    """Starts what a unit says and hears what it tells, as systemd does."""

    def __init__(self, unit, folder):
        self.unit = unit
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.socket.settimeout(DEADLINE)
        self.process = subprocess.Popen(unit["ExecStart"].split(), cwd=folder, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify")})

    def heard(self):
        """The next message, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n") if line)

    def run(self, key):
        """The signal that ExecReload or ExecStop sends."""
        words = self.unit[key].replace("$MAINPID", str(self.process.pid)).split()
        subprocess.run(words, check=True, timeout=DEADLINE)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.socket.close()


def expect(wanted, got, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, not {wanted!r}")


def is_understood_by_systemd(binary, folder):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return
    place = folder / "petrel.service"
    place.write_text(unit_text(binary, folder), encoding="utf-8")
    done = subprocess.run([tool, "verify", str(place)], capture_output=True, text=True, timeout=DEADLINE, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "petrel" in line]
    expect((0, []), (done.returncode, said), "systemd-analyze verify")


def tells_when_it_is_ready_reloads_and_stops(binary, folder):
    unit = service(unit_text(binary, folder))
    expect(("notify", "main"), (unit["Type"], unit["NotifyAccess"]), "Type, NotifyAccess")
    manager = Manager(unit, folder)
    try:
        ready = manager.heard()
        expect({"READY": "1", "MAINPID": str(manager.process.pid)}, ready, "at start")
        port = int(re.search(r"127\.0\.0\.1:(\d+)", next(folder.glob("*.ports")).read_text())[1])
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
            expect(b"INFO ", client.recv(5), "the client port")
        manager.run("ExecReload")
        reloading = manager.heard()
        expect(("1", True), (reloading.get("RELOADING"), reloading.get("MONOTONIC_USEC", "").isdigit()), "reload")
        expect("1", manager.heard().get("READY"), "after the reload")
        (folder / "petrel.conf").write_text("port: {", encoding="utf-8")
        manager.run("ExecReload")
        expect("1", manager.heard().get("RELOADING"), "a reload that fails")
        expect("1", manager.heard().get("READY"), "after a reload that failed")
        manager.run("ExecStop")
        expect("1", manager.heard().get("STOPPING"), "ExecStop")
        expect(0, manager.process.wait(DEADLINE), "exit code")
    finally:
        manager.end()


def is_given_time_to_leave_its_clients(binary, folder):
    """The default lame duck mode ends before the manager loses patience; SIGTERM ends at once."""
    unit = service(unit_text(binary, folder))
    manager = Manager(unit, folder)
    try:
        manager.heard()
        manager.process.send_signal(signal.SIGTERM)
        expect("1", manager.heard().get("STOPPING"), "SIGTERM")
        expect(0, manager.process.wait(DEADLINE), "exit code")
    finally:
        manager.end()
    expect(True, int(unit["TimeoutStopSec"]) > 120, "TimeoutStopSec above lame_duck_duration")


CHECKS = (is_understood_by_systemd, tells_when_it_is_ready_reloads_and_stops, is_given_time_to_leave_its_clients)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle", help="not used: nats-server tells no service manager")
    binary = str(pathlib.Path(parser.parse_args().petrel).resolve())
    failed = 0
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "petrel.conf").write_text(f'listen: "127.0.0.1:-1"\nports_file_dir: "{folder}"\n', encoding="utf-8")
            try:
                check(binary, folder)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAIL {check.__name__}: {error}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
