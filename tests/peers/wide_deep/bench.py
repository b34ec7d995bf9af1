"""A training step and a scoring pass of wide and deep against the same model in PyTorch, on the CPU.

Both sides begin with the same weights and get the same batches; their losses of the first steps are compared. PyTorch has
its tables' gradients dense, with Adam over all rows, as Keras does and as PyTorch does unless asked otherwise, and once more
sparse, with SparseAdam, which is not the same mathematics: rows stand still in steps that they have no part in. Ours moves only
the rows that a batch touches and ends where dense Adam does. Rounds are in turns; a number is the median of a round's steps
after the first ones.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

WARM = 10  # steps that no side is measured on
EPSILON = 1e-3  # of batch normalisation, as Keras has it


class Model(nn.Module):
    """The model as PyTorch would have it; no dropout, whose draws could not be compared."""

    def __init__(self, args, sparse):
        super().__init__()
        vectors = 3 * args.embedding
        rows = (args.items + 2, args.users + 2, args.categories + 2)
        self.tables = nn.ModuleList(nn.Embedding(n, args.embedding, sparse=sparse) for n in rows)
        for table in self.tables:
            nn.init.uniform_(table.weight, -0.05, 0.05)
        self.wide = nn.Linear(vectors, args.wide)
        units = [vectors] + [args.deep] * args.layers
        self.deep = nn.ModuleList(nn.Linear(a, b) for a, b in zip(units, units[1:]))
        self.join = nn.Linear(args.wide + args.deep, args.join)
        self.normal = nn.BatchNorm1d(args.context, eps=EPSILON, momentum=0.01)
        self.context = nn.Linear(args.context, args.context_units)
        self.output = nn.Linear(args.join + args.context_units, 1)

    def in_order(self):
        """Weights in the order of ours; transposed where they lie so."""
        normal = self.normal
        weights = [table.weight for table in self.tables] + [normal.running_mean, normal.running_var]
        for layer in (self.wide, *self.deep, self.join):
            weights += [layer.weight.T, layer.bias]
        weights += [normal.weight, normal.bias, self.context.weight.T, self.context.bias]
        return weights + [self.output.weight[0], self.output.bias]

    def forward(self, indices, context):
        x = torch.cat([table(of) for table, of in zip(self.tables, indices)], 1)
        wide, deep = self.wide(x), x
        for layer in self.deep:
            deep = torch.relu(layer(deep))
        joined = torch.relu(self.join(torch.cat([wide, deep], 1)))
        context = torch.relu(self.context(self.normal(context)))
        return self.output(torch.cat([joined, context], 1))[:, 0]


def made(args):
    """Batches: users, items and categories by how popular they are, the context, and what was bought."""
    random = np.random.default_rng(1)

    def drawn(n):
        # Ranks whose logarithm is uniform: the first few are much of everything, most are rare.
        return (2 + np.exp(random.random(args.rows) * np.log(n + 1)) - 1).astype(np.int64).clip(2, n + 1)

    batches = []
    for _ in range(args.batches):
        items, users = drawn(args.items), random.integers(2, args.users + 2, args.rows)
        categories = 2 + items * 7919 % args.categories
        context = np.stack([random.lognormal(4.5, 1.2, args.rows), random.geometric(0.1, args.rows),
                            random.exponential(600, args.rows)], 1)[:, :args.context].astype(np.float32)
        chance = 0.5 / (1 + np.exp(2 - 0.8 * (items % 5) + 0.5 * (users % 4) - 0.05 * context[:, 1]))
        labels = (random.random(args.rows) < chance).astype(np.float32)
        batches.append((users, items, categories, context, labels))
    return batches


def write(path, args, model, batches):
    """What ours reads."""
    sizes = [args.items + 2, args.users + 2, args.categories + 2, args.embedding, args.wide, args.join, args.context,
             args.context_units, args.layers] + [args.deep] * args.layers + [args.rows, args.batches]
    words = [np.array(sizes, "<u4").tobytes()]
    words += [weight.detach().numpy().astype("<f4").tobytes() for weight in model.in_order()]
    for users, items, categories, context, labels in batches:
        words += [column.astype("<u4").tobytes() for column in (users, items, categories)]
        words += [column.astype("<f4").tobytes() for column in (context, labels)]
    path.write_bytes(b"".join(words))


def peer(args, state, batches, sparse):
    """PyTorch's losses, milliseconds of each step and of each scoring pass."""
    model = Model(args, sparse)
    model.load_state_dict(state)
    tables = [table.weight for table in model.tables]
    own = {id(table) for table in tables}
    if sparse:
        rest = [weight for weight in model.parameters() if id(weight) not in own]
        optimizers = [torch.optim.SparseAdam(tables, args.rate), torch.optim.Adam(rest, args.rate, fused=True)]
    else:
        optimizers = [torch.optim.Adam(model.parameters(), args.rate, fused=True)]
    inputs = [([torch.from_numpy(of) for of in (items, users, categories)], torch.from_numpy(context), torch.from_numpy(labels))
              for users, items, categories, context, labels in batches]
    losses, steps, scores = [], [], []
    for step in range(args.steps):
        indices, context, labels = inputs[step % len(inputs)]
        began = time.perf_counter()
        loss = nn.functional.binary_cross_entropy_with_logits(model(indices, context), labels)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
        steps.append(1e3 * (time.perf_counter() - began))
    model.eval()
    with torch.inference_mode():
        for step in range(args.steps):
            indices, context, _ = inputs[step % len(inputs)]
            began = time.perf_counter()
            torch.sigmoid(model(indices, context))
            scores.append(1e3 * (time.perf_counter() - began))
    return {"losses": losses, "step_ms": steps, "score_ms": scores}


