"""Writes planted data: `python -m data_pipelines.planted --out=DIR --rows=1000000`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys

from data_pipelines.planted.generate import generate
from data_pipelines.planted.model import PlantedSpec


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m data_pipelines.planted",
        description="Writes labelled rows with known interactions, their description for "
        "`amer prepare`, and the truth about them.",
    )
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write")
    for field in dataclasses.fields(PlantedSpec):
        kind = float if isinstance(field.default, float) else int
        parser.add_argument(
            f"--{field.name.removeprefix('num_')}", type=kind, default=field.default
        )
    given = vars(parser.parse_args())
    try:
        spec = PlantedSpec(
            **{
                field.name: given[field.name.removeprefix("num_")]
                for field in dataclasses.fields(PlantedSpec)
            }
        )
        written = generate(given["out"], spec)
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(written) + "\n")


if __name__ == "__main__":
    main()
