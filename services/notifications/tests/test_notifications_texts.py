"""Texts: both languages, their plurals and figures, and what hostile values can't do."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from dawr.contracts import Text
from dawr.contracts.booking import RefusalCode, TurnCancelled, TurnHeld, TurnMoved, TurnRefused
from dawr.contracts.consular import CaseOpened, MandateDrafted
from dawr.notifications import examples
from dawr.notifications.domain import Digits, Language, Notice
from dawr.notifications.examples import NOW, RELATIVE, SECRETS, example, facts, known
from dawr.notifications.phrases import PHRASES, counted
from dawr.notifications.rendering import FOLDER, PARTS, Style, Texts
from dawr.notifications.rules import RULES, notices
from dawr.notifications.values import Catalogue, Known, KnownTurn, open_fact, values_of, zone_of

TEXTS = Texts(portal_url="https://dawr.example/", locales={"ar": "ar", "en": "en"})
LANGUAGES: tuple[Language, ...] = ("ar", "en")


def rendered(
    notice: Notice, about: Known, language: Language, *, digits: Digits = "latn", **secret: object
) -> list[str]:
    style = Style(language, digits, zone_of(notice, about))
    values = values_of(notice, about, notice.created_at, secret=secret)
    return [TEXTS.part(notice.template, part, style, values) for part in PARTS]


def text_of(html: str) -> str:
    """What a reader of the HTML sees."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(html)
    return " ".join("".join(found).split())


def test_there_is_a_folder_for_each_template_and_no_other() -> None:
    wanted = {rule.template for rules in RULES.values() for rule in rules} | set(SECRETS)
    assert set(TEXTS.codes) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", TEXTS.codes)
def test_every_template_is_whole_in_both_languages(code: str, language: Language) -> None:
    notice, about, secret = example(code)
    subject, text, html, sms = rendered(notice, about, language, **secret)
    assert all((subject, text, html, sms))
    assert "\n" not in subject + sms
    assert len(subject) < 100
    assert "\n\n\n" not in text
    assert "None" not in subject + text + html + sms
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in html
    first = text.split("\n", maxsplit=1)[0].split(".")[0]
    assert first in text_of(html), "both parts of a mail say the same"
    arabic = any("\u0600" <= letter <= "\u06ff" for letter in subject + sms)
    assert arabic is (language == "ar")
    # Two SMS at most: 67 characters each outside of GSM-7, 153 within (3GPP TS 23.038).
    assert len(sms) <= (2 * 67 if language == "ar" else 2 * 153)


