"""MovieLens-1M as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.errors import require_file
from data_pipelines.movielens_1m import source
from data_pipelines.sources import ITEM, ITEM_NAME, TIME, USER
from data_pipelines.tables import Table
from data_pipelines.tfds_examples import examples

_INTEGER, _TEXT = tfds.features.Scalar(np.int64), tfds.features.Text()
_PROFILE = tuple(field.name for field in source.USER_FIELDS)
_FEATURES = {
    "ratings": dict.fromkeys(("user_id", "item_id", "rating", "timestamp"), _INTEGER),
    "movies": {"item_id": _INTEGER, "title": _TEXT, "genres": tfds.features.Sequence(_TEXT)},
    "users": {"user_id": _INTEGER, **dict.fromkeys(_PROFILE, _TEXT)},
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """One rating, one film or one user an example, by configuration."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS wants a list)
        tfds.core.BuilderConfig(name="ratings", description="Ratings with times or ranks in time."),
        tfds.core.BuilderConfig(name="movies", description="Titles and genres."),
        tfds.core.BuilderConfig(name="users", description="Gender, age, occupation, zip code."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    ratings.dat, movies.dat and users.dat out of
    https://files.grouplens.org/datasets/movielens/ml-1m.zip, whose README has the licence.
    """

    def _info(self) -> Any:
        return tfds.core.DatasetInfo(
            builder=self,
            description="A million ratings of 3,706 films by 6,040 users.",
            disable_shuffling=True,  # The order of events is data.
            features=tfds.features.FeaturesDict(_FEATURES[self.builder_config.name]),
            homepage="https://grouplens.org/datasets/movielens/1m/",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        examples = self._generate_examples(pathlib.Path(dl_manager.manual_dir))
        return {self.builder_config.name: examples}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        table, columns = self._table(folder)
        yield from examples(table, columns)

    def _table(self, folder: pathlib.Path) -> tuple[Table, dict[str, str]]:
        """A table, and its column for each feature."""
        if self.builder_config.name == "movies":
            file = require_file(folder, source.MOVIES_FILE)
            return source.movies_table(file), {
                "item_id": ITEM,
                "title": ITEM_NAME,
                "genres": "genres",
            }
        if self.builder_config.name == "users":
            file = require_file(folder, source.USERS_FILE)
            return source.users_table(file), {"user_id": USER} | {name: name for name in _PROFILE}
        file = require_file(folder, source.RATINGS_FILE, source.ORDERED_FILE)
        return source.ratings_table(file), {
            "user_id": USER,
            "item_id": ITEM,
            "rating": "rating",
            "timestamp": TIME,
        }
