"""Fitting and scoring of models over any tf.data."""
