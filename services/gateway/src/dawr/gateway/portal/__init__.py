"""The portal: pages on which people find a service, take a turn, follow it and give it back, in their language.

It holds no business rule of any service: a view asks the services' public API in its visitor's
name and shows the answer.

- `visits.Visit` is one request as a view sees it: who is there, in which language, and what they sent.
- `pages.Page` is a row of a room's table: path, view, and who may come. `pages.Portal` leads requests to views: it
  looks who is signed in, checks forms against forgery, and turns refusals into pages.
- `upstream.Services` asks the services behind: `await visit.get("/api/booking/turns")`.
- `texts` has the languages: a folder of `locale` for each, with a gettext file for each room. `forms` reads forms.
- A room is a module with `pages()`, a folder of templates and a `locale/<language>/<room>.po`; `entrance` has them all.
"""
