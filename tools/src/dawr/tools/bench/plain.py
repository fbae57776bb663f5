"""The peers: a plain FastAPI app with a POST of the intake's body, a GET of ready bytes, and a page of a template.

It is served as the services are.
"""

import sys
from datetime import date, timedelta

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from pydantic import BaseModel


class Wish(BaseModel):
    service: str
    tier: str
    office: str
    date: date
    window: str | None = None


_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><link rel="stylesheet" href="/plain.css"></head>
<body>
<header><a href="/">{{ name }}</a><nav><a href="/services">Services</a> <a href="/sign-in">Sign in</a></nav></header>
<main>
<h1>{{ title }}</h1>
<table><thead><tr>{% for each in weekdays %}<th scope="col">{{ each }}</th>{% endfor %}</tr></thead><tbody>
{% for week in days|batch(7) %}
<tr>
{% for day in week %}
<td><a href="{{ link }}/{{ day.date }}?tier={{ tier }}" class="{{ 'few' if day.left < 6 else 'many' }}">
<span class="hidden"><time datetime="{{ day.date }}">{{ day.name }}</time>, </span>
<strong aria-hidden="true">{{ day.number }}</strong>
<small>{{ day.left }} <span class="word">{{ "seat left" if day.left == 1 else "seats left" }}</span></small></a></td>
{% endfor %}
</tr>
{% endfor %}
</tbody></table>
</main>
<footer><ul><li><a href="/help">Help</a></li><li><a href="/privacy">Privacy</a></li></ul></footer>
</body></html>
""")
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_CELLS = 35

app = FastAPI()


@app.post("/turns", status_code=202)
async def take_turn(wish: Wish) -> dict[str, str]:
    return {"service": wish.service, "date": wish.date.isoformat()}


@app.get("/days")
async def days(size: int) -> Response:
    return Response(b"." * size, media_type="application/json")


@app.get("/page", response_class=HTMLResponse)
async def page() -> str:
    first = date(2026, 11, 1)
    days = [
        {"date": day.isoformat(), "name": f"{day:%A %d %B}", "number": day.day, "left": number}
        for number in range(_CELLS)
        for day in [first + timedelta(days=number)]
    ]
    link = "/services/PASS_REN/offices/OFF-01/days"
    return _PAGE.render(title="Choose a day", name="Plain", weekdays=_WEEKDAYS, days=days, link=link, tier="N")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
