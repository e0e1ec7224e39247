"""Templates without the portal around them."""

import pytest
from flask import Flask, render_template_string

from app.core.config import ROOT
from app.web import assets, styleguide, templating


@pytest.fixture(scope="session")
def bare_app():
    """Only what the templates need: no database, no sessions."""
    app = Flask("components", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.secret_key = "not a secret"
    templating.install(app)
    assets.install(app)
    app.add_template_global(lambda: "the-token", "csrf_token")
    app.register_blueprint(styleguide.bp)
    return app


@pytest.fixture
def render(bare_app):
    """The HTML of a piece of template."""

    def go(source, **context):
        with bare_app.test_request_context():
            return render_template_string(source, **context)

    return go
