"""What people find services and offices by. Everything is compared in the form that `search_form` gives it, a function
of the database: marks, hamza, taa marbuta, alef maqsura and the article make no difference, on either side.

A word that no document has stands for words that are most like it, three at most: itself without a letter that Arabic
joins to words (`rest`), else, from four letters on, by the trigrams of `search_letters`. What has only some of the
words is found if nothing has all of them. `ts_rank` puts them in order: a name weighs more than a keyword, that more
than the agency or address, and that more than the description; a code or a whole name comes first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.services import Service
from dawr.catalog.store.things import KINDS, T, Thing, from_json

WORDS = 12
"""So many different words of a question are looked for; the rest is not read."""

_WRITTEN = """
FROM search_sources AS s
WHERE EXISTS (
    SELECT FROM unnest(CAST(:kinds AS text[]), CAST(:codes AS text[])) AS w(kind, code)
    WHERE (w.kind, w.code) IN ((s.kind, s.code), (s.owner_kind, s.owner_code))
)
"""

_KEEP_DOCUMENTS = text(f"""
INSERT INTO search_documents (kind, code, names, words)
SELECT s.kind, s.code, s.names, s.words {_WRITTEN} ORDER BY s.kind, s.code
ON CONFLICT (kind, code) DO UPDATE SET names = excluded.names, words = excluded.words
""")

_KEEP_WORDS = text(f"""
INSERT INTO search_words (kind, word)
SELECT DISTINCT said.kind, word
FROM (SELECT s.kind, s.spelt {_WRITTEN}) AS said, unnest(said.spelt) AS word
WHERE word <> '' ORDER BY said.kind, word
ON CONFLICT DO NOTHING
""")


async def keep_findable(connection: AsyncConnection, written: Iterable[Thing]) -> None:
    """Have things be found as they are now; in the transaction that writes them, after they are written.

    With an agency its services are, with a region its offices: they are found by its name too.
    """
    keys = sorted({(KINDS[type(each)], each.code) for each in written})
    if not keys:
        return
    columns = {"kinds": [kind for kind, _ in keys], "codes": [code for _, code in keys]}
    await connection.execute(_KEEP_DOCUMENTS, columns)
    await connection.execute(_KEEP_WORDS, columns)


_MATCHING = f"""
WITH question AS MATERIALIZED (
    SELECT search_form(:q) AS form
), asked AS MATERIALIZED (
    SELECT word, plainto_tsquery('catalogue', word) AS stem
    FROM (
        SELECT word FROM question, string_to_table(form, ' ') WITH ORDINALITY AS said(word, place)
        WHERE word <> '' GROUP BY word ORDER BY min(place) LIMIT {WORDS}
    ) AS words
), known AS MATERIALIZED (
    SELECT word, stem, search_letters(word) AS letters,
        CASE WHEN word ~ '^[بلوفك]' THEN substr(word, 2) ELSE '' END AS rest,
        EXISTS (SELECT FROM search_documents AS d WHERE d.kind = :kind AND d.words @@ stem) AS is_known
    FROM asked WHERE numnode(stem) > 0
), meant AS MATERIALIZED (
    SELECT CAST(stem AS text) AS terms FROM known WHERE is_known
    UNION ALL
    SELECT instead.terms
    FROM known CROSS JOIN LATERAL (
        SELECT string_agg(CAST(plainto_tsquery('catalogue', near.word) AS text), ' | ') AS terms
        FROM (
            SELECT word FROM (
                SELECT w.word, alike, max(alike) OVER () AS most_alike
                FROM search_words AS w CROSS JOIN LATERAL (
                    SELECT CASE WHEN w.word = known.rest THEN 1 ELSE similarity(w.letters, known.letters) END AS alike
                ) AS how
                WHERE w.kind = :kind AND (length(known.word) > 3 AND w.letters % known.letters OR w.word = known.rest)
            ) AS candidates
            WHERE alike >= 0.8 * most_alike ORDER BY alike DESC, word LIMIT 3
        ) AS near
        WHERE numnode(plainto_tsquery('catalogue', near.word)) > 0
    ) AS instead
    WHERE NOT is_known AND instead.terms IS NOT NULL
), sought AS MATERIALIZED (
    SELECT form, CAST(string_agg('(' || terms || ')', ' & ') AS tsquery) AS every_word,
        CAST(string_agg('(' || terms || ')', ' | ') AS tsquery) AS some_word
    FROM question LEFT JOIN meant ON true GROUP BY form
), matching AS (
    SELECT d.kind, d.code, form = ANY(d.names) OR d.words @@ every_word AS has_all,
        CAST(-1000000 * CAST(form = ANY(d.names) AS int)
            - 100000 * coalesce(ts_rank(CAST(ARRAY[0.1, 0.2, 0.5, 1.0] AS real[]), d.words, some_word), 0) AS int)
            AS place
    FROM sought CROSS JOIN search_documents AS d
    WHERE d.kind = :kind AND (d.words @@ some_word OR form = ANY(d.names))
)
"""
_ALL = """
WITH matching AS (SELECT kind, code, true AS has_all, 0 AS place FROM things WHERE kind = :kind)
"""

# Great-circle distance on a sphere of the earth's mean radius, in metres.
_METRES = """
CAST(2 * 6371008.8 * asin(least(1, sqrt(
    sin(radians(CAST(t.state ->> 'latitude' AS float) - :latitude) / 2) ^ 2
    + cos(radians(:latitude)) * cos(radians(CAST(t.state ->> 'latitude' AS float)))
        * sin(radians(CAST(t.state ->> 'longitude' AS float) - :longitude) / 2) ^ 2))) AS int)
