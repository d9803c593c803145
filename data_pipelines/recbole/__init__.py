"""RecBole's atomic files: one format for many published data sets."""
