"""Reading the gateway's request for reports that it misses."""

import logging

from paho.mqtt.client import MQTTMessage

from gateway.telemetry import Resend, decode
from gateway.topic import RESEND, Rejected, Topic

log = logging.getLogger(__name__)


def content_type_of(message: MQTTMessage) -> str | None:
    """The MQTT 5 content type of a received message."""
    properties = message.properties
    return getattr(properties, "ContentType", None) if properties is not None else None


def read_request(message: MQTTMessage) -> tuple[Topic, Resend] | None:
    """Which lamp is asked for what; None, logged, where that cannot be read."""
    topic = Topic.parse(message.topic)
    request = decode(bytes(message.payload), content_type_of(message), Resend)
    for part in (topic, request):
        if isinstance(part, Rejected):
            log.warning("%s: %s", message.topic, part.reason)
            return None
    return (
        (topic, request) if isinstance(topic, Topic) and isinstance(request, Resend) and topic.kind == RESEND else None
    )
