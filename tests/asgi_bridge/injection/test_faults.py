"""The body of problem details that names each fault."""

import json

from wsserve.asgi_bridge.endings import denial_for
from wsserve.asgi_bridge.injection.faults import Fault, InvalidRequestError


def test_h6_the_denial_names_each_fault_as_problem_details() -> None:
    error = InvalidRequestError([Fault("query", "max_users", "expected int"), Fault("header", "x-token", "missing")])
    denial = denial_for(error)
    assert denial is not None
    assert denial.status == 422
    assert ("content-type", "application/problem+json") in denial.headers
    assert json.loads(denial.body) == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "query 'max_users': expected int; header 'x-token': missing",
        "errors": [
            {"in": "query", "name": "max_users", "message": "expected int"},
            {"in": "header", "name": "x-token", "message": "missing"},
        ],
    }
    assert str(error) == "422 query 'max_users': expected int; header 'x-token': missing"


def test_a_fault_that_two_parameters_find_is_named_once() -> None:
    fault = Fault("query", "n", "expected int")
    assert InvalidRequestError([fault, fault]).faults == [fault]
