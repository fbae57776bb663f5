"""Cookies of ours: none of them is for scripts or for other sites."""

from dataclasses import dataclass

from starlette.responses import Response

HOST = "__Host-"
"""A browser takes a cookie with this prefix only by https, without a domain and for the path `/`: no neighbour under
the same domain can set one (RFC 6265bis, section 4.1.3.2)."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """One that an answer sets: HttpOnly, SameSite=Lax, for the whole site."""

    name: str
    value: str
    max_age: int | None = None
    """Seconds; 0 takes it away, none keeps it until the browser is closed."""

    def put_on(self, response: Response, *, is_secure: bool = False) -> None:
        """Set it by this answer, for https alone if `is_secure` or if it has the prefix."""
        response.set_cookie(
            self.name,
            self.value,
            max_age=self.max_age,
            path="/",
            secure=is_secure or self.name.startswith(HOST),
            httponly=True,
            samesite="lax",
        )


@dataclass(frozen=True, slots=True)
class CookieNames:
    """What our cookies are called: by https with the prefix, on plain http (development) without."""

    access: str
    """The access token."""
    session: str
    """The refresh token."""
    visitor: str
    """Which browser it is, while nobody is signed in."""

    @staticmethod
    def at(public_url: str) -> "CookieNames":
        """The names for a platform that people reach at this address."""
        prefix = HOST if public_url.startswith("https://") else ""
        return CookieNames(f"{prefix}dawr-access", f"{prefix}dawr-session", f"{prefix}dawr-visitor")
