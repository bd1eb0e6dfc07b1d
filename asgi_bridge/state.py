"""State with attributes."""

from collections.abc import Iterator, MutableMapping
from typing import Any


class State(MutableMapping[str, Any]):
    """A view of a mapping such as `scope["state"]`, in which each item is an attribute too: `state.database`.

    What is set here is set in the mapping.
    """

    __slots__ = ("_items",)
    _items: MutableMapping[str, Any]

    def __init__(self, items: MutableMapping[str, Any] | None = None) -> None:
        object.__setattr__(self, "_items", {} if items is None else items)

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._items[name] = value

    def __delitem__(self, name: str) -> None:
        del self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._items[name]
        except KeyError:
            raise AttributeError(f"the state has no {name!r}: a lifespan or the handler puts it there") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._items[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self._items[name]
        except KeyError:
            raise AttributeError(f"the state has no {name!r}: a lifespan or the handler puts it there") from None

    def __repr__(self) -> str:
        return f"State({self._items!r})"
