"""The program `amer` with three candidates a block instead of eleven; compiled as ever."""

import sys

from amer_tf.cli.main import main
from amer_tf.search import behavior_search
from tests.search import small_run

if __name__ == "__main__":
    behavior_search.BehaviorSpace = small_run.SmallSpace
    sys.exit(main())
