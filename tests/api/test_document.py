"""The OpenAPI document says what the API does: schemathesis asks every address as it says, and against it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from tests.plans.catalogues import apply

EXAMPLES = 6
LOOKED_AT = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
]
"""Not that all it makes up is accepted: whether an expiry is over, or a tool exists, no schema says."""


@pytest.mark.parametrize("mode", GenerationMode)
def test_answers_are_as_the_document_says(app, owner, program, make, session, now, mode):
    api = program(owner.organisation)
    make.key(owner.organisation)
    apply(session, now=now)
    session.commit()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case):
            case.call_and_validate(headers={"Authorization": f"Bearer {api.secret}"}, checks=LOOKED_AT)

        ask()

    assert len(operations) >= 72
