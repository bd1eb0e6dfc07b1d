"""Runs of the Autobahn test suite against wsserve, and the results that are expected of them."""
