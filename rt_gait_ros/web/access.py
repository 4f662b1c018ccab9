"""Who may read the page: whoever knows the token, in a browser of this machine, and no other web page.

docs/security.md says against whom. The token is the first part of every path, so that each request carries it, pictures
included. A web page elsewhere neither knows it nor may send it: its name would stand in Origin or Sec-Fetch-Site, and a
name of its own that it has pointed to this machine (DNS rebinding) would stand in Host.
"""

import hmac
import secrets
from collections.abc import Mapping

TOKEN_BYTES = 24  # 192 bits: nobody guesses it
# Names of this machine for itself. Ports are not compared, so that a tunnel (ssh -L) may have another one.
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def new_token() -> str:
    """A token for one run of the server, of letters that a path may have."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def refusal(token: str, method: str, path: str, headers: Mapping[str, str]) -> str:
    """Why a request is not answered, for whoever sent it; "" where it is.

    path: as it was sent, without a query. headers: of the request, whatever the case of their names.
    """
    given = path.split("/")[1] if path.startswith("/") else ""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
        return "The token in this address is missing or wrong: open the address that rt-gait watch has printed."
    host = headers.get("Host", "")
    if _name_of(host) not in LOOPBACK_NAMES:
        return "This page is read on the machine itself, as 127.0.0.1 or localhost (through ssh -L from elsewhere)."
    origin = headers.get("Origin")
    if origin is not None and origin != f"http://{host}":
        return "Another web page asked for this, which is not allowed."
    site = headers.get("Sec-Fetch-Site", "none")
    # A link to the page may stand anywhere, as in a terminal that runs in a browser; parts of it may not.
    visit = (
        method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    )
    if site not in ("same-origin", "none") and not visit:
        return "Another web page asked for this, which is not allowed."
    return ""


def _name_of(host: str) -> str:
    """The name in a Host header, in small letters and without the port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
