"""`make bench`: wsserve measured beside its peers, on one core, with the load on another.

Run from the repository's folder as `python -m benchmarks`; docs/performance.md says what is measured and how.
"""
