"""The figures of the delivery path, each beside its target: ``python -m benchmarks.ingest --help``."""
