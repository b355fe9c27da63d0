"""Which engines there are, which are ready, and who has borrowed them."""
