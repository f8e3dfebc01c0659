"""Settings of a machine that is a node of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from headwater.applies import NOW, needs_restart
from headwater.cluster.registry.server_url import ServerUrl
from headwater.net.client_tls import fingerprint_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import RtspUri
from headwater.setting_fields import Choice, take_fields


class ReaderWay(Choice):
    """What a node does with a reader whose mount another node has."""

    PULL = "pull"
    REDIRECT = "redirect"
    AUTO = "auto"


class RegistryLoss(Choice):
    """What a node does with new publishers and sources while the registry is gone."""

    SERVE = "serve"
    REFUSE = "refuse"


_PART: Final = needs_restart("the node has joined its cluster with it")
_NAME_LETTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterSettings:
    """Several machines with one name space, joined by Redis or Valkey; see `docs/scaling.md`."""

    url: Annotated[
        str,
        _PART,
        "URL of the registry, which says which node has which path: `redis://user:password@host`, "
        "`rediss://` for TLS, `unix:///path`, `redis+sentinel://host1,host2/service` or "
        "`redis+cluster://host1,host2`. Valkey is the same. It needs the extra `cluster`. "
        "Empty: this server is alone.",
    ] = ""
    name: Annotated[
        str,
        _PART,
        "The cluster's name, with which its keys in the registry begin. Nodes of the same name "
        "are one cluster.",
    ] = "headwater"
    node: Annotated[
        str,
        _PART,
        "This node's name, which no other node of the cluster may have. Empty: the machine's name "
        "and the port for readers.",
    ] = ""
    advertise_url: Annotated[
        str,
        _PART,
        "Where other nodes reach this one, such as `rtsp://10.0.0.5:8554`, or `rtsps://` for TLS "
        "between nodes. Empty: the machine's name and the port for readers.",
    ] = ""
    public_url: Annotated[
        str,
        _PART,
        "Where readers reach this node, for redirects. Empty: as `advertise_url`.",
    ] = ""
    node_user: Annotated[
        str, _PART, "The name with which nodes log in to each other. It is no user of `access`."
    ] = "headwater-node"
    node_password: Annotated[
        str, _PART, "The password of this, the same at all nodes. A cluster needs one."
    ] = ""
    ca_file: Annotated[
        str,
        _PART,
        "Path of the certificates (PEM) of the authorities that a node trusts for `rtsps://` URLs "
        "of other nodes. Empty: those of the system.",
    ] = ""
    fingerprint: Annotated[
        str,
        _PART,
        "SHA-256 fingerprint of the one certificate that all nodes have, in hexadecimal, instead "
        "of authorities.",
    ] = ""
    mode: Annotated[
        ReaderWay,
        NOW,
        "What a node does with a reader whose mount another node has: `pull` (the node takes the "
        "mount from there, once for all of its readers), `redirect` (players that follow a 302 "
        "are sent there, the others are served as with `pull`), or `auto` (the first few readers "
        "of a mount are sent there, then it is pulled).",
    ] = ReaderWay.PULL
    linger_s: Annotated[
        float,
        NOW,
        "Seconds that a node goes on taking a mount from another one after its last reader left.",
    ] = 15.0
    on_registry_loss: Annotated[
        RegistryLoss,
        NOW,
        "What happens to new publishers and sources while the registry is gone: `serve` (they are "
        "taken, and claimed when it is back; of two for one path, one then ends) or `refuse`. "
        "What plays goes on in any case.",
    ] = RegistryLoss.SERVE
    lease_s: Annotated[
        float,
        _PART,
        "Seconds after which a node that says nothing has lost its paths to others. Within this "
        "time a node says three times that it lives. The same at all nodes.",
    ] = 6.0

    def __post_init__(self) -> None:
        take_fields(self)
        for name in ("name", "node"):
            value = getattr(self, name)
            if not _NAME_LETTERS.issuperset(value) or not (value or name == "node"):
                raise ValueError(
                    f"{name} is {value!r}; it must be letters, digits, and any of . - _ :"
                )
        for name in ("advertise_url", "public_url"):
            if (value := getattr(self, name)) and (refusal := node_url_refusal(value)):
                raise ValueError(f"{name} is {value!r}{refusal}")
        if self.linger_s < 0:
            raise ValueError(f"linger_s is {self.linger_s}; it must be 0 or more")
        if self.lease_s < 1:
            raise ValueError(f"lease_s is {self.lease_s}; it must be 1 or more")
        if self.fingerprint:
            fingerprint_of(self.fingerprint)
        if not self.url:
            return
        ServerUrl.of(self.url)
        if not self.node_user or ":" in self.node_user:
            raise ValueError("node_user is empty or has a colon; nodes could not log in with it")
        if not self.node_password:
            raise ValueError(
                "node_password is empty; a cluster needs one, the same at all nodes, so that no "
                "client can pass for a node"
            )


def node_url_refusal(url: str) -> str:
    """Return why a URL cannot be where a node is reached; empty where it can."""
    try:
        uri = RtspUri.parse(url)
    except ProtocolError as error:
        return f": {error.message}"
    if uri.scheme not in {"rtsp", "rtsps"} or not uri.host or uri.path not in {"", "/"}:
        return "; write rtsp://host:port or rtsps://host:port"
    return ""
