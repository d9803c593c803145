"""Amazon Beauty: the reviews of one product category as sequences of items."""
