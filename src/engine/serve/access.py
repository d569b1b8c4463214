"""Who may ask: the Host and Origin headers of a request, and its token."""

import base64
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from engine.serve.refusal import Refusal

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")
OPEN = ("/health",)  # says nothing but that the server is well: what restarts it has no token


@dataclass(frozen=True)
class Access:
    """What a request must say of itself.

    A page of another site that a browser shows can send requests to this machine. It cannot change their Origin. Nor
    can it change their Host, which keeps the site's name where the site has that name point to this machine
    (DNS rebinding).

    Args:
        host: Address that the server listens on.
        names: Other names by which it is called, that of a proxy say.
        token: What Authorization must hold, if anything.
    """

    host: str
    names: tuple[str, ...] = ()
    token: str | None = None

    def check(self, path: str, headers: Mapping[str, str]) -> None:
        """Let a request pass.

        Raises:
            Refusal: If it comes from elsewhere.
        """
        place = headers.get("host", "")
        if not self._is_own(_name(place)):
            raise Refusal(421, f"this server is not {place[:100]!r}: --allow_host adds a name")
        origin = headers.get("origin")
        if origin is not None:
            caller = origin.partition("://")[2]
            if caller != place and _name(caller) not in self.names:
                raise Refusal(403, "pages of another origin may not ask: --allow_host adds the name of one")
        if self.token is not None and path not in OPEN and not self._knows_token(headers.get("authorization", "")):
            # A browser asks for it itself, and sends it with what its page asks for then.
            way = 'Basic realm="token as password"' if path == "/" else "Bearer"
            raise Refusal(401, "a token is needed: Authorization: Bearer TOKEN", WWW_Authenticate=way)

    def _is_own(self, name: str) -> bool:
        if name in self.names or name == self.host or name in LOOPBACK:
            return True
        return self.host in EVERYWHERE and _is_address(name)  # no site can be named like one

    def _knows_token(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given).decode("utf-8", "replace").partition(":")[2]
            except ValueError:
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), str(self.token).encode())


def _name(place: str) -> str:
    """Return the host of `host:port`."""
    if place.startswith("["):
        return place[1:].partition("]")[0].lower()
    return place.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
