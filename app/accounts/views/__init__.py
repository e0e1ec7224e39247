"""The landing page, signing in and out, and the page about one's own sessions and ways in."""

from app.accounts.views import account, again, landing, mail, sign_in

blueprints = (landing.bp, sign_in.bp, account.bp, again.bp, mail.bp)