FROM_THE_DOOR = {"mandate-given", "mandate-received", "sign-in-code", "sign-up-code"}
"""Not about one turn or case."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(set(TEXTS.codes) - FROM_THE_DOOR))
def test_what_is_about_a_turn_or_a_case_leads_to_its_page(code: str, language: Language) -> None:
    notice, about, _ = example(code)
    fact = open_fact(notice)
    path = f"/cases/{fact.case_id}" if isinstance(fact, CaseOpened) else f"/turns/{notice.subject_id}"
    if isinstance(fact, MandateDrafted):
        path = "/relatives"
    _, text, html, sms = rendered(notice, about, language)
    link = f"https://dawr.example{path}"
    assert re.search(rf": {link}$", text, re.M), "a line of its own, so that mail programs see where it ends"
    assert f'<a href="{link}"' in html
    assert "http" not in sms
    others = set(re.findall(r"https://[^\s\"<]+", text + html)) - {link}
    assert others == ({"https://dawr.example"} if code in {"turn-refused", "turn-expired", "turn-cancelled"} else set())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fact", facts(asked_by=RELATIVE), ids=lambda fact: type(fact).__name__)
@pytest.mark.parametrize("turn_is_known", [True, False])
def test_every_fact_can_be_told_to_everybody_known_or_not(
    fact: object, language: Language, turn_is_known: bool
) -> None:
    for notice in notices(fact, examples.PERSON, now=NOW):  # type: ignore[arg-type]
        for about in (known(turn=turn_is_known), Known(Catalogue(), known().turn if turn_is_known else None)):
            assert all(rendered(notice, about, language))


@pytest.mark.parametrize("code", TEXTS.codes)
@pytest.mark.parametrize("language", LANGUAGES)
def test_short_texts_name_no_service_place_amount_or_reference(code: str, language: Language) -> None:
    notice, about, secret = example(code)
    sms = rendered(notice, about, language, **secret)[PARTS.index("sms")]
    for personal in ("Passport", "جواز", "Damascus", "دمشق", "Berlin", "برلين", "312", str(notice.subject_id), "TX-"):
        assert personal not in sms


ARABIC_DAYS = {
    0: "اليوم",
    1: "غداً",
    2: "بعد يومين",
    3: "بعد 3 أيام",
    10: "بعد 10 أيام",
    11: "بعد 11 يوماً",
    99: "بعد 99 يوماً",
    100: "بعد 100 يوم",
    101: "بعد 101 يوم",
    103: "بعد 103 أيام",
    111: "بعد 111 يوماً",
}
ENGLISH_DAYS = {0: "today", 1: "tomorrow", 2: "in 2 days", 11: "in 11 days", 100: "in 100 days", 101: "in 101 days"}


@pytest.mark.parametrize(("number", "text"), ARABIC_DAYS.items())
def test_days_in_arabic(number: int, text: str) -> None:
    assert counted("in-days", number, "ar") == text


@pytest.mark.parametrize(("number", "text"), ENGLISH_DAYS.items())
def test_days_in_english(number: int, text: str) -> None:
    assert counted("in-days", number, "en") == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "خلال دقيقة واحدة"), (2, "خلال دقيقتين"), (3, "خلال 3 دقائق"), (11, "خلال 11 دقيقة"), (100, "خلال 100 دقيقة")],
)
def test_minutes_in_arabic(number: int, text: str) -> None:
    assert counted("within-minutes", number, "ar") == text


def test_every_phrase_is_said_somewhere() -> None:
    templates = "".join(path.read_text("utf-8") for path in FOLDER.glob("*/*.*"))
    assert set(PHRASES) == set(re.findall(r'counted\("([a-z-]+)"\)', templates))


def test_every_phrase_has_all_six_forms_in_arabic_and_both_in_english() -> None:
    for phrase, forms in PHRASES.items():
        assert set(forms["ar"]) == {"zero", "one", "two", "few", "many", "other"}, phrase
        assert {"one", "other"} <= set(forms["en"]), phrase


@pytest.mark.parametrize(("days", "text"), ARABIC_DAYS.items())
def test_the_confirmation_counts_the_days_from_the_offices_own_date(days: int, text: str) -> None:
    notice, about, _ = example("turn-confirmed")
    # 22:30 in UTC is the next day in Damascus.
    now = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    turn = about.turn
    assert turn is not None
    on = replace(turn, date=datetime(2026, 11, 25, tzinfo=UTC).date() + timedelta(days=days))
    mail = rendered(replace(notice, created_at=now), replace(about, turn=on), "ar")[1]
    assert f"الموعد {text}." in mail


def test_a_day_that_is_over_is_not_counted() -> None:
    notice, about, _ = example("turn-confirmed")
    later = replace(notice, created_at=NOW + timedelta(days=300))
    assert "It is " not in rendered(later, about, "en")[1]


def test_arabic_figures_are_a_preference_of_arabic_texts_and_leave_codes_alone() -> None:
    notice, about, _ = example("payment-captured")
    subject, text, _, _ = rendered(notice, about, "ar", digits="arab")
    assert "٣١٢٬٧٠٠ ليرة سورية" in subject
    assert "الوقت: ٠٩:٠٠" in text
    assert "٥ ديسمبر ٢٠٢٦" in text
    assert "TX-204417" in text
    assert str(notice.subject_id) in text
    assert rendered(notice, about, "en", digits="arab") == rendered(notice, about, "en")
    for template in ("sign-in-code", "sign-up-code"):
        code, about, secret = example(template)
        assert "123456" in rendered(code, about, "ar", digits="arab", **secret)[1]


def test_moments_are_in_the_offices_zone_and_months_have_the_names_of_the_locale() -> None:
    [held] = [fact for fact in facts() if isinstance(fact, TurnHeld)]
    [notice] = notices(held, examples.PERSON, now=NOW)
    assert "11:45 on Tuesday 24 November 2026" in rendered(notice, known(), "en")[1]  # 08:45 UTC
    assert "08:45 on Tuesday 24 November 2026 UTC" in rendered(notice, known(turn=False), "en")[1]
    levant = Texts(portal_url="", locales={"ar": "ar_SY", "en": "en"})
    values = values_of(notice, known(), NOW)
    assert "كانون الأول" in levant.part("turn-held", "txt", Style("ar", zone="Asia/Damascus"), values)


def test_an_amount_with_hundredths_shows_them() -> None:
    notice, about, _ = example("payment-failed")
    odd = replace(notice, fact=notice.fact.replace("31270000", "31270050"))
    assert "312,700.50 Syrian pounds" in rendered(odd, about, "en")[1]


@pytest.mark.parametrize("code", RefusalCode)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_says_why_and_what_to_do_next(code: RefusalCode, language: Language) -> None:
    [refused] = [fact for fact in facts() if isinstance(fact, TurnRefused)]
    [notice] = notices(refused.model_copy(update={"code": code, "opens_at": None}), examples.PERSON, now=NOW)
    first = rendered(notice, known(), language)[1].split("\n", maxsplit=1)[0]
    assert first.count(".") >= 2


def test_a_cancellation_says_what_comes_back_and_to_whom() -> None:
    [cancelled] = [fact for fact in facts(asked_by=RELATIVE) if isinstance(fact, TurnCancelled)]
    asker, person = (rendered(notice, known(), "en")[1] for notice in notices(cancelled, RELATIVE, now=NOW))
    assert "312,700 Syrian pounds comes back to you." in asker
    assert "312,700 Syrian pounds goes back to whoever paid." in person
    unpaid = cancelled.model_copy(update={"refund": None})
    assert "Nothing was paid" in rendered(notices(unpaid, RELATIVE, now=NOW)[0], known(), "en")[1]


def test_a_cancellation_by_the_office_says_why() -> None:
    [cancelled] = [fact for fact in facts() if isinstance(fact, TurnCancelled)]
    storm = cancelled.model_copy(update={"by": "office", "reason_text": Text(ar="عاصفة", en="A storm <b>")})
    [notice] = notices(storm, examples.PERSON, now=NOW)
    assert "The office cancelled your turn.\n\nWhy: A storm <b>\n" in rendered(notice, known(), "en")[1]
    assert "Why: <bdi>A storm &lt;b&gt;</bdi>" in rendered(notice, known(), "en")[2]
    assert "السبب: عاصفة\n" in rendered(notice, known(), "ar")[1]


def test_a_move_says_both_days_and_until_when_to_pay_what_is_not_paid() -> None:
    moved = next(fact for fact in facts() if isinstance(fact, TurnMoved) and fact.by == "office")
    [notice] = notices(moved, examples.PERSON, now=NOW)
    paid = rendered(notice, known(), "en")[1]
    assert "It was on Tuesday 1 December 2026." in paid
    assert "Date: Saturday 5 December 2026" in paid
    assert "has to be paid" not in paid
    held = moved.model_copy(update={"held_until": NOW + timedelta(minutes=15)})
    assert "paid by 11:45" in rendered(notices(held, examples.PERSON, now=NOW)[0], known(), "en")[1]


@pytest.mark.parametrize(("language", "word"), [("en", "paid"), ("ar", "دُفع")])
def test_a_free_turn_that_moves_says_nothing_of_money(language: Language, word: str) -> None:
    moved = next(fact for fact in facts() if isinstance(fact, TurnMoved) and fact.by == "office")
    [notice] = notices(moved, examples.PERSON, now=NOW)
    turn = known().turn
    assert turn is not None
    for is_free in (True, False, None):
        told = rendered(notice, replace(known(), turn=replace(turn, is_free=is_free)), language)
        assert [word in text for text in told[1:3]] == [is_free is not True] * 2


def test_a_move_of_its_people_names_no_reason_and_both_days() -> None:
    for asked_by, first in (
        (examples.PERSON, "Your turn was moved, as you asked."),
        (RELATIVE, "on behalf of another"),
    ):
        moved = next(fact for fact in facts(asked_by=asked_by) if isinstance(fact, TurnMoved) and fact.by == "citizen")
        notice = next(each for each in notices(moved, examples.PERSON, now=NOW) if each.person_id == asked_by)
        assert notice.template == "turn-rescheduled"
        told = rendered(notice, known(), "en")[1]
        assert first in told.splitlines()[0]
        assert "It was on Tuesday 8 December 2026." in told
        assert "Date: Saturday 5 December 2026" in told
        assert "Why" not in told
        held = moved.model_copy(update={"held_until": NOW + timedelta(minutes=15)})
        assert "paid by 11:45" in rendered(notices(held, examples.PERSON, now=NOW)[0], known(), "en")[1]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in range(10 ** 9) %}x{% endfor %}",
    "{% include '../../settings.py' %}",
    "a\r\nBcc: everybody@example.org",
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(hostile: str, language: Language) -> None:
    notice, about, _ = example("turn-confirmed")
    name = Text(ar=hostile, en=hostile)
    service = about.catalogue.services["PASS_REN"].model_copy(update={"name": name})
    office = about.catalogue.offices["DAM-01"].model_copy(update={"name": name, "address": name})
    about = replace(about, catalogue=Catalogue({"PASS_REN": service}, {"DAM-01": office}))
    subject, text, html, _ = rendered(notice, about, language)
    assert hostile.replace("\r\n", "\n") in text.replace("\r\n", "\n"), "it is shown as it is"
    assert "<script" not in html
    assert "<img" not in html
    assert " ".join(hostile.split()) in text_of(html)
    assert "49" not in subject + text
    assert "\n" not in subject + rendered(notice, about, language)[3]


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ turn.service.__class__.__mro__ }}",
        "{{ style.__init__.__globals__ }}",
        "{{ lang.format.__self__ }}",
        "{{ '{0.__class__}'.format(lang) }}",
        "{{ style.__dict__ }}",
    ],
)
def test_a_template_can_reach_nothing_behind_its_values(source: str) -> None:
    notice, about, _ = example("turn-confirmed")
    values = values_of(notice, about, NOW) | {"style": Style("en"), "lang": "en"}
    template = TEXTS._environment.from_string(source)
    with pytest.raises((SecurityError, UndefinedError)):
        template.render(values)


def test_a_name_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        TEXTS.part("turn-held", "txt", Style("en"), {"to": "self", "turn": None})


def test_a_turn_of_an_unknown_office_is_told_with_the_codes() -> None:
    notice, _, _ = example("turn-confirmed")
    turn = KnownTurn(office="ALP-02", service="ID_NEW", tier="N", date=NOW.date())
    text = rendered(notice, Known(Catalogue(), turn), "en")[1]
    assert "Service: ID_NEW\nOffice: ALP-02\n" in text
