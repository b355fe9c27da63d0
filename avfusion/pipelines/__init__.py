"""One verb a file: each takes a clip and what the user wants, and returns a `Report` of what it did."""
