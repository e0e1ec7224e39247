"""Every component is valid HTML and says what it was given, never runs it."""

from uuid import UUID

import pytest
from flask import Flask
from markupsafe import Markup
from wtforms import BooleanField, Form, PasswordField, SelectChoice, SelectField, StringField, TextAreaField, validators

from app.core.config import ROOT
from app.web import charts, styleguide, templating
from tests.pages import Page

EVIL = "<script>alert(1)</script>\"'&"
"""What a name may hold: tags, both quotes, an ampersand."""

SNIPPETS = {
    "badge": "{{ ui.badge(evil, 'warn') }}",
    "bar_chart": "{{ ui.bar_chart(chart, evil, evil, until=now, csv_url='/a?b=1&c=2', nothing=evil) }}",
    "bar_list": "{{ ui.bar_list(shares, evil) }}",
    "button": "{{ ui.button(evil, name='a', value=evil, icon='plus', attrs={'hx-post': evil}) }}",
    "cell": "{{ ui.cell(evil, evil) }}",
    "code": "{{ ui.code(evil, evil, 'c', highlight='alert') }}",
    "confirm": "{% call ui.confirm('q', evil, evil, '/a?b=1&c=2', evil) %}{{ evil }}{% endcall %}",
    "copy": "<b id='t'></b>{{ ui.copy('t', label=evil) }}",
    "empty": "{% call ui.empty(evil, evil, action=ui.link_button('Go', '/')) %}{{ evil }}{% endcall %}",
    "fact": "<dl>{{ ui.fact(evil, evil) }}</dl>",
    "facts": "{% call ui.facts() %}{{ ui.fact('a', evil) }}{% endcall %}",
    "field": "{{ ui.field(form.name, hint=evil, label=evil) }}",
    "flashes": "{{ ui.flashes([('message', evil), ('error', evil)]) }}",
    "form": "{% call ui.form('/a?b=1&c=2') %}{{ evil }}{% endcall %}",
    "form_errors": "<b id='name'></b>{{ ui.form_errors(form) }}",
    "icon": "{{ ui.icon('key', label=evil) }}",
    "input": "{{ ui.input('n', evil, value=evil, hint=evil, errors=[evil], attrs={'placeholder': evil}) }}",
    "link_button": "{{ ui.link_button(evil, '/a?b=1&c=2', icon='key') }}",
    "mark": "{{ ui.mark() }}",
    "meter": "{{ ui.meter(50) }}",
    "notice": "{{ ui.notice(evil, title=evil, role='alert') }}",
    "page_head": "{% call ui.page_head(evil, lead=evil, over=evil) %}{{ evil }}{% endcall %}",
    "pager": "{{ ui.pager(newer_url='/a?b=1&c=2', older_url='/b', label=evil) }}",
    "pages": "{{ ui.pages({'number': 2, 'has_next': true, 'name': 'n'}, 'styleguide.index', label=evil, c=1) }}",
    "panel": "{% call ui.panel() %}{{ evil }}{% endcall %}",
    "portrait": "{{ ui.portrait(house, label=evil) }}",
    "row": "<table>{% call ui.row(id='r', is_gone=true) %}{{ ui.cell('a', evil, is_head=true) }}{% endcall %}</table>",
    "secret": "{{ ui.secret(evil, evil, note=evil) }}",
    "section_head": "{{ ui.section_head(evil, note=evil, level=3) }}",
    "segments": "{{ ui.segments([{'label': evil, 'url': '/a?b=1&c=2', 'is_current': true}], evil) }}",
    "sparkline": "{{ ui.sparkline(spark, evil) }}",
    "stat": "<dl>{{ ui.stat(evil, evil, unit=evil, note=evil) }}</dl>",
    "stats": "{% call ui.stats() %}{{ ui.stat('a', evil) }}{% endcall %}",
    "step": "<ol>{% call ui.step(evil) %}{{ evil }}{% endcall %}</ol>",
    "steps": "{% call ui.steps() %}{% call ui.step('a') %}{{ evil }}{% endcall %}{% endcall %}",
    "table": "{% call ui.table(evil, [evil, {'label': evil, 'url': '/?a=1&b=2', 'sort': 'ascending'}]) %}{% endcall %}",
    "tabs": "{% call(tab) ui.tabs('t', [{'id': 'a', 'label': evil}], evil) %}{{ evil }}{% endcall %}",
    "time": "{{ ui.time(now) }}",
    "waiting": "{{ ui.waiting(evil) }}",
}
"""One use of each macro with EVIL wherever a person's words may end up."""


