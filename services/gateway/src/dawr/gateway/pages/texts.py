"""What the pages say, in both languages. A text is named by where it stands."""

from dawr.contracts import Text

TEXTS: dict[str, Text] = {
    "name": Text(ar="دور", en="Dawr"),
    "tagline": Text(ar="دورك محفوظ، ومكانك في الصف معروف", en="Your turn is kept, and your place in line is known"),
    "other_language": Text(ar="English", en="العربية"),
    "home": Text(ar="البداية", en="Start"),
    "docs": Text(ar="الواجهة البرمجية", en="API"),
    "problems": Text(ar="رموز الأخطاء", en="Problem codes"),
    "skip": Text(ar="إلى المحتوى", en="Skip to content"),
    "what_runs": Text(ar="ما يعمل الآن", en="What runs now"),
    "service": Text(ar="الخدمة", en="Service"),
    "state": Text(ar="الحالة", en="State"),
    "paths": Text(ar="مساراتها", en="Its paths"),
    "document": Text(ar="وثيقة OpenAPI", en="OpenAPI document"),
    "ready": Text(ar="جاهزة", en="ready"),
    "waits": Text(ar="تنتظر", en="waits for"),
    "away": Text(ar="لا تجيب", en="no answer"),
    "try": Text(ar="جرّب", en="Try it"),
    "try_catalog": Text(
        ar="تصفّح الخدمات والمكاتب، بلا تسجيل دخول:", en="Look at services and offices, without signing in:"
    ),
    "try_code": Text(
        ar="اطلب رمز دخول لأي رقم وطني من 11 رقماً:", en="Ask for a sign-in code, for any identity number of 11 digits:"
    ),
    "try_session": Text(ar="ثم ادخل بالرمز الذي وصلك:", en="Then sign in with the code that came:"),
    "try_me": Text(ar="ومن أنت بحسب المنصة:", en="And see who you are to the platform:"),
    "try_token": Text(
        ar="أو خذ رمز وصول مباشرة، على منصة تجريبية فقط:",
        en="Or take an access token straight away, on a development platform only:",
    ),
    "codes_arrive": Text(
        ar="تصل رموز الدخول على هذه المنصة التجريبية إلى بريد محلي:",
        en="On this development platform sign-in codes arrive in a mailbox of its own:",
    ),
    "codes_folder": Text(ar="وتُحفظ الرسائل أيضاً في", en="The messages are also kept in"),
    "more": Text(ar="للمطورين", en="For developers"),
    "more_docs": Text(
        ar="كل ما يمكن طلبه من الخدمات، في صفحة واحدة", en="Everything that can be asked of the services, on one page"
    ),
    "more_openapi": Text(ar="وثيقة OpenAPI واحدة لكل الخدمات", en="One OpenAPI document for all services"),
    "more_problems": Text(ar="معنى كل رمز خطأ", en="What each problem code means"),
    "more_keys": Text(ar="المفاتيح العامة لرموز الوصول", en="Public keys of access tokens"),
    "docs_title": Text(ar="الواجهة البرمجية", en="What can be asked"),
    "docs_intro": Text(
        ar="الأجوبة بصيغة JSON وبلغة الترويسة Accept-Language، والأخطاء بصيغة RFC 9457.",
        en="Answers are JSON, in the language of the Accept-Language header; errors are RFC 9457 problems.",
    ),
    "left_out": Text(ar="لم تُذكر هنا لأنها لا تجيب الآن:", en="Left out, as they don't answer now:"),
    "nothing_known": Text(ar="لا شيء معروف عنها بعد.", en="Nothing is known of it yet."),
    "signed_in": Text(ar="يلزم تسجيل الدخول", en="sign-in needed"),
    "parameters": Text(ar="المعاملات", en="Parameters"),
    "body": Text(ar="محتوى الطلب", en="Request body"),
    "answers": Text(ar="الأجوبة", en="Answers"),
    "required": Text(ar="لازم", en="required"),
    "problems_title": Text(ar="رموز الأخطاء", en="Problem codes"),
    "problems_intro": Text(
        ar="كل خطأ يحمل رمزاً ثابتاً في الحقل code، وهذا معناه والخدمات التي تجيب به.",
        en="Every error carries a stable code in its member `code`. "
        "This is what each means, and which services answer with it.",
    ),
    "code": Text(ar="الرمز", en="Code"),
    "status": Text(ar="حالة HTTP", en="HTTP status"),
    "meaning": Text(ar="المعنى", en="Meaning"),
    "back_title": Text(ar="عدت إلى المنصة", en="You are back"),
    "back_text": Text(
        ar="إن كنت قد دفعت فسيصلك التأكيد برسالة، ولا داعي لإعادة الدفع. تابع الحالة من هنا:",
        en="If you have paid, a message will confirm it; there is no need to pay again. Follow it here:",
    ),
    "unknown_page_title": Text(ar="لا توجد صفحة هنا", en="There is no such page"),
}
"""By name; a test asks for every one in both languages."""


SERVICES: dict[str, Text] = {
    "gateway": Text(
        ar="البوابة: تسجيل الدخول والطريق إلى الخدمات", en="The gateway: sign-in, and the way to the services"
    ),
    "booking": Text(ar="الأدوار: حجز الدور ومتابعته وإلغاؤه", en="Turns: take one, follow it, give it back"),
    "catalog": Text(ar="الدليل: الخدمات والمكاتب والرسوم", en="Services, offices and fees"),
    "payments": Text(ar="الدفع والاسترداد والإيصالات", en="Payments, refunds and receipts"),
    "consular": Text(ar="معاملات المغتربين عبر البعثات", en="Cases of people abroad, through missions"),
    "notifications": Text(ar="الرسائل وصندوق الوارد والتفضيلات", en="Messages, inbox and preferences"),
}
"""What each service is for."""
