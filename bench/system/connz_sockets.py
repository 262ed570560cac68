#!/usr/bin/env python3
"""connz_sockets.py --server BIN [--connections N]: what /connz over real connections costs a publisher.

Opens N connections (as many as the limit of open files allows), then times PUB + PING until PONG of one more client:
alone, and while another process asks /connz?sort=...&limit=... without a pause. Prints both side by side.
"""
import argparse
import json
import multiprocessing
import pathlib
import resource
import socket
import subprocess
import tempfile
import time
import urllib.request

QUERIES = ("sort=bytes_to&limit=100", "sort=subs&limit=1024", "sort=idle&limit=100&subs=1",
           "sort=cid&limit=1024&offset=9000")
HELLO = b'CONNECT {"verbose":false}\r\nPING\r\n'
PER_ADDRESS = 8000


def connect(port, source):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind((source, 0))
    client.connect(("127.0.0.1", port))
    client.sendall(HELLO)
    seen = b""
    while b"PONG\r\n" not in seen:
        piece = client.recv(4096)
        if not piece:
            raise RuntimeError(f"refused: {seen!r}")
        seen += piece
    return client


def hold(port, count, first, ready):
    held = [connect(port, f"127.0.0.{2 + (first + i) // PER_ADDRESS}") for i in range(count)]
    ready.put(len(held))
    time.sleep(3600)


def scrape(http, stop, asked):
    while not stop.is_set():
        for query in QUERIES:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/connz?{query}", timeout=60) as answer:
                answer.read()
            asked.value += 1


def latencies(port, seconds):
    client = connect(port, "127.0.0.1")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter_ns()
        client.sendall(b"PUB a 2\r\nok\r\nPING\r\n")
        while not client.recv(4096).endswith(b"PONG\r\n"):
            pass
        times.append(time.perf_counter_ns() - start)
        time.sleep(0.0005)
    client.close()
    return sorted(times)


def show(name, times):
    def at(share):
        return times[min(len(times) - 1, int(len(times) * share))] / 1000
    print(f"{name:34} {len(times):6} round trips  p50 {at(0.5):8.0f}  p99 {at(0.99):8.0f}  p99.9 {at(0.999):8.0f}"
          f"  max {times[-1] / 1000:8.0f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parser.add_argument("--connections", type=int, default=min(50_000, hard - 200))
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([options.server, "-a", "127.0.0.1", "-p", "-1", "-m", "-1", "--ports_file_dir", folder],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            measure(options, server, pathlib.Path(folder))
        finally:
            server.terminate()
            server.wait()


def ports_of(folder, deadline=30):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        for file in folder.glob("*.ports"):
            ports = json.loads(file.read_text())
            return int(ports["nats"][0].rsplit(":", 1)[1]), int(ports["monitoring"][0].rsplit(":", 1)[1])
        time.sleep(0.02)
    raise RuntimeError("the server does not start")


def measure(options, server, folder):
    port, http = ports_of(folder)
    ready, holders, left = multiprocessing.Queue(), [], options.connections
    while left > 0:
        count = min(left, 15_000)
        holders.append(multiprocessing.Process(target=hold, args=(port, count, options.connections - left, ready),
                                               daemon=True))
        holders[-1].start()
        left -= count
    print(sum(ready.get(timeout=600) for _ in holders), "connections")
    stop, asked = multiprocessing.Event(), multiprocessing.Value("q", 0)
    scraper = multiprocessing.Process(target=scrape, args=(http, stop, asked), daemon=True)
    alone = latencies(port, options.seconds)
    scraper.start()
    before = time.monotonic()
    beside = latencies(port, options.seconds)
    rate = asked.value / (time.monotonic() - before)
    stop.set()
    scraper.join(60)
    show("alone", alone)
    show(f"beside {rate:.1f} /connz a second", beside)
    for holder in holders:
        holder.terminate()


if __name__ == "__main__":
    main()
