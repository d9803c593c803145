"""`python -m amer_tf`: the same as the console script `amer`."""

import sys

from amer_tf.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
