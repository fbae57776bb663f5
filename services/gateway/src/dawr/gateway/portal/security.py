"""What every page tells browsers to allow, and where a page may send somebody."""

import re
from urllib.parse import urlsplit

YEAR_SECONDS = 365 * 24 * 3600
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*\Z")
_LONGEST_PATH = 2000


class Headers:
    """The headers of pages, the same for each: scripts, styles and fonts of our own only, no frames, no referrers."""

    def __init__(self, public_url: str, *, checkout_origins: tuple[str, ...] = ()) -> None:
        """`checkout_origins`: where forms may lead beside here, as browsers follow a form's redirects by this rule."""
        forms = " ".join(("'self'", *checkout_origins))
        self._headers = {
            "content-security-policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
                "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                f"form-action {forms}"
            ),
            "referrer-policy": "same-origin",
            "x-frame-options": "DENY",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }
        if urlsplit(public_url).scheme == "https":
            self._headers["strict-transport-security"] = f"max-age={YEAR_SECONDS}; includeSubDomains"

    def for_page(self, lang: str) -> dict[str, str]:
        """Those of a page in a language: it is the visitor's own, and kept nowhere."""
        return {
            **self._headers,
            "content-language": lang,
            "cache-control": "no-store",
            "vary": "accept-language, cookie",
        }


def own_path(text: str | None, *, otherwise: str = "/") -> str:
    """The path and query of a page of ours; `otherwise` for anything that could lead elsewhere.

    Browsers read `//host`, `/\\host` and control characters within as another site's address (an open redirect).
    """
    if text is None or len(text) > _LONGEST_PATH or not _OWN_PATH.match(text) or "\\" in text:
        return otherwise
    parts = urlsplit(text)
    return otherwise if parts.scheme or parts.netloc else text