class EvilForm(Form):
    name = StringField(EVIL, [validators.InputRequired(EVIL)])


class EveryControl(Form):
    name = StringField("Name", [validators.Length(min=3, message="Give it three letters.")])
    secret = PasswordField("Secret")
    kind = SelectField("Kind", choices=[SelectChoice("a", EVIL)])
    note = TextAreaField("Note")
    agreed = BooleanField("Agreed", [validators.InputRequired("Tick this.")])


@pytest.fixture
def values():
    """What SNIPPETS use besides words."""
    form = EvilForm(data={"name": ""})
    form.validate()
    return {
        "evil": EVIL,
        "house": styleguide.House(EVIL, UUID(int=7)),
        "form": form,
        "now": styleguide.NOW,
        "chart": charts.stacked_bars([EVIL], [charts.Series(EVIL, (1.0,), "1"), charts.Series("b", (2.0,), "ok")]),
        "shares": charts.shares([(EVIL, 3)], urls=["/a?b=1&c=2"]),
        "spark": charts.sparkline([1, 2]),
    }


def test_each_component_is_in_the_list_above(bare_app):
    assert bare_app.jinja_env.globals["ui"].names() == tuple(sorted(SNIPPETS))


@pytest.mark.parametrize("name", SNIPPETS)
def test_component_is_valid_and_escapes_what_it_is_given(render, values, name):
    html = render(SNIPPETS[name], **values)
    page = Page(html)

    assert page.problems == []
    assert "<script" not in html
    assert "&amp;lt;" not in html, "escaped twice"
    assert "?b=1&c" not in html
    if "evil" in SNIPPETS[name].replace("label=evil", ""):
        assert "&lt;script&gt;" in html


def test_style_guide_shows_every_component():
    source = (ROOT / "templates/styleguide/index.html").read_text() + (
        ROOT / "templates/layouts/public.html"
    ).read_text()

    elsewhere = ("copy", "panel", "mark", "pages")
    assert [name for name in SNIPPETS if f"ui.{name}(" not in source and name not in elsewhere] == []


@pytest.mark.parametrize("kind", [{"class": "x"}, {}])
def test_fields_tie_words_to_their_control(render, kind):
    form = EveryControl(data={"name": "ab"})
    form.validate()

    html = render("{{ ui.field(form.name, hint='Short.', attrs=kind) }}", form=form, kind=kind)

    assert 'aria-describedby="name-hint name-error"' in html
    assert 'aria-invalid="true"' in html
    assert "Give it three letters." in Page(html).text
    assert 'value="ab"' in html


@pytest.mark.parametrize(
    ("field", "control"),
    [("secret", 'type="password"'), ("kind", "<select"), ("note", "<textarea"), ("agreed", 'type="checkbox"')],
)
def test_fields_draw_each_control(render, field, control):
    html = render("{{ ui.field(form[field]) }}", form=EveryControl(), field=field)

    assert control in html
    assert f'<label class="field__label" for="{field}">' in html
    assert "aria-invalid" not in html
    assert "aria-describedby" not in html
    assert Page(html).problems == []


def test_errors_lead_to_their_fields(render):
    form = EveryControl(data={"name": "ab", "kind": "a"})
    form.validate()

    page = Page(render("<i id='name'></i><i id='agreed'></i>{{ ui.form_errors(form) }}", form=form))

    assert page.links == {"#name": "Give it three letters.", "#agreed": "Tick this."}


def test_form_without_errors_says_nothing(render):
    assert render("{{ ui.form_errors(form) }}", form=EveryControl()).strip() == ""


def test_forms_that_change_something_carry_the_token(render):
    post, get = (render("{% call ui.form('/a', method=m) %}{% endcall %}", m=method) for method in ("post", "get"))

    assert Page(post).form("/a").fields == {"csrf_token": "the-token"}
    assert Page(get).form("/a").fields == {}


