"""A comparison that is in a folder may be asked for again as it was, or with more in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amer_tf.search.run_error import RunError
from amer_tf.search.run_result import hand_made_system, is_comparison
from amer_tf.search.state import CONFIG_FILE, RunFolder


def claim(run: RunFolder, config: Mapping[str, Any]) -> None:
    """Records what is compared, or checks that what the folder holds is a part of it.

    More systems may be asked for than are there, with settings of their own, and more seeds; all
    else is as it was. What is recorded stays so until `record`.

    Args:
        run: The folder of the comparison.
        config: What is to be compared: `systems`, `seeds`, maybe `own` settings of systems by name,
            and whatever else must be the same.

    Raises:
        RunError: Where a system or seed is left out, or anything else is another.
    """
    found = run.read_json(CONFIG_FILE)
    if found is None:
        run.claim(config)
        return
    if not is_comparison(run):
        kind = "a search" if "steps" in found else "something else"
        system = hand_made_system(run)
        raise RunError(
            "The folder of a comparison must be new, or hold one, and this one holds no comparison "
            f"but {kind if system is None else f'a run of {system}'}: use a new {run.PLACE}. "
            f"Received: {run.ARGUMENT}={str(run.path)!r}"
        )
    for what in ("systems", "seeds"):
        left_out = [str(each) for each in found[what] if each not in config[what]]
        if left_out:
            raise RunError(
                f"{run.path} holds a comparison that also has the {what} {', '.join(left_out)}. "
                f"Name all {what} that it has, to which others may be added, or use a new "
                f"{run.PLACE}. Received: {what}={', '.join(map(str, config[what]))}"
            )
    if found["seeds"][0] != config["seeds"][0]:
        raise RunError(
            f"{run.path} holds a comparison whose first seed is {found['seeds'][0]}, by which "
            f"settings are tuned and searches audited. Begin with it, or use a new {run.PLACE}. "
            f"Received: seeds={', '.join(map(str, config['seeds']))}"
        )
    own = {name: of for name, of in config.get("own", {}).items() if name in found["systems"]}
    rest = {name: value for name, value in config.items() if name != "own"}
    known = {"systems": found["systems"], "seeds": found["seeds"], **({"own": own} if own else {})}
    run.claim({**rest, **known})


def record(run: RunFolder, config: Mapping[str, Any]) -> None:
    """Writes down what is compared now, which `claim` has found no fault with.

    Raises:
        RunError: Where the disk refuses.
    """
    run.write_json(CONFIG_FILE, config)
