"""`python -m wsserve module:app` is `wsserve module:app`."""

from wsserve.server.cli import main

if __name__ == "__main__":
    main()
