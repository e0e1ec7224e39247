"""What a browser does at the pages of paying."""


def fields_of(answer, action):
    return next(dict(form.fields) for form in answer.page.forms if form.method == "post" and form.action == action)


def agree(browser, path, **more):
    """Look, and press the button; gives the answer."""
    shown = browser.get(path)
    fields = fields_of(shown, path.partition("?")[0])
    return browser.post(path.partition("?")[0], **{**fields, **more})


def pay(shop, browser, path):
    """Look, agree, pay at Checkout, come back."""
    answer = agree(browser, path)
    session_id = answer.location.rsplit("/", 1)[1]
    visit = type("Visit", (), {"session_id": session_id})
    assert shop.pay(visit) == ""
    return browser.get(f"/billing/return?session_id={session_id}", status=303)
