"""What `kubenet route why` shows: the answer as JSON and as text."""

from __future__ import annotations

from typing import Any

import click

from ..kube.gateway.backends import dangling
from ..kube.gateway.doors import Doors
from ..kube.gateway.onward import Leg
from ..kube.gateway.request import Answer, Attachment, Lost, Reference, Share
from ..linux.packet.packet import Neighbour, Packet
from ..linux.verdicts import verdict, way_there
from .trace import step_row


def _reference(one: Reference | None) -> str | None:
    return str(one) if one is not None else None


def _share(one: Share) -> dict[str, Any]:
    to = one.to
    row = {"backend": str(to), "weight": to.weight, "probability": round(one.probability, 9), "status": to.status}
    return row | ({"reason": to.reason, "says": to.says} if to.reason else {})


def _lost(one: Lost) -> dict[str, Any]:
    kind, _, name = one.route.partition(" ")
    return {"kind": kind, "route": name, "rule": one.rule, "match": one.match, "says": one.says}


def _attachment(one: Attachment) -> dict[str, Any]:
    kind, _, name = one.route.partition(" ")
    row = {"kind": kind, "route": name, "parent": one.parent, "attached": one.attached}
    return row | {"listeners": list(one.listeners), "reason": one.reason, "says": one.says}


def row_of(one: Answer) -> dict[str, Any]:
    """The answer alone, as JSON holds it."""
    kind, _, name = one.route.partition(" ")
    sent = one.forwarded
    return {
        "status": one.status, "verdict": one.verdict, "says": one.says, "gateway": one.door,
        "listener": one.listener.rpartition(" listener ")[2],
        "listener_of": one.listener.partition(" listener ")[0],
        "kind": kind or None, "route": name or None, "rule": one.rule if name else None,
        "match": one.match if name else None, "because": one.because, "over": [_lost(each) for each in one.over],
        "backend": _reference(one.backend), "backends": [_share(each) for each in one.shares],
        "location": one.location or None, "grpc_status": one.grpc_status or None,
        "forwarded": {"host": sent.host, "path": sent.path, "method": sent.method,
                      "headers": [list(pair) for pair in sent.headers]} if sent else None,
        "response_headers": [list(each) for each in one.response_headers],
        "mirrors": [_share(each) for each in one.mirrors],
        "certain": one.certain, "hangs_on": list(one.hangs_on),
    }  # fmt: skip


def whole(doors: Doors, answer: Answer, others: list[Answer], found: list[Leg]) -> dict[str, Any]:
    packets = [
        {"says": leg.says, "from": leg.who, "to": leg.where, "verdict": verdict(leg.trace).name,
         "delivered_in": verdict(leg.trace).delivered_to, "seen_from": verdict(leg.trace).seen_from,
         "steps": [step_row(step) for step in way_there(leg.trace).steps]}
        for leg in found
    ]  # fmt: skip
    loose = [
        {"route": route.partition(" ")[2], "kind": route.partition(" ")[0], "path": one.where, "backend": str(one),
         "reason": one.reason, "says": one.says}
        for route, one in dangling(doors.objects, doors.behind)
    ]  # fmt: skip
    return row_of(answer) | {
        "routes": [_attachment(one) for one in doors.attachments()],
        "dangling": loose,
        "others": [{"gateway": one.door, "status": one.status, "says": one.says} for one in others],
        "packets": packets,
    }


def show(doors: Doors, answer: Answer, others: list[Answer], found: list[Leg]) -> None:
    for text in answer.hangs_on:
        click.echo(f"not certain: it hangs on {text}")
    click.secho(answer.says, bold=True)
    click.echo(f"  asked     {answer.listener if ' listener ' in answer.listener else answer.door}")
    if answer.route:
        click.echo(f"  rule      {answer.route} rule {answer.rule}, match {answer.match}: {answer.because}")
    for one in answer.over:
        click.echo(f"  over      {one.route} rule {one.rule}, match {one.match}: {one.says}")
    for share in answer.shares if len(answer.shares) > 1 else ():
        told = f": {share.to.status}, {share.to.says}" if share.to.reason else ""
        click.echo(f"  backend   {share.to} gets {share.probability:.1%}{told}")
    if answer.forwarded is not None:
        sent = answer.forwarded
        click.echo(
            f"  sent on   {sent.method} {sent.path} Host: {sent.host}" + "".join(f" {k}: {v}" for k, v in sent.headers)
        )
    for share in answer.mirrors:
        click.echo(f"  copy      {share.to} ({share.probability:.0%}){': ' + share.to.says if share.to.reason else ''}")
    for what, name, value in answer.response_headers:
        click.echo(f"  answer    {what} {name} {value}".rstrip())
    for row in doors.attachments():
        word = "attached" if row.attached else "not"
        click.echo(
            f"  {word:<9} {row.route} to {row.parent or 'nothing'}: {row.reason}{', ' if row.reason else ''}{row.says}"
        )
    for route, ref in dangling(doors.objects, doors.behind):
        click.echo(f"  dangling  {route} {ref.where} -> {ref}: {ref.reason}, {ref.says}")
    for other in others:
        click.echo(f"  elsewhere {other.door}: {other.says}")
    for leg in found:
        click.secho(f"{leg.says}: {leg.who} -> {leg.where}", bold=True)
        for step in way_there(leg.trace).steps:
            if step.said and isinstance(step.skb.packet, Packet) and not isinstance(step.skb.packet.payload, Neighbour):
                click.echo(f"  {step.namespace:<20} {step.stage:<24} {step.said}")
        click.echo(f"  {verdict(leg.trace)}")
