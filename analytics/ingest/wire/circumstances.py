"""What a call says about app, device, system and campaign, as properties of its event.

The names are those of PostHog's SDKs where they have one, so that events of both formats are filtered alike.
"""

import re
from functools import lru_cache

import msgspec

ABSENT = msgspec.Raw(b"null")
NULL = b"null"
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
ESCAPED_DOLLAR = "\\u0024"

NOTHING_SAID = (ABSENT,) * 8

Fields = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(Fields)


class Circumstances(msgspec.Struct, rename="camel", gc=False):
    """The parts of Segment's `context` that become properties. They may have any type."""

    app: msgspec.Raw = ABSENT
    device: msgspec.Raw = ABSENT
    os: msgspec.Raw = ABSENT
    screen: msgspec.Raw = ABSENT
    network: msgspec.Raw = ABSENT
    timezone: msgspec.Raw = ABSENT
    group_id: msgspec.Raw = ABSENT
    traits: msgspec.Raw = ABSENT


def describe(found: Circumstances) -> Fields:
    """Properties: `$app_version`, `$device_model`, `$os`, `$screen_width` and so on."""
    properties: Fields = {}
    # Servers say none of it.
    said = (
        found.app, found.device, found.os, found.screen, found.network, found.timezone, found.group_id, found.traits,
    )  # fmt: skip
    if said == NOTHING_SAID:
        return properties
    _add_each(properties, "$app", found.app)
    _add_each(properties, "$device", found.device)
    _add_each(properties, "$os", found.os)
    _add_each(properties, "$screen", found.screen)
    _add_each(properties, "$network", found.network)
    add(properties, "$timezone", found.timezone)
    add(properties, "$group_id", found.group_id)
    add(properties, "$traits", found.traits)
    if name := properties.pop("$os_name", None):
        properties["$os"] = name
    return properties


def add(properties: Fields, name: str, value: msgspec.Raw) -> None:
    if value is not ABSENT and bytes(value) != NULL:
        properties[name] = value


def _add_each(properties: Fields, prefix: str, value: msgspec.Raw) -> None:
    if value is ABSENT:
        return
    try:
        fields = _fields.decode(value)
    except msgspec.ValidationError:
        add(properties, prefix, value)
        return
    for name, each in fields.items():
        add(properties, f"{prefix}_{_snake_case(name)}", each)


@lru_cache(maxsize=1024)
def _snake_case(name: str) -> str:
    return CAPITAL.sub("_", name).lower()


def joined(own: str, more: str) -> str:
    """The JSON of both objects in one. Of two properties of one name, `own` wins."""
    if ESCAPED_DOLLAR in own:
        # Written out, an escaped "$set" would become an assertion that enrich has not seen.
        return own
    if '"$' in own:
        return msgspec.json.encode(_fields.decode(more) | _fields.decode(own)).decode()
    # No name is in both, so the texts can be joined without decoding them.
    rest = own[1:].lstrip()
    return more if rest == "}" else f"{more[:-1]},{rest}"
