"""Files in, files out: `probe` and `read` make a `Clip` and its frames, `write` and `audio` make a file of them."""
