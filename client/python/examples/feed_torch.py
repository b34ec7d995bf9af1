"""Trains item vectors (skip-gram with negatives) in PyTorch on a feed of pairs, read with plain pyarrow.

An epoch's steps are the same on every executor and at every time, so a reader's state is two integers: the epoch, and
the step that comes next. Saved beside model and optimizer, they are where --from-epoch and --from-step go on.
"""

import argparse
import json

import pyarrow as pa
import pyarrow.flight as flight
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

DIM, NEGATIVES, FIRST_ITEM = 64, 5, 2  # items 0 and 1 are PAD and UNK


def batches(addresses, feed, epoch, step):
    """The rest of an epoch, a record batch for each step; of a lost executor's steps the next one is asked for the rest."""
    for attempt in range(len(addresses) + 1):
        ticket = json.dumps({"digest": feed, "epoch": epoch, "from_step": step}).encode()
        try:
            with flight.connect(addresses[attempt % len(addresses)]) as executor:
                for chunk in executor.do_get(flight.Ticket(ticket)):
                    yield chunk.data
                    step += 1
            return
        except pa.ArrowException:
            if attempt == len(addresses):
                raise


def tensor(column):
    """Indices for torch: numpy sees Arrow's memory, torch sees numpy's, and only the widening to int64 copies."""
    return torch.from_numpy(column.to_numpy().astype("int64"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", action="append", help="an executor's feed port; may be given several times")
    parser.add_argument("--feed", required=True, help="digest of a feed of pairs")
    parser.add_argument("--items", type=int, required=True, help="rows of the vocab, and 2 for PAD and UNK")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--from-epoch", type=int, default=0)
    parser.add_argument("--from-step", type=int, default=0)
    args = parser.parse_args()
    addresses = args.address or ["grpc://127.0.0.1:50053"]

    vectors, contexts = nn.Embedding(args.items, DIM), nn.Embedding(args.items, DIM)
    nn.init.zeros_(contexts.weight)
    optimizer = torch.optim.Adam([*vectors.parameters(), *contexts.parameters()], lr=0.01)
    first = args.from_step
    for epoch in range(args.from_epoch, args.epochs):
        losses = []
        for batch in batches(addresses, args.feed, epoch, first):
            center, context = tensor(batch["center"]), tensor(batch["context"])
            noise = torch.randint(FIRST_ITEM, args.items, (len(center), NEGATIVES))
            outputs = contexts(torch.cat([context[:, None], noise], dim=1))
            scores = torch.einsum("pd,pod->po", vectors(center), outputs)
            labels = torch.zeros_like(scores)
            labels[:, 0] = 1
            loss = binary_cross_entropy_with_logits(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: mean loss {sum(losses) / max(len(losses), 1):.4f} over steps {first} to {first + len(losses)}")
        first = 0


if __name__ == "__main__":
    main()
