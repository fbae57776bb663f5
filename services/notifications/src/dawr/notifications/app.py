"""How notifications is put together."""

from dawr.notifications.api import create_router
from dawr.notifications.consumers import create_consumers
from dawr.notifications.providers.mail import MailServer
from dawr.notifications.providers.sms import SmsProvider
from dawr.notifications.rendering import Texts
from dawr.notifications.sender import Sender
from dawr.notifications.settings import NotificationsSettings
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.service import Service


def create_service(settings: NotificationsSettings | None = None, *, clock: Clock = utc_now) -> Service:
    """The service; SystemExit with a sentence if it has no key to seal with."""
    settings = settings or NotificationsSettings()
    try:
        seals = settings.seals()
    except ValueError as error:
        raise SystemExit(str(error)) from error
    service = Service(name="notifications", title="Dawr notifications", version="1", settings=settings, clock=clock)
    texts = Texts(portal_url=settings.portal_url, locales={"ar": settings.arabic_locale, "en": "en"})
    mail, sms = MailServer(settings), SmsProvider(settings)
    sender = Sender(service.database, settings, texts, seals, mail=mail, sms=sms)
    service.consumers = create_consumers(service.database, settings.platform, seals, sender.wake)
    service.routers = (create_router(service.database, texts, seals),)
    service.background = {"sender": sender.run}
    service.closers = [mail.close, sms.close]
    return service
