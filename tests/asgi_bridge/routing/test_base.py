"""What every route has in common."""

import inspect

import pytest

from tests.asgi_bridge.routing.routes import Noting
from wsserve.asgi_bridge.exceptions import NoMatchFound
from wsserve.asgi_bridge.routing.base import place_of_call
from wsserve.asgi_bridge.routing.host import Host


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_mistakes_have_the_place_of_the_declaration() -> None:
    route, line = Host("a b", len), here()  # type: ignore[arg-type]  # only to be declared
    (mistake,) = route.mistakes()
    assert (mistake.file, mistake.line) == (__file__, line)
    assert (
        str(mistake) == f"{__file__}:{line}: the host 'a b': it is no host; a host has neither scheme nor port nor path"
    )


def test_the_place_of_code_that_nobody_called() -> None:
    namespace = {"__name__": "wsserve.asgi_bridge.routing.tried", "place_of_call": place_of_call}
    place = eval("place_of_call()", namespace)
    assert place.file == __file__


def test_a_route_and_its_path() -> None:
    route = Noting("/chat/{room}", name="chat")
    path = route.path_for("chat", room="a b")
    assert (path, path.protocol, path.host) == ("/chat/a%20b", "websocket", "")
    assert Noting("/chat", name="chat", kinds=["http"]).path_for("chat").protocol == "http"
    assert list(route.declared()) == [route]
    assert route.kinds == {"websocket"}
    assert route.methods is None
    assert not route.is_prefix
    assert route.mistakes() == []


@pytest.mark.parametrize(("name", "params"), [("other", {"room": "a"}), ("chat", {}), ("chat", {"room": 5})])
def test_l12_what_is_not_its_path(name: str, params: dict[str, object]) -> None:
    with pytest.raises(NoMatchFound) as caught:
        Noting("/chat/{room}", name="chat").path_for(name, **params)
    assert (caught.value.name, caught.value.params) == (name, params)


def test_l12_a_route_without_a_name_has_no_path() -> None:
    with pytest.raises(NoMatchFound):
        Noting("/chat").path_for("")
