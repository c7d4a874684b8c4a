"""`kubenet route translate`: Ingresses written again as Gateway API objects."""

from __future__ import annotations

import json

import click
import yaml

from ..errors import BadInput
from ..kube.gateway.doors import Doors
from ..kube.gateway.translate import translated
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster
from .route_why import FILES, JSON, command


@command.command("translate", short_help="Ingresses as Gateways and HTTPRoutes, and what cannot be carried over.")
@FILES
@JSON
def translate_(files: tuple[str, ...], as_json: bool) -> int:
    """Writes Ingresses again as Gateway API objects: YAML on standard output, what cannot be carried over on standard error.

    Give the Services too, where an Ingress names a port by its name. Exit code: 0 all is carried over; 1 something is not.
    """
    doors = Doors(Cluster(read(files)))
    for notice in doors.cluster.notices:
        click.echo(f"kubenet: {notice}", err=True)
    if not doors.objects.ingresses:
        raise BadInput(files[0], "there is no Ingress", "give the Ingresses: kubectl get ingresses,services -A -o yaml")
    made = translated(doors.objects.ingresses, doors.behind)
    if as_json:
        left = [{"ingress": one.ingress, "path": one.path, "says": one.says} for one in made.left]
        click.echo(json.dumps({"objects": list(made.objects), "not_carried": left}, indent=1))
    else:
        click.echo("---\n".join(yaml.safe_dump(one, sort_keys=False) for one in made.objects), nl=False)
        for one in made.left:
            click.echo(f"kubenet: {one.ingress}: {one.path}: {one.says}", err=True)
    return 1 if made.left else 0
