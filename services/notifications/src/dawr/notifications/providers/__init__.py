"""Those who carry messages: a mail server, an SMS provider. Each turns what it hears into an `Answer`."""
