"""`kubenet endpoints`: the EndpointSlices that the controller would keep."""

import json

import click

from ..kube.api.objects import EndpointSlice
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster
from ..kube.model.slice_plan import controlled
from ..kube.service.endpoints import as_kubernetes
from ..kube.service.mirroring import mirrored


@click.command("endpoints")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="The slices as Kubernetes prints them.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """The EndpointSlices that the controller would keep for these Services and pods.

    Slices among the files that the controller manages are brought up to date; where they stand, endpoints stay.
    Endpoints of Services without a selector are mirrored.
    """
    objects = read(files)
    cluster = Cluster(objects)
    kept = controlled(cluster.services, cluster.placed, cluster.machines, objects.slices)
    mirrors = mirrored(objects.endpoints, cluster.services)
    slices = [one for rows in (kept | mirrors).values() for one in rows]
    for notice in cluster.notices:
        click.echo(f"kubenet: {notice}", err=True)
    if as_json:
        click.echo(
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [as_kubernetes(one) for one in slices]}, indent=1)
        )
        return
    rows = [("NAMESPACE", "NAME", "TYPE", "PORTS", "ENDPOINTS"), *map(_row, slices)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(one: EndpointSlice) -> tuple[str, ...]:
    """A slice in a line. An endpoint that takes no new connection stands in brackets."""
    ports = ",".join(str(port.port) for port in one.ports or ()) or "none"
    said = [f"{each.addresses[0]}" if each.conditions.ready else f"({each.addresses[0]})" for each in one.endpoints]
    return one.metadata.namespace, one.metadata.name, one.address_type, ports, ",".join(said) or "none"
