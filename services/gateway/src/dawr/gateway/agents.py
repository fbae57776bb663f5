"""What a session's owner reads of the browser it was begun in: its family and the system, in words of ours."""

_FAMILIES = (
    # The first that is found: most browsers name the ones they descend from, too.
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def family(user_agent: str | None) -> str:
    """`Firefox, Android`; empty if nothing is known. Nothing of what was sent is kept as it was written."""
    found = [_named(user_agent or "", names) for names in (_FAMILIES, _SYSTEMS)]
    return ", ".join(each for each in found if each)


def _named(user_agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in names if mark in user_agent), "")
