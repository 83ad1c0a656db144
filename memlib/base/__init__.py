"""The ground: errors, seeds, files, keys, threads; knows nothing of networks or papers."""
