"""`kubenet endpoints`: the EndpointSlices that the controller would keep."""

import click

from ..kube.api.objects import EndpointSlice
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster
from ..kube.model.slice_plan import controlled
from ..kube.service.mirroring import mirrored
from ..kube.service.printed import as_kubernetes
from .output import dumped, form, listed, table


@click.command("endpoints")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@listed
def command(files: tuple[str, ...], output: str | None, as_json: bool) -> None:
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
    wanted = form(output, as_json)
    if wanted in ("json", "yaml"):
        click.echo(
            dumped({"apiVersion": "v1", "kind": "List", "items": [as_kubernetes(one) for one in slices]}, wanted)
        )
    elif wanted == "name":
        for one in slices:
            click.echo(f"endpointslice.discovery.k8s.io/{one.metadata.name}")
    else:
        is_wide = wanted == "wide"
        heads = ("NAMESPACE", "NAME", "TYPE", "PORTS", "ENDPOINTS", *(("PODS", "NODES") if is_wide else ()))
        click.echo(table([heads, *(_row(one) + (_wide(one) if is_wide else ()) for one in slices)]))


def _wide(one: EndpointSlice) -> tuple[str, ...]:
    """Whose addresses they are, and where those run."""
    pods = [each.target_ref.name if each.target_ref else "" for each in one.endpoints]
    nodes = [each.node_name or "" for each in one.endpoints]
    return tuple(",".join(filter(None, names)) or "none" for names in (pods, nodes))


def _row(one: EndpointSlice) -> tuple[str, ...]:
    """A slice in a line. An endpoint that takes no new connection stands in brackets."""
    ports = ",".join(str(port.port) for port in one.ports or ()) or "none"
    said = [f"{each.addresses[0]}" if each.conditions.ready else f"({each.addresses[0]})" for each in one.endpoints]
    return one.metadata.namespace, one.metadata.name, one.address_type, ports, ",".join(said) or "none"