def ours(args, path):
    command = [args.program, path, "--steps", args.steps, "--threads", args.threads, "--rate", args.rate]
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("items", 52230), ("users", 10000), ("categories", 593), ("embedding", 16), ("wide", 32), ("deep", 16),
                          ("layers", 4), ("join", 16), ("context", 3), ("context-units", 16), ("rows", 8192), ("batches", 27),
                          ("steps", 60), ("threads", 2), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--program", type=Path, required=True, help="the built example wide_deep_speed")
    args = parser.parse_args()
    args.program = args.program.resolve()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model, batches = Model(args, False), made(args)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work"
        write(path, args, model, batches)
        for _ in range(args.rounds):
            rounds.append({"pannier": ours(args, path), "dense": peer(args, state, batches, False),
                           "sparse": peer(args, state, batches, True)})
    first = rounds[0]
    apart = max(abs(a - b) / b for a, b in list(zip(first["pannier"]["losses"], first["dense"]["losses"]))[:50])
    for step in (0, 9, 24, 49):
        if step < args.steps:
            print(json.dumps({"step": step, **{side: first[side]["losses"][step] for side in first}}))
    print(json.dumps({"losses_apart_at_most": float(f"{apart:.2g}")}))
    for kind in ("step_ms", "score_ms"):
        medians = {side: [statistics.median(r[side][kind][WARM:]) for r in rounds] for side in first}
        middle = {side: statistics.median(ms) for side, ms in medians.items()}
        print(json.dumps({
            "of": kind, **{side: [round(ms, 2) for ms in medians[side]] for side in medians},
            "examples_per_s": {side: round(1e3 * args.rows / ms) for side, ms in middle.items()},
            "faster_than": {side: round(middle[side] / middle["pannier"], 2) for side in ("dense", "sparse")}}))
    print(json.dumps({"items": args.items, "users": args.users, "rows": args.rows, "threads": args.threads,
                      "torch": torch.__version__, "prepare_ms": round(first["pannier"]["prepare_ms"], 2)}))


if __name__ == "__main__":
    main()
