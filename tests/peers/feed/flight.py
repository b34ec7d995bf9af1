"""Pannier read with plain `pyarrow.flight`, as a trainer of one's own would, from a scheduler and an executor that are
processes of their own. The executor keeps no decoded rows: each epoch reads and decodes its Parquet again.
"""

import json
import socket
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.flight as flight
import torch
from side import FIRST_ITEM, TABLES, arguments, manifest, serve

PATIENCE = 60  # seconds until the processes must serve
TRANSFORMS = {
    "pairs": {"kind": "pairs", "window": "basket", "first_item": FIRST_ITEM, "keep": []},
    "sequences": {"kind": "sequences", "part": "train", "target": "last", "max_history": 0},
}


def feed(args):
    """The digest of the feed with these parameters, as the warehouse's `feeds` have it."""
    wanted = {"table": TABLES[args.transform], "version": manifest(args.warehouse, args.transform)["version"],
              "shuffle": True, "batch_rows": args.batch_rows, "window_rows": args.window_rows}
    for path in sorted(args.warehouse.glob("feeds/*.json")):
        spec = json.loads(path.read_text())
        transform = {key: value for key, value in spec["transform"].items() if value is not None}
        if transform == TRANSFORMS[args.transform] and wanted.items() <= {key: spec[key] for key in wanted}.items():
            return path.stem
    sys.exit(f"{args.warehouse} has no feed of {args.transform} with {wanted}: run the side pannier before, which defines it")


def free_ports(count):
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def role(args, name, **settings):
    """Starts a scheduler or an executor; its log goes to a file."""
    command = [args.program, name] + [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    with open(args.work / f"{name}.log", "w") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def cluster(args):
    """Scheduler and executor: (address of the feed, processes)."""
    listen, feed_port, shuffle_port, task_port = free_ports(4)
    warehouse = args.warehouse.resolve()
    scheduler = role(args, "scheduler", listen=f"127.0.0.1:{listen}", state=args.work / "state", warehouse=warehouse)
    executor = role(args, "executor", scheduler=f"http://127.0.0.1:{listen}", warehouse=warehouse,
                    work=args.work / "work", feed_port=feed_port, shuffle_port=shuffle_port, task_port=task_port,
                    feed_threads=args.workers, feed_cache=0)
    return f"grpc://127.0.0.1:{feed_port}", [scheduler, executor]


def connected(address, digest):
    """A client, once the feed is served, and what an epoch is to consist of."""
    client = flight.connect(address)
    asked = flight.FlightDescriptor.for_command(json.dumps({"digest": digest}))
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return client, json.loads(client.get_flight_info(asked).app_metadata)
        except flight.FlightUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def tensor(array):
    """A tensor of int32 on an array's own memory."""
    return torch.from_dlpack(array.view(pa.int32()))


def pairs(batch):
    return tensor(batch["center"]), tensor(batch["context"])


def sequences(batch):
    history, target = batch["history"], batch["target"]
    items = tensor(history.values.values), tensor(target.values)
    return *items, *map(tensor, (history.offsets, history.values.offsets, target.offsets))


def epoch(client, digest, number, transform, tally):
    """Reads an epoch, one record batch for each step, and makes tensors of them: the number of steps."""
    ticket = json.dumps({"digest": digest, "epoch": number}).encode()
    steps = 0
    for steps, step in enumerate(client.do_get(flight.Ticket(ticket)), 1):
        if transform == "pairs":
            centers, contexts = pairs(step.data)
            tally.add(len(contexts), 0, centers)
        else:
            items, targets, _, baskets, users = sequences(step.data)
            tally.add(len(users) - 1, len(baskets) + len(users) - 2, items, targets)
    return steps


def main():
    args = arguments(__doc__).parse_args()
    digest = feed(args)
    address, processes = cluster(args)
    try:
        client, promised = connected(address, digest)

        def whole(number, tally):
            steps = epoch(client, digest, number, args.transform, tally)
            if steps != promised["steps"]:
                sys.exit(f"{steps} steps came, of {promised['steps']}")
            if args.transform == "pairs":
                tally.baskets = promised["rows"]  # pairs don't tell their basket: all steps came, so all baskets did

        serve(whole)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    main()
