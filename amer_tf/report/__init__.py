"""What a search found, as one page that anyone can open."""

from amer_tf.report.page import REPORT_FILE, write_report
from amer_tf.report.plots import MissingPackageError

__all__ = ["REPORT_FILE", "MissingPackageError", "write_report"]
