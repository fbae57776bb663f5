"""Every refusal of notifications, with its code."""

from dawr.contracts import Text
from dawr.servicekit.errors import Refusal


class IllegalMove(Refusal):
    """A message can't go from this state to that one."""

    code = "illegal-move"
    title = Text(ar="لا يمكن نقل الرسالة إلى هذه الحالة", en="The message can't move to this state")


class NotSealed(Refusal):
    """What should be sealed with our key is not, or holds something else than it should."""

    code = "not-sealed"
    status = 422
    title = Text(ar="تعذرت قراءة المحتوى المختوم", en="The sealed content can't be read")


class TemplateUnknown(Refusal):
    """No such template, or not one that may be asked for."""

    code = "template-unknown"
    status = 404
    title = Text(ar="لا يوجد قالب بهذا الاسم", en="There is no such template")


class MessageUnknown(Refusal):
    """No such message in the caller's inbox."""

    code = "message-unknown"
    status = 404
    title = Text(ar="لا توجد رسالة بهذا الرقم", en="There is no such message")
