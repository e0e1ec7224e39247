"""What every refusal of the API has."""


def problem(answer, status):
    """Its words."""
    said = answer.get_json()
    assert answer.mimetype == "application/problem+json"
    assert said["status"] == answer.status_code == status, said
    assert said["request_id"] == answer.headers["Postern-Request-Id"]
    return said["detail"]
