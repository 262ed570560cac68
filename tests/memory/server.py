"""A server with JetStream in one loop and a limit of memory."""
import pathlib
import re
import signal
import subprocess
import threading
import time


class Server:
    def __init__(self, binary, folder, max_memory, patience=120):
        self.patience = patience
        config = folder / "server.conf"
        config.write_text(f'jetstream {{ store_dir: "{folder}/store", max_file_store: 100GB }}\n'
                          f'petrel {{ max_memory: {max_memory}, loops: 1 }}\n')
        self.process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "-c", str(config)],
                                        stderr=subprocess.PIPE, text=True)
        self.port, end = 0, time.monotonic() + patience
        while not self.port and time.monotonic() < end and (line := self.process.stderr.readline()):
            if found := re.search(r"Listening for client connections on .*:(\d+)", line):
                self.port = int(found[1])
        if not self.port:
            raise SystemExit("the server did not start")
        self.errors = []
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        for line in self.process.stderr:
            if "[ERR]" in line or "[WRN]" in line:
                self.errors.append(line.strip())

    def memory(self, field):
        """A field of /proc/<pid>/status in MB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", text)[1]) / 1024

    def report(self, what):
        print(f"{what}: {self.memory('VmRSS'):.0f} MB resident, {self.memory('VmHWM'):.0f} MB at most", flush=True)

    def processor_seconds(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / 100

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(self.patience)
