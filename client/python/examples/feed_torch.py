"""Item vectors in PyTorch from a feed of pairs with negatives, read with plain pyarrow. A reader's state is two integers."""
import argparse, json
import pyarrow, pyarrow.flight, torch

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--address", nargs="+", default=["grpc://127.0.0.1:50053"], help="feed ports of executors")
parser.add_argument("--feed", required=True, help="digest of the feed; `pannier feed ls` lists them")
parser.add_argument("--items", type=int, required=True, help="rows of the vocab, and 2 for PAD and UNK")
for name, default in [("--epochs", 1), ("--from-epoch", 0), ("--from-step", 0)]:
    parser.add_argument(name, type=int, default=default)
args = parser.parse_args()

def batches(epoch, step):
    """The rest of an epoch. Every executor has the same batches: when one is lost, the next is asked for what is missing."""
    for address in args.address * 2:
        ticket = json.dumps({"digest": args.feed, "epoch": epoch, "from_step": step})
        try:
            for chunk in pyarrow.flight.connect(address).do_get(pyarrow.flight.Ticket(ticket)):
                center, context, negatives = chunk.data.columns
                yield [torch.from_numpy(a.to_numpy().astype("int64")) for a in (center, context, negatives.flatten())]
                step += 1
            return
        except pyarrow.ArrowException as error:
            print(f"{address} at epoch {epoch} step {step}: {error}")
    raise SystemExit("no executor serves the feed")

vectors, contexts = torch.nn.Embedding(args.items, 64), torch.nn.Embedding(args.items, 64)
optimizer = torch.optim.Adam([*vectors.parameters(), *contexts.parameters()], lr=0.01)
for epoch in range(args.from_epoch, args.epochs):
    for center, context, negatives in batches(epoch, args.from_step if epoch == args.from_epoch else 0):
        drawn = torch.cat([context[:, None], negatives.view(len(center), -1)], dim=1)
        scores = torch.einsum("pd,pod->po", vectors(center), contexts(drawn))
        labels = (torch.arange(drawn.shape[1]) == 0).float().expand_as(scores)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    print(f"epoch {epoch}: loss of the last step {loss.item():.4f}")
