"""Which headers are passed on. What says where a request comes from is written here and nowhere else."""

from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

# RFC 9110 section 7.6.1, and what older clients send in its place.
_HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"http2-settings",
}
# Set anew for the connection behind, or the gateway's own business.
_OWN = {b"host", b"content-length", b"expect", b"cookie", b"cookie2", b"traceparent"}
# By these, proxies and platforms tell services what to believe about a caller.
_CLAIMS = {
    b"forwarded",
    b"via",
    b"client-ip",
    b"true-client-ip",
    b"cluster-client-ip",
    b"remote-addr",
    b"remote-user",
    b"front-end-https",
    b"ssl-client-cert",
    b"client-cert",
    b"client-cert-chain",
}
_CLAIM_PREFIXES = (b"x-", b"cf-", b"proxy-", b"fastly-", b"fly-", b"akamai-", b"ssl-client-")
# The outermost layer writes these into every answer itself.
_ANSWERED_HERE = {b"x-trace-id", b"x-content-type-options", b"set-cookie", b"set-cookie2", b"server"}


def request_headers(
    headers: Iterable[tuple[bytes, bytes]], *, host: bytes, client: str, scheme: str, public_host: str, traceparent: str
) -> RawHeaders:
    """The headers for the service, content length aside: what the caller sent, less what only a proxy may say."""
    given = list(headers)
    dropped = _HOP_BY_HOP | _OWN | _named_by_connection(given)
    passed = [
        (name, value)
        for name, value in given
        if name not in dropped
        and name not in _CLAIMS
        and not name.startswith(_CLAIM_PREFIXES)
        and b"_" not in name  # some readers take it for a dash
    ]
    node = f'"[{client}]"' if ":" in client else client
    passed += [
        (b"host", host),
        (b"x-forwarded-for", client.encode("latin-1", "replace")),
        (b"x-forwarded-proto", scheme.encode()),
        (b"x-forwarded-host", public_host.encode()),
        (b"forwarded", f'for={node};host="{public_host}";proto={scheme}'.encode("latin-1", "replace")),
        (b"traceparent", traceparent.encode()),
    ]
    return passed


def answer_headers(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The headers of the service's answer that the caller gets."""
    lower = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _ANSWERED_HERE | _named_by_connection(lower)
    return [(name, value) for name, value in lower if name not in dropped and not name.startswith(b"proxy-")]


def _named_by_connection(headers: RawHeaders) -> set[bytes]:
    """Header names that `Connection` declares to be of this hop only."""
    return {each.strip().lower() for name, value in headers if name == b"connection" for each in value.split(b",")}
