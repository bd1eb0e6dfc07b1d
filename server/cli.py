"""The `wsserve` command."""


def main() -> None:
    """Run the command line."""
