import pytest

from benchmarks.loads import select_loads
from benchmarks.server_process import FOLDER
from benchmarks.server_table import SERVERS, Family, select_servers


def test_selection() -> None:
    assert select_servers([]) == list(SERVERS)
    assert [server.name for server in select_servers(["raw", "wsserve"])] == ["wsserve", "raw"]
    with pytest.raises(ValueError, match="there is no server 'apache'; the servers are wsserve, "):
        select_servers(["apache"])


def test_port_is_filled_in() -> None:
    [load] = select_loads(["64b"])
    for server in SERVERS:
        command = server.command_for(load, 4711)
        assert any("4711" in word for word in command)
        assert not any("{" in word for word in command)


def test_programs_exist() -> None:
    for server in SERVERS:
        for word in server.command:
            if word.endswith((".py", ".cjs")):
                assert (FOLDER / word).exists()
            elif word.endswith(":app"):
                assert (FOLDER / f"{word.removesuffix(':app')}.py").exists()


def test_defaults_but_for_the_fragments_of_linearity() -> None:
    [server] = select_servers(["wsserve"])
    [load] = select_loads(["linear-fragments"])
    assert server.command_for(load, 1)[-2:] == ["--ws-max-fragments", "1000000"]
    assert not any("ws-max" in word for load in select_loads(["1m"]) for word in server.command_for(load, 1))


def test_linearity_is_no_matter_of_peers() -> None:
    [load] = select_loads(["linear-bytes"])
    assert {server.family for server in SERVERS if server.runs(load)} == {Family.WSSERVE}
    bare = [server for server in SERVERS if server.family is not Family.FRAMEWORK and server.name != "wsserve-routed"]
    assert all(server.runs(other) for server in bare for other in select_loads(["64b", "idle"]))


def test_routed_handlers_are_compared_among_themselves() -> None:
    [echo, dispatch] = select_loads(["64b", "dispatch"])
    routed = ["wsserve-class", "wsserve-routed", "uvicorn-starlette", "uvicorn-fastapi", "uvicorn-lihil"]
    assert [server.name for server in SERVERS if server.runs(dispatch)] == routed
    assert [server.name for server in SERVERS if server.name in routed and server.runs(echo)] == ["wsserve-class"]
