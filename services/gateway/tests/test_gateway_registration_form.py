"""What is in form of a registration, and what the registry's word on it makes of it: pure, character by character."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from dawr.contracts import Text
from dawr.gateway.domain.people import Kinship, Profile, Relative, acts_for, age, masked_mail, masked_phone
from dawr.gateway.domain.registration import Claim, Documents, Form, Passport, Registered, matches, read
from dawr.gateway.errors_people import RegistrationNotInForm

TODAY = date(2026, 11, 30)
BORN = date(1990, 2, 3)
# Made by a generator that is not ours, of a person who is not there.
LINES = ("P<SYRHADDAD<<LAYLA<<<<<<<<<<<<<<<<<<<<<<<<<<", "N012345679SYR9002030F290101901234567890<<<78")
NAME = Text(ar="ليلى", en="Layla")
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
FORM = Form("01 234 567 890", "1990-02-03", mrz="\n".join(LINES), email="layla@mail.example")


def person(**changes: object) -> Registered:
    passport = Passport(number="N01234567", until=date(2029, 1, 1), mrz=LINES)
    made = Registered(
        identity_number="01234567890",
        given=NAME,
        family=NAME,
        born=BORN,
        documents=Documents(identity_card="104382915", passport=passport),
    )
    return made.model_copy(update=changes)


def in_form(form: Form, today: date = TODAY) -> Claim:
    return read(form, today, 18)


def faults(form: Form, today: date = TODAY) -> dict[str, str]:
    with pytest.raises(RegistrationNotInForm) as refused:
        in_form(form, today)
    return {field: fault.code for field, fault in refused.value.faults}


def test_a_passports_lines_are_read_however_they_were_typed() -> None:
    claim = in_form(FORM)
    assert (claim.identity_number, claim.born, claim.mrz) == ("01234567890", BORN, LINES)
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    typed = [LINES[0] + LINES[1], f" {LINES[0].lower()} \r\n {LINES[1]} ", "\n".join(LINES).translate(arabic)]
    assert {in_form(replace(FORM, mrz=each)).mrz for each in typed} == {LINES}
    assert matches(claim, person(), TODAY)


def test_every_single_wrong_character_is_refused_by_form_by_a_check_digit_or_by_the_registry() -> None:
    """3,168 changes. Check digits can't see all of them: names have none, and A, K and U count as 0 (ICAO Doc 9303,
    part 3, 4.9). What they don't see, the registry does, which has the lines letter by letter."""
    seen, unseen = 0, 0
    whole = "".join(LINES)
    for place in range(88):
        for sign in SIGNS.replace(whole[place], ""):
            changed = replace(FORM, mrz=whole[:place] + sign + whole[place + 1 :])
            try:
                claim = in_form(changed)
            except RegistrationNotInForm as refusal:
                [(field, _)] = refusal.faults
                assert field == "mrz"
                seen += 1
            else:
                assert not matches(claim, person(), TODAY), (place, sign)
                unseen += 1
                protected = place >= 44 and not 54 <= place < 57 and place != 64
                assert not (protected and sign.isdigit() and whole[place].isdigit()), (place, sign)
    assert seen + unseen == 88 * 36
    assert unseen < 88 * 36 / 2


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("\n".join(LINES)[:-1], "not-passport-lines"),
        ("\n".join(LINES) + "<", "not-passport-lines"),
        ("I" + "\n".join(LINES)[1:], "not-passport-lines"),
        ("\n".join(reversed(LINES)), "not-passport-lines"),
        (LINES[0] + "\n" + LINES[1].replace("900203", "٩٠٠٢x٣"), "passport-misread"),
        (LINES[0] + "\n" + LINES[1].replace("N012345679", "N012345697"), "passport-misread"),
        ("P" * 44 + "\n" + "<" * 44, "passport-misread"),
        ("P" + "\0" * 87, "not-passport-lines"),
        ("ب" * 88, "not-passport-lines"),
        ("P<" + "'\";--" * 17 + "P", "not-passport-lines"),
    ],
)
def test_lines_that_are_none_are_told_so(typed: str, code: str) -> None:
    assert faults(replace(FORM, mrz=typed)) == {"mrz": code}