def test_table_cells_know_their_column_and_their_role(render):
    html = render("{{ ui.cell('Size', '3 kB', kind='number') }}{{ ui.cell('Name', 'ci', is_head=true) }}")

    assert html.split("<td")[1].startswith(' role="cell" class="is-number" data-label="Size">3 kB</td>')
    assert '<th role="rowheader" scope="row" data-label="Name">ci</th>' in html


def test_sorted_column_says_which_way(render):
    html = render(
        "{% call ui.table('Keys', [{'label': 'Name', 'url': '/?by=name', 'sort': 'ascending'}]) %}{% endcall %}"
    )

    assert 'aria-sort="ascending"' in html
    assert '<a href="/?by=name">Name' in html


def test_rows_may_be_blocks_of_the_page(bare_app):
    page = bare_app.jinja_env.from_string(
        "{% call ui.table('Keys', ['Name']) %}{% for name in names %}{% block row scoped %}"
        "{% call ui.row(id=name) %}{{ ui.cell('Name', name) }}{% endcall %}"
        "{% endblock %}{% endfor %}{% endcall %}"
    )

    whole = page.render(names=["a", "b"])
    alone = "".join(page.blocks["row"](page.new_context({"name": "b"})))

    assert whole.count("<tr") == 3
    assert 'id="b"' in alone
    assert "<table" not in alone


def test_chart_has_a_table_twin_with_the_same_figures(render):
    chart = charts.stacked_bars(
        ["Mon", "Tue"],
        [charts.Series("Answered", (1200.0, 3.0), "1"), charts.Series("Failed", (7.0, 0.0), "danger")],
        open_from=1,
    )

    html = render("{{ ui.bar_chart(chart, 'Calls', 'calls') }}", chart=chart)

    assert "Tue, so far</th>" + "".join(f'<td class="is-number">{figure}</td>' for figure in (3, 0, 3)) in html
    assert "<title>Mon: 1,207 calls (1,200 answered, 7 failed)</title>" in html
    assert 'role="img" aria-label="Calls. Mon to Tue: 1,210 calls, most in Mon (1,207).' in html
    assert html.count("chart__bar--open") == 1


def test_empty_chart_says_so(render):
    chart = charts.stacked_bars(["Mon"], [charts.Series("Calls", (0.0,), "1")])

    html = render("{{ ui.bar_chart(chart, 'Calls', 'calls', nothing='No calls yet.') }}", chart=chart)

    assert html.count("No calls yet.") == 2
    assert "chart__segment" not in html


def test_small_share_is_not_called_none(render):
    html = render("{{ ui.bar_list(shares, 'calls') }}", shares=charts.shares([("a", 999), ("b", 1), ("c", 0)]))

    assert [part.split(" %")[0] for part in html.split('bars__share">')[1:]] == ["100", "&lt; 1", "0"]


def test_pager_of_one_page_is_not_there(render):
    assert render("{{ ui.pager() }}").strip() == ""


def test_flash_for_a_part_goes_into_the_region_of_the_page(render):
    html = render("{{ ui.flashes([('message', '“ci” was revoked.')], oob=true) }}")

    assert '<div class="flash" id="flash" role="status" hx-swap-oob="innerHTML">' in html


def test_misspelt_component_and_missing_value_are_errors(render):
    with pytest.raises(Exception, match="no attribute 'buton'"):
        render("{{ ui.buton('x') }}")
    with pytest.raises(Exception, match="'nothing' is undefined"):
        render("{{ ui.badge(nothing) }}")


def test_two_components_of_one_name_are_refused(tmp_path):
    (tmp_path / "components").mkdir()
    for file in ("a.html", "b.html"):
        (tmp_path / "components" / file).write_text("{% macro same() %}{% endmacro %}")
    clash = Flask("clash", root_path=str(tmp_path), template_folder=".", static_folder=None)
    templating.install(clash)

    with pytest.raises(ValueError, match="Two components are called “same”"):
        clash.jinja_env.globals["ui"].names()


def test_markup_stays_markup(render):
    assert "<b>" in render("{{ ui.notice(words) }}", words=Markup("<b>bold</b>"))
