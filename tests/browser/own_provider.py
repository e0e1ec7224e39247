"""A second identity provider for a browser to go to. Somebody is signed in there, so it sends them straight back."""

from urllib.parse import urlencode, urlsplit

from tests.accounts.provider import Provider


class SignedIn(Provider):
    """who: the claims about whoever sits there."""

    who = {"subject": "nell", "name": "Nell New", "email": "nell@acme.example"}  # noqa: RUF012

    def answer(self, path, form, headers):
        if path != "/authorize":
            return super().answer(path, form, headers)
        portal = urlsplit(form["redirect_uri"])
        return 302, {"to": f"{portal.scheme}://{portal.netloc}{self.approve(f'?{urlencode(form)}', **self.who)}"}
