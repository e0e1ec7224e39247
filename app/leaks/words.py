"""Words for what was found and done, the same on pages, in mail and in webhooks."""

from app.leaks import models
from app.leaks.models import LeakFind

POLICIES = {
    models.REVOKE: "Revoke it",
    models.QUARANTINE: "Disable it",
    models.NOTIFY: "Only tell us",
}
POLICY_HINTS = {
    models.REVOKE: "It stops within a second, for good. Whoever found it has nothing.",
    models.QUARANTINE: "It stops within a second. You can enable it again, though whoever found it can use it then. "
    "Admin keys are revoked.",
    models.NOTIFY: "It keeps working, for whoever found it too, until one of you revokes it.",
}
DONE = {
    models.REVOKED: "Revoked",
    models.DISABLED: "Disabled",
    models.ENDED: "Former secret ended",
    models.TOLD: "Told only",
    models.TEST: "Test key, noted",
    models.DEAD: "Dead already, noted",
}
SENTENCES = {
    models.REVOKED: "It was revoked: every gateway refuses it within a second, for good.",
    models.DISABLED: "It was disabled: every gateway refuses it within a second, until somebody enables it again.",
    models.ENDED: "What leaked is a former secret of a rotated key. It was ended; the present one goes on.",
    models.TOLD: "It still works, as your organisation chose. Revoke it as soon as what uses it has another.",
    models.TEST: "It is a test key, which reaches samples only. Nothing was done.",
    models.DEAD: "It opened nothing any more. Nothing had to be done.",
}
_OF_ADMIN_KEYS = {
    models.REVOKED: "It was revoked: the API refuses it from now on, for good.",
    models.TOLD: "It still works, as your organisation chose. Revoke it as soon as what uses it has another.",
}
SOURCES = {
    "content": "a file on GitHub",
    "commit": "a commit on GitHub",
    "pull_request_title": "the title of a pull request",
    "pull_request_description": "a pull request",
    "pull_request_comment": "a comment on a pull request",
    "issue_title": "the title of an issue",
    "issue_description": "an issue",
    "issue_comment": "a comment on an issue",
    "discussion_title": "the title of a discussion",
    "discussion_body": "a discussion",
    "discussion_comment": "a comment on a discussion",
    "commit_comment": "a comment on a commit",
    "gist_content": "a gist",
    "gist_comment": "a comment on a gist",
    "npm": "an npm package",
    "unknown": "a place on GitHub",
    "form": "a place that somebody reported",
    "drill": "a drill",
}
"""Where, to be read after “found in”, by source: GitHub's (docs.github.com, “Secret scanning partner program”) in lower
case, and ours.
"""
REPORTERS = {
    models.GITHUB: "GitHub",
    models.FORM: "Somebody, by the public form",
    models.DRILL: "A drill",
}


def sentence(find: LeakFind) -> str:
    """What was done with the key that was found."""
    own = _OF_ADMIN_KEYS if find.admin_key_id is not None else {}
    return own.get(find.did, SENTENCES[find.did])
