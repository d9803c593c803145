"""Any systems on one data set: trained alike, measured on the same rows, side by side."""

from __future__ import annotations

from amer_tf.compare.comparison import Comparison as Comparison
from amer_tf.compare.measuring import Candidates as Candidates
from amer_tf.compare.result import ComparisonResult as ComparisonResult