def test_a_passport_of_another_birthday_or_that_has_run_out_is_told_so() -> None:
    assert faults(replace(FORM, born="1990-02-04")) == {"mrz": "passport-of-another"}
    assert faults(FORM, date(2029, 1, 2)) == {"mrz": "passport-expired"}
    assert in_form(FORM, date(2029, 1, 1)).mrz == LINES


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"identity_number": ""}, {"identity_number": "not-an-identity-number"}),
        ({"identity_number": "²1234567890"}, {"identity_number": "not-an-identity-number"}),
        ({"born": ""}, {"born": "not-a-birth-date"}),
        ({"born": "03.02.1990"}, {"born": "not-a-birth-date"}),
        ({"born": "2026-12-01"}, {"born": "not-a-birth-date"}),
        ({"born": "1899-01-01"}, {"born": "not-a-birth-date"}),
        ({"born": "2008-12-01", "mrz": "", "card": "123456"}, {"born": "too-young"}),
        ({"mrz": ""}, {"document": "document-needed"}),
        ({"card": "104382915"}, {"document": "document-needed"}),
        ({"mrz": "", "card": "12345"}, {"card": "not-a-card-number"}),
        ({"mrz": "", "card": "1234567890123"}, {"card": "not-a-card-number"}),
        ({"mrz": "", "passport": "N0123456789"}, {"passport": "not-a-passport-number"}),
        ({"mrz": "", "passport": "N0123;--"}, {"passport": "not-a-passport-number"}),
        ({"email": ""}, {"address": "address-needed"}),
        ({"email": "layla"}, {"email": "not-a-mail-address"}),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, {"email": "not-a-mail-address"}),
        ({"email": f"{'a' * 60}@{'b.' * 120}example"}, {"email": "not-a-mail-address"}),
        ({"email": "", "phone": "0991234567"}, {"phone": "not-a-phone-number"}),
        ({"phone": "+963 99x"}, {"phone": "not-a-phone-number"}),
    ],
)
def test_each_field_is_told_what_is_wrong_with_it(changes: dict[str, str], expected: dict[str, str]) -> None:
    assert faults(replace(FORM, **changes)) == expected


def test_phones_and_documents_are_taken_as_people_write_them() -> None:
    for typed in ("+963 991 234 567", "00963-991-234-567", "+٩٦٣ ٩٩١ ٢٣٤ ٥٦٧"):
        assert in_form(replace(FORM, phone=typed)).phone == "+963991234567"
    assert in_form(replace(FORM, mrz="", passport="n 0123-4567")).passport == "N01234567"
    assert in_form(replace(FORM, mrz="", card="١٠٤ ٣٨٢ ٩١٥")).card == "104382915"


def test_who_is_of_age_today_may_register_and_a_day_before_not_yet() -> None:
    eighteen = replace(FORM, born="2008-11-30", mrz="", card="104382915")
    assert in_form(eighteen).born == date(2008, 11, 30)
    assert faults(eighteen, TODAY - timedelta(days=1)) == {"born": "too-young"}
    assert (age(date(2008, 2, 29), date(2026, 2, 28)), age(date(2008, 2, 29), date(2026, 3, 1))) == (17, 18)


def test_somebody_is_who_they_say_only_alive_on_their_day_with_their_own_good_document() -> None:
    by_card, by_number = (
        in_form(replace(FORM, mrz="", **each)) for each in ({"card": "104382915"}, {"passport": "N01234567"})
    )
    for claim in (by_card, by_number, in_form(FORM)):
        assert matches(claim, person(), TODAY)
        assert not matches(claim, person(died=date(2026, 1, 1)), TODAY)
        assert not matches(claim, person(born=BORN + timedelta(days=1)), TODAY)
        assert not matches(claim, person(identity_number="01234567891"), TODAY)
        assert not matches(claim, person(documents=Documents()), TODAY)
    after = date(2029, 1, 2)
    assert [matches(each, person(), after) for each in (by_card, by_number, in_form(FORM))] == [True, False, False]
    nothing = replace(by_card, card=None)
    assert not matches(nothing, person(), TODAY), "no document is none"
    assert not matches(nothing, person(documents=Documents()), TODAY)


def test_parents_act_for_their_minor_children_and_for_nobody_else() -> None:
    def relative(kinship: Kinship, born: date) -> Relative:
        return Relative(person_id=uuid4(), kinship=kinship, given=NAME, family=NAME, born=born)

    child = relative(Kinship.CHILD, date(2008, 12, 1))
    others = [relative(each, date(2015, 1, 1)) for each in Kinship if each is not Kinship.CHILD]
    profile = Profile(given=NAME, family=NAME, born=BORN, relatives=(child, *others))
    assert acts_for(profile, TODAY, 18) == {child.person_id}
    assert acts_for(profile, date(2026, 12, 1), 18) == frozenset(), "from their birthday on they act for themselves"
    assert acts_for(profile.model_copy(update={"born": date(2009, 1, 1)}), TODAY, 18) == frozenset()


def test_a_masked_address_says_enough_to_its_owner_and_no_more() -> None:
    assert masked_mail("layla.haddad@people.example") == "l•••@people.example"
    assert masked_phone("+963991234567") == "+963•••567"
