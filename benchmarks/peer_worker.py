"""A peer's side of `bench_peers.py`: its layers and its training step, on stored batches.

Runs under the Python of the peer's own environment, which needs numpy, torch and the peer, not this
package. Reads numbers of steps, one a line, and answers each with a line of JSON: wall-clock and
processor seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

# Runs so many steps.
Run = Callable[[int], None]


def main() -> None:
    job, answers = json.loads(sys.argv[1]), sys.stdout
    # What a library prints is no answer; RecBole takes the arguments for its own.
    sys.stdout, sys.argv = sys.stderr, sys.argv[:1]
    torch.set_num_threads(job["threads"])
    with np.load(job["arrays"]) as file:
        arrays = {name: torch.from_numpy(file[name].astype("int64")) for name in file.files}
    run = _PEERS[job["peer"]](job, arrays)
    print(json.dumps({"versions": f"torch {torch.__version__}"}), file=answers, flush=True)
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        run(int(line))
        seconds = (time.perf_counter() - wall, time.process_time() - processor)
        print(json.dumps(seconds), file=answers, flush=True)


def endless(batches: list[Any]) -> Iterator[Any]:
    while True:
        yield from batches


def make_fuxictr(job: dict[str, Any], arrays: dict[str, Any]) -> Run:
    """FuxiCTR's `BaseModel` and blocks, put together as in its model zoo, which no wheel holds."""
    from fuxictr.features import FeatureMap
    from fuxictr.pytorch import layers
    from fuxictr.pytorch.models import BaseModel

    features = FeatureMap("benchmark", "")
    for name, rows in zip(job["fields"], job["num_rows"], strict=True):
        features.features[name] = {"source": "", "type": "categorical", "vocab_size": rows}
    features.labels = ["label"]
    features.num_fields = features.get_num_fields()
    features.default_emb_dim = job["embedding_dim"]
    system, hidden, width = job["system"], job["hidden_units"], features.sum_emb_out_dim()

    class Model(BaseModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(features, verbose=0, model_root="", metrics=[])
            self.embedding_layer = layers.FeatureEmbedding(features, job["embedding_dim"])
            last = None if system == "dcn" else 1
            self.mlp = layers.MLP_Block(width, hidden_units=hidden, output_dim=last)
            if system == "deepfm":
                self.fm = layers.FactorizationMachine(features)
            elif system == "dcn":
                self.crossnet = layers.CrossNet(width, job["num_crosses"])
                self.fc = torch.nn.Linear(width + hidden[-1], 1)
            elif system == "xdeepfm":
                self.lr_layer = layers.LogisticRegression(features, use_bias=False)
                self.cin = layers.CompressedInteractionNet(features.num_fields, job["cin_sizes"])
            self.compile("adam", "binary_crossentropy", 1e-3)
            self.reset_parameters()
            self.model_to_device()

        def forward(self, inputs: dict[str, Any]) -> dict[str, Any]:
            fields = self.get_inputs(inputs)
            embedded = self.embedding_layer(fields)  # (B, N, K)
            flat = embedded.flatten(start_dim=1)
            logit = self.mlp(flat)
            if system == "deepfm":
                logit = logit + self.fm(fields, embedded)
            elif system == "dcn":
                logit = self.fc(torch.cat([self.crossnet(flat), logit], dim=-1))
            elif system == "xdeepfm":
                logit = logit + self.lr_layer(fields) + self.cin(embedded)
            return {"y_pred": self.output_activation(logit)}

    model = Model()
    model._max_gradient_norm = 10.0  # the default of its `fit`
    model.train()
    steps = len(arrays["label"])
    batches = endless(
        [{name: values[step] for name, values in arrays.items()} for step in range(steps)]
    )

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            model.train_step(next(batches)).item()  # as its `train_epoch` does

    return run


def make_recbole(job: dict[str, Any], arrays: dict[str, Any]) -> Run:
    """RecBole's SASRec and its `Trainer`."""
    from recbole.config import Config
    from recbole.data.interaction import Interaction
    from recbole.model.sequential_recommender.sasrec import SASRec
    from recbole.trainer import Trainer

    # Importing the package turns this on, for SINE: every operation of the backward pass is
    # searched for NaN.
    torch.autograd.set_detect_anomaly(job["detect_anomaly"])
    own = {"use_gpu": False, "train_neg_sample_args": None, "data_path": str(Path.cwd())}
    config = Config(model="SASRec", dataset="benchmark", config_dict={**own, **job["options"]})
    model = SASRec(config, SimpleNamespace(num=lambda field: job["num_items"] + 1))
    trainer = Trainer(config, model)
    steps = len(arrays["item_id"])
    batches = endless(
        [
            Interaction({name: values[step] for name, values in arrays.items()})
            for step in range(steps)
        ]
    )

    def run(num_steps: int) -> None:
        trainer._train_epoch([next(batches) for _ in range(num_steps)], 0)

    return run


_PEERS: dict[str, Callable[..., Run]] = {"fuxictr": make_fuxictr, "recbole": make_recbole}


if __name__ == "__main__":
    main()
