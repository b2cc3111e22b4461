"""The broker of the service outside its container: deployed configuration, provisioned files, Debian's Mosquitto."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from deploy.files import Settings
from deploy.provision import Provisioner, Step
from gateway.fleet import Fleet
from gateway.options import Broker
from tests.mosquitto_server import Mosquitto, free_port

ROOT = Path(__file__).parent.parent
DEPLOYED = ROOT / "deploy" / "mosquitto" / "mosquitto.conf"


class ProvisionedBroker:
    """Provisions `folder` and serves it: lamps at `lamps_port`, gateway and operators at `port`."""

    def __init__(self, folder: Path, fleet: Fleet, now: Callable[[], datetime], world: str = "trezor") -> None:
        self.folder = folder
        self.fleet = fleet
        self.world = world
        self.steps: list[Step] = []
        self._now = now
        self.provision()
        self.place = self.provisioner.place
        self.lamps_port = free_port()
        data = folder.parent / "mosquitto-data"
        data.mkdir()
        text = DEPLOYED.read_text(encoding="utf-8")
        for there, here in (
            ("/mosquitto/provisioned", str(self.place.broker)), ("/mosquitto/data", str(data)),
            ("listener 8883", f"listener {self.lamps_port} 127.0.0.1"), ("listener 8884", "listener {port} 127.0.0.1"),
            ("log_dest stdout", f"log_dest file {data}/mosquitto.log"),
        ):  # fmt: skip
            assert there in text
            text = text.replace(there, here)
        self.server = Mosquitto(data, text)
        self.port = self.server.port

    @property
    def settings(self) -> dict[str, str]:
        return Settings(self.place.settings).all()

    @property
    def provisioner(self) -> Provisioner:
        """A new one at every use, as every command makes its own."""
        return Provisioner(self.folder, self.fleet, self._now(), self.steps.append)

    def provision(self, *, rotate: frozenset[str] = frozenset(), hosts: tuple[str, ...] = ()) -> None:
        self.steps.clear()
        self.provisioner.run("./fleet.toml", str(self.folder), world=self.world, hosts=hosts, rotate=rotate)

    def service(self, user: str) -> Broker:
        """How one of our own programs connects."""
        settings = self.settings
        password = settings[f"TREZOR_{user.upper()}_PASSWORD"]
        ca, share = self.place.authority, settings["TREZOR_SHARE"]
        return Broker.parse(f"mqtts://{user}:{password}@localhost:{self.port}?ca={ca}&share={share}")
