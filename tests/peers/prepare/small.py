"""The preparation on a cluster of small machines: two executors, each in a cgroup of its own with a limit that the
kernel enforces. Prints seconds, each executor's peak memory, what was spilled, and whether one was killed.

Needs the right to make cgroups (version 1 or 2), so root on most machines.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pannier_prepare import ROOT, SPEC, operators
from side import TABLES

GIB = 1 << 30
CGROUPS = Path("/sys/fs/cgroup")
EXECUTORS = 2


class Limit:
    """A cgroup with a memory limit in bytes; page cache counts, and is given back under pressure."""

    def __init__(self, name, limit):
        first = (CGROUPS / "memory").is_dir()
        self.path = (CGROUPS / "memory" if first else CGROUPS) / f"pannier-{os.getpid()}-{name}"
        self.most, self.peak = (("memory.limit_in_bytes", "memory.max_usage_in_bytes") if first
                                else ("memory.max", "memory.peak"))
        self.killed = ("memory.oom_control" if first else "memory.events", "oom_kill ")
        self.path.mkdir()
        (self.path / self.most).write_text(str(limit))

    def join(self):
        """Puts this process into it."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def peak_bytes(self):
        return int((self.path / self.peak).read_text())

    def kills(self):
        file, key = self.killed
        lines = (self.path / file).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(key))

    def remove(self):
        self.path.rmdir()


def free_ports(count):
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def role(program, name, out, settings, limit=None):
    """Starts a process of the cluster; its log goes to a file."""
    command = [program, name] + [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    log = open(out / f"{name}-{settings.get('task_port', '')}.log", "w")
    return subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=limit.join if limit else None)


def cluster(program, out, pool, limits):
    """Scheduler and executors: (address, processes)."""
    (listen, *ports) = free_ports(1 + 3 * EXECUTORS)
    address, warehouse = f"http://127.0.0.1:{listen}", out / "warehouse"
    processes = [role(program, "scheduler", out, {"listen": f"127.0.0.1:{listen}", "state": out / "state", "warehouse": warehouse})]
    for number, limit in enumerate(limits):
        shuffle, task, feed = ports[3 * number:3 * number + 3]
        settings = {"scheduler": address, "shuffle_port": shuffle, "task_port": task, "feed_port": feed,
                    "work": out / f"work{number}", "warehouse": warehouse, "vcores": 1, "memory": pool}
        processes.append(role(program, "executor", out, settings, limit))
    return address, processes


def prepare(program, out, data, address, patience=60):
    """Submits the run as soon as the scheduler answers, and follows it: its events."""
    spec = out / "spec.toml"
    spec.write_text(SPEC)
    command = [program, "--scheduler", address, "submit", spec, "--follow", "--json",
               "--set", f"source.path={data / 'transactions*.parquet'}"]
    until = time.monotonic() + patience
    while True:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            return done.stdout
        if "no scheduler answers" not in done.stderr or time.monotonic() > until:
            sys.exit(f"the run ended with exit code {done.returncode}:\n{done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that data.py made, for example DATA/cj-k50")
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "pannier", help="the built pannier")
    parser.add_argument("--limit", type=float, default=2, help="GiB that an executor's process may have")
    parser.add_argument("--pool", default="1GiB", help="memory of an executor's tasks")
    parser.add_argument("--work", type=Path, help="where tables go; default: a temporary folder")
    args = parser.parse_args()
    limits = [Limit(number, int(args.limit * GIB)) for number in range(EXECUTORS)]
    processes = []
    try:
        with tempfile.TemporaryDirectory(dir=args.work) as folder:
            out = Path(folder)
            address, processes = cluster(args.program, out, args.pool, limits)
            began = time.perf_counter()
            events = prepare(args.program, out, args.data, address)
            seconds = time.perf_counter() - began
            rows = {}
            for name in (*TABLES, "pairs"):
                manifest, = (out / "warehouse").glob(f"tables/{name}/*/manifest.json")
                rows[name] = json.loads(manifest.read_text())["rows"]
            print(f"{seconds:.1f} s; rows: " + ", ".join(f"{name} {count:,}" for name, count in rows.items()))
            for operator in operators(events):
                if operator["spilled"]:
                    print(f"{operator['name']} spilled {operator['spilled'] / GIB:.2f} GiB")
            for number, (limit, process) in enumerate(zip(limits, processes[1:])):
                alive = "alive" if process.poll() is None else f"ended with {process.returncode}"
                print(f"executor {number + 1}: peak {limit.peak_bytes() / GIB:.2f} of {args.limit:g} GiB, page cache included; "
                      f"{alive}; killed for memory: {limit.kills()} times")
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for limit in limits:
            limit.remove()


if __name__ == "__main__":
    main()
