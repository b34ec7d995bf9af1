"""A step of training and a scoring pass of the attention LSTM against the same model in PyTorch.

All sides begin with the same weights and get the same batches; their losses of the first steps are compared. PyTorch has
nn.LSTM, packed where histories differ in length, a dense matrix of targets that is made before, and Adam fused. Rounds
are in turns; a number is the median of a round's steps after the first ones. Ours computes on each --device; where tch is
one of them and there is a GPU, both sides compute on it too, without TF32.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# cuDNN rounds its LSTM's products to TF32 by default: of both sides.
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
import machine  # noqa: E402

WARM = 10  # steps that no side is measured on
PEERS = {"flex": "pytorch", "tch": "pytorch", "tch-cuda": "pytorch-cuda"}


class Model(nn.Module):
    """The model as PyTorch would have it."""

    def __init__(self, args):
        super().__init__()
        width = 2 * args.hidden
        self.items = nn.Embedding(args.items, args.embedding)
        self.lstm = nn.LSTM(args.embedding, args.hidden, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(width, args.attention)
        self.score = nn.Linear(args.attention, 1, bias=False)
        self.output = nn.Linear(width, args.items)
        # It has two biases that are always added: one of them stays zero.
        for bias in (self.lstm.bias_hh_l0, self.lstm.bias_hh_l0_reverse):
            nn.init.zeros_(bias)
            bias.requires_grad_(False)

    def in_order(self):
        """Weights in the order of ours; transposed where they lie so."""
        lstm = self.lstm
        return [self.items.weight, lstm.weight_ih_l0.T, lstm.weight_hh_l0.T, lstm.bias_ih_l0,
                lstm.weight_ih_l0_reverse.T, lstm.weight_hh_l0_reverse.T, lstm.bias_ih_l0_reverse,
                self.hidden.weight.T, self.hidden.bias, self.score.weight[0], self.output.weight, self.output.bias]

    def forward(self, ids, lengths):
        baskets = self.items(ids).mean(2)
        if lengths is None:
            states, _ = self.lstm(baskets)
            scores = self.score(torch.tanh(self.hidden(states)))
        else:
            packed = pack_padded_sequence(baskets, lengths, batch_first=True, enforce_sorted=False)
            packed, _ = self.lstm(packed)
            scores = PackedSequence(self.score(torch.tanh(self.hidden(packed.data))), *packed[1:])
            states, _ = pad_packed_sequence(packed, batch_first=True)
            scores, _ = pad_packed_sequence(scores, batch_first=True, padding_value=float("-inf"))
        return self.output((states * torch.softmax(scores, 1)).sum(1))


def made(args):
    """Batches: the users' numbers of baskets, all their items, what they bought next."""
    random = np.random.default_rng(1)
    batches = []
    for _ in range(args.batches):
        lengths = random.integers(1, args.baskets + 1, args.users) if args.varied else np.full(args.users, args.baskets)
        lists = random.random((args.users * args.baskets, args.items)).argpartition(args.basket, 1)[:, :args.basket]
        bought = random.random((args.users, args.items)).argpartition(args.bought, 1)[:, :args.bought]
        batches.append((lengths, lists.reshape(args.users, args.baskets, args.basket), bought))
    return batches


def write(path, args, model, batches):
    """What ours reads."""
    words = [np.array([args.items, args.embedding, args.hidden, args.attention, args.users, args.batches, args.basket,
                       args.bought], "<u4").tobytes()]
    words += [weight.detach().numpy().astype("<f4").tobytes() for weight in model.in_order()]
    for lengths, lists, bought in batches:
        for user in range(args.users):
            history = lists[user, :lengths[user]]
            words.append(np.concatenate([[lengths[user]], history.ravel(), np.sort(bought[user])]).astype("<u4").tobytes())
    path.write_bytes(b"".join(words))


