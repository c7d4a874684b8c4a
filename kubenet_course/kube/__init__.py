"""What Kubernetes decides: objects in, tables out.

This is the room's face: chapters and other rooms take from here; each module loads when one of its names is first asked for.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "api.core": ("Container", "PodStatus"),
        "gateway.doors": ("doors_of",),
        "gateway.request": ("Request",),
        "gateway.translate": ("translated",),
        "kubelet.worker": ("FIRST",),
        "layout.asked.limits": ("most_nodes", "most_pods"),
        "layout.asked.ports": ("clients", "opened", "room"),
        "layout.asked.reach": ("End", "ends", "reach", "reachability"),
        "model.cluster": ("cluster",),
        "nodeipam.cidr": ("parse_sloppy",),
        "nodeipam.cloud_routes": ("LIMITS", "reconcile"),
        "nodeipam.kcm_flags": ("ControllerExit", "MEANING", "configured", "default_of", "parse_flags"),
        "nodeipam.node_ipam": ("capacity",),
        "nodeipam.node_world": ("NodeWorld",),
        "outside.health": ("check",),
        "outside.ways": ("Case", "sender_and_target", "trace_of", "way_in", "ways_in", "world_for"),
        "policy.changes.diff": ("changes",),
        "policy.enforce.kernels": ("Enforced",),
        "policy.lint.whole": ("lint",),
        "questions.ask": ("request",),
        "proxy.other.ebpf": ("at_connect", "at_device", "maglev", "maps"),
        "proxy.other.kernelspace": ("kernelspace",),
        "proxy.other.userspace": ("portals", "tries"),
        "questions.other": ("by_ebpf", "through_the_process"),
        "questions.cost": ("Cost", "Costs", "costs"),
        "questions.connectivity": ("Reached", "addresses", "broken_rules", "connectivity", "reached"),
        "questions.containers": ("containers", "started"),
        "service.service_ipam": ("allocate_next", "service_range"),
        "workload.rolled": ("roll_out",),
        "workload.watched": ("watch",),
    },
)
