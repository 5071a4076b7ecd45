"""The API against its own schema: valid and many invalid requests cause no server error."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.server.test_access import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

SCHEMA = schemathesis.openapi.from_path(ROOT / "frontend" / "src" / "sync" / "openapi.json")
OPERATIONS = {
    f"{operation.ok().method.upper()} {operation.ok().path}": operation.ok()
    for operation in SCHEMA.get_all_operations()
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_nothing_that_is_sent_is_answered_by_a_failure_of_the_server(name, world, api, user_factory):  # noqa: F811
    operation = OPERATIONS[name]
    client = api(user_factory("manager"))
    client.raise_request_exception = False

    @hypothesis_settings(
        max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
        database=None,
    )  # fmt: skip
    @given(case=operation.as_strategy(), real=st.booleans())
    def send(case, real):
        if real:
            # Else almost everything would be answered by 404.
            case.path_parameters = {key: world.get(key, value) for key, value in case.path_parameters.items()}
        body = "" if case.body is schemathesis.core.NOT_SET else json.dumps(case.body, default=str)
        answer = client.generic(
            case.method, case.formatted_path, body, case.media_type or "application/json",
            query_params={key: value for key, value in (case.query or {}).items() if value is not None},
        )  # fmt: skip
        assert answer.status_code < 500, (case.method, case.formatted_path, case.query, body)
        if answer.streaming:
            # To the end: closing it would close the test's own connection.
            b"".join(answer.streaming_content)
        elif answer.status_code >= 400 and case.method != "HEAD":
            assert answer["Content-Type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "code"} <= set(answer.json())

    send()
