"""Names as they are common in the Levant, in Arabic and as passports write them."""

from typing import NamedTuple


class Name(NamedTuple):
    """One name in both scripts."""

    ar: str
    en: str


def _names(listed: str) -> tuple[Name, ...]:
    return tuple(Name(*each.strip().split("=")) for each in listed.replace("\n", " ").split(","))


MEN = _names("""
محمد=Mohammad, أحمد=Ahmad, محمود=Mahmoud, علي=Ali, حسن=Hasan, حسين=Hussein, خالد=Khaled, عمر=Omar, يوسف=Youssef,
إبراهيم=Ibrahim, سامر=Samer, سامي=Sami, رامي=Rami, فادي=Fadi, وائل=Wael, باسل=Basel, عماد=Imad, زياد=Ziad,
نبيل=Nabil, كريم=Karim, طارق=Tarek, ماهر=Maher, مازن=Mazen, غسان=Ghassan, هيثم=Haitham, أنس=Anas, معاذ=Muath,
بلال=Bilal, مصطفى=Mustafa, عبد الله=Abdullah, عبد الرحمن=Abdulrahman, عبد الكريم=Abdulkarim, فراس=Firas,
ربيع=Rabie, جمال=Jamal, كمال=Kamal, عدنان=Adnan, نزار=Nizar, مروان=Marwan, سليمان=Suleiman, داود=Daoud,
إياد=Iyad, لؤي=Louay, قصي=Qusai, ياسر=Yasser, ياسين=Yassin, منير=Munir, سعيد=Said, رياض=Riad, بشار=Bashar,
حازم=Hazem, أيمن=Ayman, أسامة=Osama, هشام=Hisham, عصام=Issam, وسيم=Wassim, نضال=Nidal, جورج=George,
الياس=Elias, بطرس=Boutros, حنا=Hanna, ميشيل=Michel, جوان=Jwan, آزاد=Azad, شيركو=Sherko, آرام=Aram, هاكوب=Hagop
""")

WOMEN = _names("""
فاطمة=Fatima, مريم=Mariam, عائشة=Aisha, زينب=Zeinab, خديجة=Khadija, ليلى=Layla, سلمى=Salma, هدى=Huda, نور=Nour,
ريم=Reem, رنا=Rana, رشا=Rasha, لمى=Lama, لينا=Lina, دينا=Dina, سمر=Samar, سمية=Sumaya, أمل=Amal, إيمان=Iman,
هناء=Hanaa, وفاء=Wafaa, صفاء=Safaa, سناء=Sanaa, علا=Ola, غادة=Ghada, ناديا=Nadia, نادين=Nadine, ميساء=Maysaa,
منى=Mona, سوسن=Sawsan, رولا=Rola, ربى=Ruba, ديمة=Dima, شهد=Shahd, جنى=Jana, تالا=Tala, يارا=Yara, سارة=Sara,
آية=Aya, بتول=Batoul, حلا=Hala, رغد=Raghad, سيدرا=Sidra, لجين=Lujain, ميس=Mais, هبة=Hiba, ياسمين=Yasmin,
كندة=Kinda, رهف=Rahaf, روان=Rawan, فرح=Farah, جمانة=Jumana, سهام=Siham, نجوى=Najwa, عفاف=Afaf, انتصار=Intisar,
بشرى=Bushra, ابتسام=Ibtisam, ماري=Mary, جورجيت=Georgette, تيريز=Therese, روز=Rose, نوروز=Nowruz, سيفان=Sevan
""")

FAMILIES = _names("""
الحلبي=Al Halabi, الحمصي=Al Homsi, الحموي=Al Hamwi, الدمشقي=Al Dimashqi, الحوراني=Al Hourani, النابلسي=Al Nabulsi,
الحداد=Al Haddad, النجار=Al Najjar, الخياط=Al Khayat, الصباغ=Al Sabbagh, الحلاق=Al Hallaq, العطار=Al Attar,
البيطار=Al Bitar, الخباز=Al Khabbaz, اللحام=Al Lahham, القصاب=Al Qassab, الصائغ=Al Sayegh, الساعاتي=Al Saati,
السراج=Al Sarraj, الحافظ=Al Hafez, الخطيب=Al Khatib, الإمام=Al Imam, الشيخ=Al Sheikh, القاضي=Al Qadi,
المفتي=Al Mufti, الأتاسي=Al Atassi, العظم=Al Azem, القوتلي=Al Quwatli, المالكي=Al Malki, الكيلاني=Al Kilani,
الزعبي=Al Zoubi, المقداد=Al Miqdad, الحريري=Al Hariri, الرفاعي=Al Rifai, السباعي=Al Sibai, الجندي=Al Jundi,
العلي=Al Ali, الحسن=Al Hasan, الحسين=Al Hussein, المحمد=Al Mohammad, الأحمد=Al Ahmad, العبد الله=Al Abdullah,
الخلف=Al Khalaf, الجاسم=Al Jasem, العيسى=Al Issa, الموسى=Al Moussa, الصالح=Al Saleh, اليوسف=Al Youssef,
البكري=Al Bakri, الأسود=Al Aswad, الأبيض=Al Abyad, الأشقر=Al Ashqar, الطويل=Al Tawil, القصير=Al Qasir,
منصور=Mansour, ناصيف=Nassif, خوري=Khoury, حداد=Haddad, سلوم=Salloum, ديب=Deeb, شاهين=Shahin, صقر=Saqr,
عباس=Abbas, حيدر=Haidar, سليمان=Suleiman, إبراهيم=Ibrahim, مخلوف=Makhlouf, عثمان=Othman, درويش=Darwish,
رمضان=Ramadan, شعبان=Shaaban, قدور=Qaddour, بركات=Barakat, نعمة=Nehme, فرح=Farah, معلوف=Maalouf, زيتون=Zaitoun,
رمان=Rumman, تفاحة=Tuffaha, كرم=Karam, وهبة=Wehbe, مراد=Murad, كردي=Kurdi, حمو=Hammo, شيخو=Shekho, بوزان=Bozan,
كيفوركيان=Kevorkian, سركيسيان=Sarkissian, قطان=Qattan, كيالي=Kayali, مارديني=Mardini, عنتابي=Antabi, طرابيشي=Tarabishi,
قباني=Qabbani, عرنوق=Arnouk, جبور=Jabbour, سمعان=Semaan, عازار=Azar, غزال=Ghazal, نمر=Nimr, هلال=Hilal, بدران=Badran
""")

COUNTRIES = ("DE", "TR", "SE", "AE", "SA", "LB", "JO", "FR", "NL", "CA", "US", "BR", "AT", "EG", "KW", "QA")
"""Where those who live abroad are, by ISO 3166-1 alpha-2."""
