"""Runs one fuzz target under Atheris: `python -m tests.fuzz.under_atheris TARGET [libFuzzer's arguments]`."""

import sys
from importlib import import_module


def main(arguments: list[str]) -> None:
    # Atheris is not installed where types are checked.
    atheris = import_module("atheris")
    name, *options = arguments
    # Nothing of wsserve may be imported before this, or it would give the fuzzer no coverage to go by.
    with atheris.instrument_imports(include=["wsserve"]):
        target = import_module(f"tests.fuzz.{name}")
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