def peer(args, state, batches, device):
    """PyTorch's losses, milliseconds of each step and of each scoring pass, and the sum of the last pass."""
    model = Model(args)
    model.load_state_dict(state)
    model.to(device)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], args.rate, fused=True)
    inputs = []
    for lengths, lists, bought in batches:
        targets = torch.zeros(args.users, args.items).scatter_(1, torch.from_numpy(bought), 1.0)
        inputs.append((torch.from_numpy(lists).to(device), torch.from_numpy(lengths) if args.varied else None, targets.to(device)))
    losses, steps, scores = [], [], []
    for step in range(args.steps):
        ids, lengths, targets = inputs[step % len(inputs)]
        began = time.perf_counter()
        loss = nn.functional.binary_cross_entropy_with_logits(model(ids, lengths), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        steps.append(1e3 * (time.perf_counter() - began))
    model.eval()
    with torch.inference_mode():
        for step in range(args.steps):
            ids, lengths, _ = inputs[step % len(inputs)]
            began = time.perf_counter()
            chances = torch.sigmoid(model(ids, lengths)).cpu()
            scores.append(1e3 * (time.perf_counter() - began))
    return {"losses": losses, "step_ms": steps, "score_ms": scores, "chances": chances.double().sum().item()}


def ours(args, path, device):
    command = [args.program, path, "--steps", args.steps, "--threads", args.threads, "--rate", args.rate, "--device", device]
    env = dict(os.environ)
    if args.libtorch:
        env["LD_LIBRARY_PATH"] = str(args.libtorch.resolve() / "lib")
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        sys.exit(f"{args.program} on {device}: {done.stderr}")
    return json.loads(done.stdout)


def sides(args, path, state, batches):
    """What is measured, by name, in the order of a round."""
    devices = list(args.device)
    if "tch" in devices and "tch-cuda" not in devices and torch.cuda.is_available():
        devices.append("tch-cuda")
    made = {device: (lambda device=device: ours(args, path, device)) for device in devices}
    for name in dict.fromkeys(PEERS[device] for device in devices):
        made[name] = lambda device="cuda" if name == "pytorch-cuda" else "cpu": peer(args, state, batches, device)
    return made


def work(args, batches):
    """Floating-point operations of a step: of products, forward and twice as many backward."""
    rows = sum(int(lengths.sum()) for lengths, _, _ in batches) / len(batches)
    width = 2 * args.hidden
    lstm = rows * 2 * 4 * args.hidden * (args.embedding + args.hidden)
    return 3 * 2 * (lstm + rows * width * args.attention + args.users * width * args.items)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("items", 5000), ("embedding", 64), ("hidden", 128), ("attention", 64), ("users", 64), ("baskets", 20),
                          ("basket", 10), ("bought", 10), ("batches", 4), ("steps", 60), ("threads", 2), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--varied", action="store_true", help="histories of 1 to --baskets baskets")
    parser.add_argument("--device", nargs="+", choices=list(PEERS), default=["flex"], help="where ours computes")
    parser.add_argument("--libtorch", type=Path, help="the folder that the program is run with, as trainer/libtorch.py makes it")
    parser.add_argument("--program", type=Path, required=True, help="the built example attention_lstm_speed")
    args = parser.parse_args()
    args.program = args.program.resolve()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model, batches = Model(args), made(args)
    state = model.state_dict()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work"
        write(path, args, model, batches)
        for _ in range(args.rounds):
            rounds.append({name: run() for name, run in sides(args, path, state, batches).items()})
    first = rounds[0]
    for step in (0, 9, 24, 49):
        if step < args.steps:
            print(json.dumps({"step": step, **{side: first[side]["losses"][step] for side in first}}))
    pairs = [(device, PEERS[device]) for device in first if device in PEERS]
    for device, other in pairs:
        losses = zip(first[device]["losses"][:50], first[other]["losses"][:50])
        apart = max(abs(a - b) / b for a, b in losses)
        print(json.dumps({"device": device, "losses_apart_at_most": float(f"{apart:.2g}"),
                          "scores": {side: first[side]["chances"] for side in (device, other)}}))
    seconds = {}
    for kind in ("step_ms", "score_ms"):
        medians = {side: [statistics.median(r[side][kind][WARM:]) for r in rounds] for side in first}
        least = {side: min(min(r[side][kind]) for r in rounds) for side in first}
        print(json.dumps({"of": kind, **{side: [round(ms, 2) for ms in medians[side]] for side in medians},
                          "least": {side: round(ms, 2) for side, ms in least.items()}}))
        for device, other in pairs:
            ratios = [a / b for a, b in zip(medians[device], medians[other])]
            print(json.dumps({"of": kind, f"{device}_over_{other}": [round(ratio, 2) for ratio in ratios],
                              "median": round(statistics.median(ratios), 2)}))
            seconds[device, kind] = statistics.median(medians[device]) / 1e3
    gemm = machine.gemm(args.threads)
    flops = work(args, batches)
    print(json.dumps({"threads": args.threads, "torch": torch.__version__, "step_gflop": round(flops / 1e9, 2),
                      "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None}))
    for device, _ in pairs:
        prepared = statistics.median(first[device]["prepare_ms"])
        speed = {"gflop_per_s": round(flops / seconds[device, "step_ms"] / 1e9, 1)}
        if device != "tch-cuda":
            speed["of_gemm"] = round(flops / seconds[device, "step_ms"] / gemm, 2)
        print(json.dumps({"device": device, "prepare_ms": round(prepared, 2), **speed}))


if __name__ == "__main__":
    main()
