"""Criteo: display advertisements, clicked or not."""