"""
NOWHERE = 2_147_483_647
"""The place of an office in a list by distance if nobody said where it is: the last."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the map, in degrees of WGS 84."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class After:
    """Where a page of a list begins: after a thing with this code at this place."""

    place: int
    code: str


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A thing that was found."""

    thing: T
    place: int
    """What the list is sorted by, before the code: 0 in a list by code, metres in one by distance."""


async def find_services(
    connection: AsyncConnection,
    *,
    q: str | None,
    agency: str | None,
    audience: str | None,
    channel: str | None,
    after: After | None,
    limit: int,
) -> list[Found[Service]]:
    """Services in use, of an agency, for an audience, through a channel: those that `q` finds, the best first; by code
    if it is none."""
    filters = """
        AND (CAST(:agency AS text) IS NULL OR t.state ->> 'agency' = :agency)
        AND (CAST(:audience AS text) IS NULL OR t.state -> 'audiences' @> to_jsonb(CAST(:audience AS text)))
        AND (CAST(:channel AS text) IS NULL OR t.state -> 'channels' @> to_jsonb(CAST(:channel AS text)))
    """
    values = {"agency": agency, "audience": audience, "channel": channel}
    return await _find(connection, Service, q, "m.place", filters, values, after, limit)


async def find_offices(
    connection: AsyncConnection,
    *,
    q: str | None,
    region: str | None,
    service: str | None,
    near: Position | None,
    after: After | None,
    limit: int,
) -> list[Found[Office]]:
    """Offices in use, of a region, that offer a service: the nearest first; else those that `q` finds, the best first;
    else by code."""
    filters = """
        AND (CAST(:region AS text) IS NULL OR t.state ->> 'region' = :region)
        AND (CAST(:service AS text) IS NULL OR t.state -> 'services' @> to_jsonb(CAST(:service AS text)))
    """
    values: dict[str, Any] = {"region": region, "service": service}
    place = "m.place"
    if near is not None:
        place = f"coalesce({_METRES}, {NOWHERE})"
        values |= {"latitude": near.latitude, "longitude": near.longitude}
    return await _find(connection, Office, q, place, filters, values, after, limit)


async def _find(
    connection: AsyncConnection,
    kind: type[T],
    q: str | None,
    place: str,
    filters: str,
    values: Mapping[str, Any],
    after: After | None,
    limit: int,
) -> list[Found[T]]:
    rows = await connection.execute(
        text(f"""
            {_ALL if q is None else _MATCHING}
            , sifted AS (
                SELECT t.code, t.state, {place} AS place, m.has_all, bool_or(m.has_all) OVER () AS any_has_all
                FROM matching AS m JOIN things AS t USING (kind, code)
                WHERE NOT t.retired {filters}
            )
            SELECT CAST(state AS text) AS state, place FROM sifted
            WHERE (has_all OR any_has_all IS NOT TRUE)
              AND (CAST(:after_code AS text) IS NULL OR (place, code) > (CAST(:after_place AS int), :after_code))
            ORDER BY place, code LIMIT :limit
        """),
        {
            "kind": KINDS[kind],
            "after_place": None if after is None else after.place,
            "after_code": None if after is None else after.code,
            "limit": limit,
            **values,
            **({} if q is None else {"q": q}),
        },
    )
    return [Found(from_json(kind, row.state), row.place) for row in rows]
