"""The security headers of every answer: pages, parts, errors and static files alike."""

from flask import Flask, Response

from app.core.config import Settings

STRIPE = ("https://checkout.stripe.com", "https://billing.stripe.com")
"""Where forms of ours may lead by a redirect, when payments are taken: Checkout and the customer portal."""
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'{hosts}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No inline script or style anywhere: what a stranger smuggles into a page does not run."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # our own pages keep it for CSRF checks; other hosts never learn an address
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000; includeSubDomains"  # ASVS 5.0, 3.4.1: one year or more


def install(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer; what sets no caching of its own is stored nowhere."""
    headers, content = dict(ALWAYS), policy(settings)
    if settings.is_https:
        headers["Strict-Transport-Security"] = HSTS

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in headers.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", content)  # mail shown in development has its own
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def policy(settings: Settings) -> str:
    """The Content-Security-Policy of this portal."""
    hosts: tuple[str, ...] = STRIPE if settings.takes_payments else ()
    if settings.stripe_url:
        hosts = (settings.stripe_url,)
    return _POLICY.format(hosts="".join(f" {host}" for host in hosts))
