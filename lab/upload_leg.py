"""Inside a lab: one upload to the beacon under a name; prints the observation as JSON.

``python -m lab.upload_leg CA_FILE SPEC_FILE NAME``
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from lab.world.build import BEACON
from lab.world.dns import Zone
from lab.world.spec import WorldSpec
from probe.config.schema import VantageConfig
from probe.measure.one_leg.upload import measure_upload
from probe.measure.tls.trust import Trust
from probe.model.identity import LegRole, Verify
from probe.model.observation import Leg, LegObservation

SECONDS = 20.0
UPLOAD_BYTES = 65_536


async def measure(ca_file: str, spec: WorldSpec, name: str) -> LegObservation:
    """Send it, whatever certificate is shown."""
    leg = Leg(
        role=LegRole.DECOY,
        owner="x",
        target="upload",
        connect_to=BEACON,
        port=443,
        url=f"https://{name}/",
        sni=name,
        certificate_name=name,
        verify=Verify.RECORD,
        prober="upload",
        http_versions=("http/1.1",),
        send_bytes=UPLOAD_BYTES,
    )
    (address, *_) = Zone(spec.zone, spec.ttl_seconds).lookup(BEACON) or [None]
    return await measure_upload(
        leg,
        address=address,
        via=VantageConfig(name="default"),
        trust=Trust.load(ca_file),
        deadline_seconds=SECONDS,
        order=0,
    )


def main(ca_file: str, spec_file: str, name: str) -> None:
    """Measure and print."""
    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=WorldSpec)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(measure(ca_file, spec, name))))


if __name__ == "__main__":
    main(*sys.argv[1:])
