"""Avazu: advertisements on mobile devices, clicked or not."""
