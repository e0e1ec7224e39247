"""Files that pages load: named by their content, packed once, and never anything but what is meant to be served."""

import gzip
import os

import pytest
from flask import Flask

from app.web import assets

YEAR = "public, max-age=31536000, immutable"
PACKED = {"Accept-Encoding": "br, gzip"}


@pytest.fixture
def folder(tmp_path):
    """A small project: two style sheets, two scripts, one picture, and htmx installed."""
    for path, text in {
        "static/css/tokens.css": "@layer reset, base;\n/* for whoever edits */\n:root { --ink: #000 }\n",
        "static/css/utilities.css": ".muted { color: var(--ink) }\n" * 20,
        "static/css/components/button.css": ".btn { color: red }\n",
        "static/js/one.js": "const name = 1;\n",
        "static/js/two.js": "const name = 2;\n",
        "static/img/favicon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "node_modules/htmx.org/dist/htmx.min.js": "var htmx = {};",
        "secret.txt": "not yours",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def serve(folder):
    """Starts a process that serves the folder: answers (its client, the URL of a name)."""

    def start(**options):
        app = Flask("assets", static_folder=None)
        made = assets.install(app, root=folder, **options)

        def url(name):
            with app.test_request_context():
                return made.url(name)

        return app.test_client(), url

    return start


def test_sheets_are_joined_in_the_order_of_their_layers(serve):
    client, url = serve()

    text = client.get(url("app.css")).text

    assert text.index("@layer") < text.index(".btn") < text.index(".muted")
    assert "whoever" not in text


def test_each_script_keeps_its_names_to_itself(serve):
    client, url = serve()

    assert client.get(url("app.js")).text == "{\nconst name = 1;\n}\n{\nconst name = 2;\n}\n"


def test_address_is_kept_for_a_year_and_changes_with_the_content(serve, folder):
    client, url = serve()
    before = url("app.css")
    (folder / "static/css/utilities.css").write_text(".muted { color: blue }")
    _, url_after = serve()

    assert client.get(before).headers["Cache-Control"] == YEAR
    assert url_after("app.css") != before
    assert url_after("app.js") == url("app.js")


def test_address_of_an_earlier_release_gets_the_present_file_uncached(serve):
    client, _ = serve()

    answer = client.get("/static/000000000000/app.css")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_edit_is_seen_at_once_in_development_only(serve, folder):
    (fixed, fixed_url), (live, live_url) = serve(), serve(reload=True)
    edited = folder / "static/css/components/button.css"
    edited.write_text(".btn { color: green }")
    os.utime(edited, (1, 1))
    (folder / "static/css/components/card.css").write_text(".card { color: blue }")

    assert "green" not in fixed.get(fixed_url("app.css")).text
    assert {"green", "blue"} <= set(live.get(live_url("app.css")).text.replace(";", " ").split())
    assert live.get(live_url("app.css")).headers["Cache-Control"] == YEAR


def test_picture_that_is_added_or_removed_is_noticed_in_development(serve, folder):
    client, url = serve(reload=True)
    picture = folder / "static/img/door.svg"

    assert client.get("/static/x/img/door.svg").status_code == 404
    picture.write_text("<svg/>")
    assert client.get(url("img/door.svg")).text == "<svg/>"
    picture.unlink()
    assert client.get("/static/x/img/door.svg").status_code == 404


def test_packed_form_goes_to_whoever_can_unpack(serve):
    client, url = serve()

    packed, plain = client.get(url("app.css"), headers=PACKED), client.get(url("app.css"))
    refused = client.get(url("app.css"), headers={"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_file_that_packing_would_swell_goes_as_it_is(serve):
    client, url = serve()

    answer = client.get(url("htmx.js"), headers=PACKED)

    assert "Content-Encoding" not in answer.headers
    assert answer.text == "var htmx = {};"


def test_unchanged_file_is_not_sent_again(serve):
    client, url = serve()
    tag = client.get(url("app.css"), headers=PACKED).headers["ETag"]

    answer = client.get(url("app.css"), headers={**PACKED, "If-None-Match": tag})

    assert (answer.status_code, answer.data) == (304, b"")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("htmx.js", "text/javascript; charset=utf-8"),
        ("img/favicon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_each_says_what_it_is(serve, name, kind):
    client, url = serve()

    assert client.get(url(name)).headers["Content-Type"] == kind
    assert client.get(url(name)).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/nothing.css",
        "/static/x/../secret.txt",
        "/static/x/../../secret.txt",
        "/static/x/img/../../../secret.txt",
        "/static/x/img/%2e%2e/%2e%2e/secret.txt",
        "/static/x/..%2f..%2fsecret.txt",
        "/static/x//etc/passwd",
        "/static/x/img/",
        "/static/x/css/tokens.css",
        "/static/app.css",
    ],
)
def test_nothing_else_can_be_reached(serve, path):
    client, _ = serve()

    assert client.get(path, follow_redirects=True).status_code == 404


def test_browsers_that_ask_for_favicon_ico_get_the_picture(serve):
    client, _ = serve()

    answer = client.get("/favicon.ico")

    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert answer.headers["Cache-Control"] == "public, max-age=86400"


def test_missing_package_says_what_to_run(folder):
    (folder / "node_modules/htmx.org/dist/htmx.min.js").unlink()

    with pytest.raises(assets.MissingPackageError, match=r"htmx\.min\.js is missing.*make setup"):
        assets.Assets(folder)


def test_misspelt_name_in_a_template_is_an_error(serve):
    _, url = serve()

    with pytest.raises(KeyError, match=r"app\.cs.*There are: app\.css"):
        url("app.cs")


def test_real_files_are_within_their_budget():
    made = assets.Assets()

    sizes = {name: len(made.get(name).packed) for name in ("app.css", "app.js", "htmx.js")}

    assert sizes["app.css"] <= 9_900
    assert sizes["app.js"] <= 3_400
    assert sizes["htmx.js"] <= 14_000


def test_real_scripts_can_share_one_module():
    script = assets.Assets().get("app.js").body.decode()

    assert not any(line.lstrip().startswith(("import ", "export ")) for line in script.splitlines())
