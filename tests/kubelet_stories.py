"""Pods for the tests of the kubelet: one container `web` that is asked by HTTP, and what happened to it."""

from kubenet_course.kube.kubelet.behaviour import Behaviour
from kubenet_course.kube.kubelet.ending import delete
from kubenet_course.kube.kubelet.event import Settings
from kubenet_course.kube.kubelet.spec import Container, HTTPGet, PodSpec, Probe
from kubenet_course.kube.kubelet.sync import create
from kubenet_course.linux.timeline import SECOND, Timeline

GET = HTTPGet(path="/", port=80)


def probe(**settings):
    return Probe(http_get=GET, **settings)


def pod_of(restart="Always", **container):
    return PodSpec(containers=(Container(name="web", **container),), restart_policy=restart)


def lives(spec, until, behaviours=None, delete_at=None, settings=None, **web):
    """The pod after `until` seconds, and all that happened."""
    timeline, events = Timeline(), []
    told = behaviours or {"web": Behaviour(**web)}
    pod = create(timeline, "web", spec, told, settings or Settings())
    pod.tell = events.append
    if delete_at is not None:
        timeline.at(round(delete_at * SECOND), lambda: delete(pod))
    timeline.run(round(until * SECOND))
    return pod, events


def times(events, what, result=None, container=None, kind=None):
    """When something happened."""
    return [
        one.t
        for one in events
        if one.what == what
        and result in (None, one.result)
        and container in (None, one.container)
        and kind in (None, one.probe)
    ]
