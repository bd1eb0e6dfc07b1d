"""One value of a request: where it is, and how it becomes what the parameter asks for."""

from inspect import Parameter
from operator import attrgetter
from typing import Any, Final, Literal

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.injection.conversion import ValueType
from wsserve.asgi_bridge.injection.faults import Fault

Part = Literal["path", "query", "header", "cookie"]

_MAPPINGS: Final = {
    "path": attrgetter("path_params"),
    "query": attrgetter("query_params"),
    "header": attrgetter("headers"),
    "cookie": attrgetter("cookies"),
}


class FaultyValueError(Exception):
    """A value of the request is missing or wrong."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault)


class Value:
    """A value of the path, the query, the headers or the cookies.

    A type that takes several gets all values of the name; of a type that takes one the first value counts, as in
    `websocket.query_params[name]`. The default stands in for a value that is absent, never for a wrong one. With
    `path_first` a value of that name in the path counts before one in the `part`: the path of an `Include` around a
    route has parameters that the route knows nothing of.
    """

    __slots__ = ("_all", "_default", "_mapping", "_part", "_type", "name", "path_first")

    def __init__(
        self,
        part: Part,
        name: str,
        value_type: ValueType,
        default: Any = Parameter.empty,
        *,
        path_first: bool = False,
    ) -> None:
        self.name = name
        self.path_first = path_first
        self._part = part
        self._type = value_type
        self._default = default
        self._mapping = _MAPPINGS[part]
        self._all = value_type.is_several and part in ("query", "header")

    def read(self, connection: ConnectionData) -> Any:
        """Return the connection's value. Raises `FaultyValueError` when it is missing or wrong."""
        if self.path_first and self.name in (connection.scope.get("path_params") or ()):
            found = connection.scope["path_params"][self.name]
            return self._converted([found] if self._type.is_several else found, "path")
        mapping = self._mapping(connection)
        found = mapping.getall(self.name, None) if self._all else mapping.get(self.name)
        if found is None:
            if self._default is not Parameter.empty:
                return self._default
            raise FaultyValueError(Fault(self._part, self.name, "required, but missing"))
        if self._type.is_several and not self._all:
            found = [found]
        return self._converted(found, self._part)

    def _converted(self, found: Any, part: Part) -> Any:
        try:
            return self._type.convert(found)
        except Exception as error:
            raise FaultyValueError(Fault(part, self.name, self._type.explain(error))) from None


class Constant:
    """A default that nothing of the connection can replace."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def read(self, _connection: ConnectionData) -> Any:
        """Return the default."""
        return self._value
