"""Search: one form for what is written in the catalogue and for what people type, its words, and how they are spelt."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Both extensions are PostgreSQL's own and trusted: the owner of the database may create them.
_EXTENSIONS = ("CREATE EXTENSION IF NOT EXISTS pg_trgm",)

_LANGUAGES = (
    # One configuration for both languages: the script says which stemmer a word goes to.
    "CREATE TEXT SEARCH CONFIGURATION catalogue (COPY = arabic)",
    """
    ALTER TEXT SEARCH CONFIGURATION catalogue
        ALTER MAPPING FOR asciiword, asciihword, hword_asciipart WITH english_stem
    """,
)

# From the inside out: NFKD takes hamza and madda off their letters, as it takes accents off Latin ones; then marks,
# the lone hamza, the tatweel and invisible characters go; alef maqsura is written as yaa, taa marbuta as haa, Persian
# letters as their Arabic likeness, digits as 0 to 9; whatever is no letter or digit becomes a space; the 2 and 3 that
# stand for hamza and ayn in Latin letters go; and so does the article, alone or with the letter that is joined to it.
# What a letter is does not depend on the database's locale.
_FORM = r"""
CREATE FUNCTION search_form(written text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT btrim(regexp_replace(regexp_replace(regexp_replace(translate(regexp_replace(
        lower(normalize(written, NFKD) COLLATE pg_c_utf8),
        U&'[\0300-\036F\0610-\061A\0621\0640\064B-\065F\0670\06D6-\06ED'
            '\200B-\200F\202A-\202E\2060-\2069\FEFF]', '', 'g'),
        U&'\0649\06CC\0629\06C1\06D5\0671\06A9\06AF\067E\0686\06A4'
            '\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9',
        U&'\064A\064A\0647\0647\0647\0627\0643\0643\0628\062C\0641'
            '01234567890123456789'),
        '[^[:alnum:]]+', ' ', 'g'),
        '(?<=[a-z])[23]|[23](?=[a-z])', '', 'g'),
        U&'(^| )(?:[\0648\0641\0628\0643]?\0627\0644|\0644\0644)(?=[\0621-\064A]{3})', '\1', 'g'))
$$
"""

# Where a database's locale is C, pg_trgm sees only ASCII: so each Arabic letter stands as one of its own, most as in
# the alphabet of chats. Only likeness is taken from it.
_LETTERS = """
CREATE FUNCTION search_letters(form text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(form, 'ابتثجحخدذرزسشصضطظعغفقكلمنهوي', 'abt0j75d1rzscx96p38fqklmnhwy')
$$
"""

_TABLES = (
    """
    CREATE TABLE search_documents (
        kind text NOT NULL,
        code text NOT NULL,
        names text[] NOT NULL,
        words tsvector NOT NULL,
        PRIMARY KEY (kind, code),
        FOREIGN KEY (kind, code) REFERENCES things (kind, code)
    )
    """,
    "CREATE INDEX search_documents_by_word ON search_documents USING gin (words)",
    # Only added to: a word that no document has any more is like what nobody finds anything with.
    """
    CREATE TABLE search_words (
        kind text NOT NULL,
        word text NOT NULL,
        letters text NOT NULL GENERATED ALWAYS AS (search_letters(word)) STORED,
        PRIMARY KEY (kind, word)
    )
    """,
    "CREATE INDEX search_words_by_letters ON search_words USING gin (letters gin_trgm_ops)",
)

# What is searched of a service or an office: A its names, B what else people call it, C whom it belongs to, D the
# rest. `owner_kind` and `owner_code` name the thing whose name is part of it.
_SOURCES = """
CREATE VIEW search_sources AS
SELECT kind, code, owner_kind, owner_code,
    ARRAY[search_form(code), search_form(name_ar), search_form(name_en)] AS names,
    setweight(to_tsvector('catalogue', search_form(name_ar || ' ' || name_en)), 'A')
        || setweight(to_tsvector('catalogue', search_form(called)), 'B')
        || setweight(to_tsvector('catalogue', search_form(belongs)), 'C')
        || setweight(to_tsvector('catalogue', search_form(described)), 'D') AS words,
    string_to_array(search_form(concat_ws(' ', name_ar, name_en, called, belongs)), ' ') AS spelt
FROM (
    SELECT s.kind, s.code, a.kind AS owner_kind, a.code AS owner_code,
        s.state #>> '{name,ar}' AS name_ar, s.state #>> '{name,en}' AS name_en,
        coalesce((SELECT string_agg(word, ' ')
                  FROM jsonb_array_elements_text(coalesce(s.state -> 'keywords', '[]')) AS word), '') AS called,
        concat_ws(' ', a.state #>> '{name,ar}', a.state #>> '{name,en}') AS belongs,
        concat_ws(' ', s.state #>> '{description,ar}', s.state #>> '{description,en}') AS described
    FROM things AS s JOIN things AS a ON a.kind = 'agency' AND a.code = s.state ->> 'agency'
    WHERE s.kind = 'service'
    UNION ALL
    SELECT o.kind, o.code, r.kind, r.code,
        o.state #>> '{name,ar}', o.state #>> '{name,en}',
        concat_ws(' ', r.state #>> '{name,ar}', r.state #>> '{name,en}'),
        concat_ws(' ', o.state #>> '{address,ar}', o.state #>> '{address,en}'),
        ''
    FROM things AS o JOIN things AS r ON r.kind = 'region' AND r.code = o.state ->> 'region'
    WHERE o.kind = 'office'
) AS said
"""

_THERE_ALREADY = (
    "INSERT INTO search_documents (kind, code, names, words) SELECT kind, code, names, words FROM search_sources",
    """
    INSERT INTO search_words (kind, word)
    SELECT DISTINCT kind, word FROM search_sources, unnest(spelt) AS word WHERE word <> ''
    """,
)


def upgrade() -> None:
    """Make search's functions and tables, and take in what there is."""
    for statement in (*_EXTENSIONS, *_LANGUAGES, _FORM, _LETTERS, *_TABLES, _SOURCES, *_THERE_ALREADY):
        op.execute(statement)
