"""A small evaluation split and network with the methods that evaluation relies on."""

import hashlib

import numpy as np
import tensorflow as tf

NUM_ITEMS = 42  # rows: padding, unknown and 40 items
STEPS = 4


class SmallSplit:
    """Random histories of random users; the candidates depend on mode, user and seed."""

    def __init__(self, num_examples=23, targets=None):
        generator = np.random.default_rng(0)
        self.num_examples = num_examples
        self.users = np.array([f"user {number}" for number in range(num_examples)])
        items = [generator.permutation(np.arange(2, NUM_ITEMS)) for _ in range(num_examples)]
        self.histories = [row[: 1 + number % 9] for number, row in enumerate(items)]
        self.targets = np.array([row[-1] for row in items], np.int32)
        if targets is not None:
            self.targets[:] = targets

    def negatives(self, candidates, num_negatives, seed):
        rows = []
        for user in range(self.num_examples):
            had = {*self.histories[user], self.targets[user]}
            free = [item for item in range(2, NUM_ITEMS) if item not in had]
            generator = np.random.default_rng([user, seed, candidates == "popular"])
            rows.append(generator.permutation(free)[:num_negatives])
        return np.array(rows, np.int32)

    def candidates_hash(self, candidates, num_negatives, seed):
        drawn = self.negatives(candidates, num_negatives, seed)
        return hashlib.sha256(drawn.tobytes()).hexdigest()[:16]

    def batches(self, batch_size, *, candidates="uniform", num_negatives=5, seed=0):
        latest, seen = np.zeros((2, self.num_examples, STEPS), np.int32)
        seen = np.zeros((self.num_examples, 9), np.int32)
        for user, history in enumerate(self.histories):
            latest[user, : len(history[-STEPS:])] = history[-STEPS:]
            seen[user, : len(history)] = history
        labels = {"target": self.targets, "weight": np.ones(self.num_examples, np.float32)}
        if candidates == "full":
            labels["seen"] = seen
        elif candidates is not None:
            drawn = self.negatives(candidates, num_negatives, seed)
            labels["candidates"] = np.concatenate([self.targets[:, None], drawn], axis=1)
        missing = -self.num_examples % batch_size

        def padded(array):
            return np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))

        labels = {name: padded(array) for name, array in labels.items()}
        inputs = {"history_item_id": padded(latest)}
        return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(batch_size)


class SmallNetwork:
    """The query is the sum of the history's vectors. Few distinct vectors, so there are ties."""

    def __init__(self, table=None):
        generator = np.random.default_rng(1)
        if table is None:
            table = generator.integers(-2, 3, size=(NUM_ITEMS, 3))
        self.table = tf.constant(np.asarray(table, np.float32))

    def query(self, inputs, training=False):
        ids = inputs["history_item_id"]
        known = tf.cast(ids > 0, "float32")[..., None]
        return tf.reduce_sum(tf.gather(self.table, ids) * known, axis=1)

    def item_vectors(self, ids):
        return tf.gather(self.table, ids)

    def scores(self, split):
        """All scores `(U, R)`, in NumPy."""
        table = self.table.numpy()
        return np.array([table[row[-STEPS:]].sum(axis=0) @ table.T for row in split.histories])
