"""A second method for policies: plain dictionaries as a file has them, the API's sentences one after the other, no sets,
no values, nothing shared with the package. And random small worlds to compare on.
"""

import ipaddress
import random
from itertools import groupby

TYPES = ("Ingress", "Egress")


def selected(selector, labels):
    """labels.Requirement.Matches, for each clause of a selector."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for clause in selector.get("matchExpressions") or []:
        has, value = clause["key"] in labels, labels.get(clause["key"])
        wanted = {
            "In": has and value in clause.get("values", []),
            "NotIn": not has or value not in clause.get("values", []),
            "Exists": has,
            "DoesNotExist": not has,
        }
        if not wanted[clause["operator"]]:
            return False
    return True


class Naive:
    def __init__(self, items):
        of = lambda kind: [one for one in items if one["kind"] == kind]  # noqa: E731
        self.namespaces = {
            one["metadata"]["name"]: {
                **one["metadata"].get("labels", {}),
                "kubernetes.io/metadata.name": one["metadata"]["name"],
            }
            for one in of("Namespace")
        }
        self.nodes = {one["metadata"]["name"]: one for one in of("Node")}
        self.pods = {
            f"{one['metadata']['namespace']}/{one['metadata']['name']}": one
            for one in of("Pod")
            if one.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        }
        self.policies = of("NetworkPolicy")
        self.cluster = of("ClusterNetworkPolicy")

    def outcomes(self, source, to, port, protocol):
        """The set of answers that the API's text allows for a pair of pods."""
        if source == to:
            return {True}
        a, b = self.pods[source], self.pods[to]
        out = self.direction("egress", a, b, b, port, protocol)
        into = self.direction("ingress", b, a, b, port, protocol)
        return {one and other for one in out for other in into}

    def direction(self, way, subject, other, receiver, port, protocol):
        if subject["spec"].get("hostNetwork"):
            return {True}
        args = (way, subject, other, receiver, port, protocol)
        found = set()
        for action in self.tier("Admin", *args):
            if action != "Next":
                found.add(action == "Accept")
                continue
            said = self.named(*args)
            if said is not None:
                found.add(said)
                continue
            found |= {base != "Deny" for base in self.tier("Baseline", *args)}
        return found

    def tier(self, tier, way, subject, other, receiver, port, protocol):
        policies = [one for one in self.cluster if one["spec"]["tier"] == tier]
        policies.sort(key=lambda one: one["spec"]["priority"])
        for _, group in groupby(policies, key=lambda one: one["spec"]["priority"]):
            actions = set()
            for policy in group:
                action = self.first(policy["spec"], way, subject, other, receiver, port, protocol)
                if action:
                    actions.add("Next" if action == "Pass" else action)
            if actions:
                return actions
        return {"Next"}

    def first(self, spec, way, subject, other, receiver, port, protocol):
        if not self.pods_peer(spec["subject"], subject):
            return None
        for rule in spec.get(way) or []:
            peers = rule["from" if way == "ingress" else "to"]
            if any(not set(peer) & {"namespaces", "pods", "nodes", "networks"} for peer in peers):
                if rule["action"] == "Accept":
                    continue
                return "Deny"
            if not any(self.cluster_peer(peer, other) for peer in peers):
                continue
            if not rule.get("protocols") or any(
                self.protocol(one, receiver, port, protocol) for one in rule["protocols"]
            ):
                return rule["action"]
        return None

    def pods_peer(self, peer, pod):
        if pod["spec"].get("hostNetwork"):
            return False
        home = self.namespaces[pod["metadata"]["namespace"]]
        labels = pod["metadata"].get("labels", {})
        if "namespaces" in peer:
            return selected(peer["namespaces"], home)
        if "pods" in peer:
            pods = peer["pods"]
            return selected(pods.get("namespaceSelector", {}), home) and selected(pods["podSelector"], labels)
        return False

    def cluster_peer(self, peer, other):
        ip = ipaddress.ip_address(other["status"]["podIP"])
        if "networks" in peer:
            return any(ip in ipaddress.ip_network(net) for net in peer["networks"])
        if "nodes" in peer:
            return any(
                selected(peer["nodes"], node["metadata"].get("labels", {}))
                and any(one["address"] == str(ip) for one in node["status"]["addresses"])
                for node in self.nodes.values()
            )
        return self.pods_peer(peer, other)

    def protocol(self, entry, receiver, port, protocol):
        if "destinationNamedPort" in entry:
            return (entry["destinationNamedPort"], protocol, port) in declared(receiver)
        said = entry.get(protocol.lower())
        if said is None:
            return False
        wanted = said.get("destinationPort")
        if not wanted:
            return True
        if "number" in wanted:
            return wanted["number"] == port
        return wanted["range"]["start"] <= port <= wanted["range"]["end"]

    def named(self, way, subject, other, receiver, port, protocol):
        """None: nobody isolates the pod in this direction."""
        own_node = other["spec"].get("hostNetwork") and other["spec"].get("nodeName") == subject["spec"].get("nodeName")
        isolated = False
        for policy in self.policies:
            spec = policy["spec"]
            types = spec.get("policyTypes") or (TYPES if spec.get("egress") else TYPES[:1])
            if policy["metadata"]["namespace"] != subject["metadata"]["namespace"]:
                continue
            if way.capitalize() not in types:
                continue
            if not selected(spec.get("podSelector") or {}, subject["metadata"].get("labels", {})):
                continue
            isolated = True
            if own_node:
                return True
            for rule in spec.get(way) or []:
                peers = rule.get("from" if way == "ingress" else "to")
                if peers and not any(self.peer(peer, policy, other) for peer in peers):
                    continue
                if rule.get("ports") and not any(self.port(one, receiver, port, protocol) for one in rule["ports"]):
                    continue
                return True
        return False if isolated else None

    def peer(self, peer, policy, other):
        block = peer.get("ipBlock")
        if block:
            ip = ipaddress.ip_address(other["status"]["podIP"])
            inside = ip in ipaddress.ip_network(block["cidr"])
            return inside and not any(ip in ipaddress.ip_network(text) for text in block.get("except") or [])
        if other["spec"].get("hostNetwork"):
            return False
        home = other["metadata"]["namespace"]
        spaces = peer.get("namespaceSelector")
        if spaces is None:
            if home != policy["metadata"]["namespace"]:
                return False
        elif not selected(spaces, self.namespaces[home]):
            return False
        return selected(peer.get("podSelector") or {}, other["metadata"].get("labels", {}))

    def port(self, said, receiver, port, protocol):
        if said.get("protocol", "TCP") != protocol:
            return False
        wanted = said.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            return (wanted, protocol, port) in declared(receiver)
        return wanted <= port <= said.get("endPort", wanted)


def declared(pod):
    ports = [port for container in pod["spec"].get("containers", []) for port in container.get("ports", [])]
    return {(port.get("name"), port.get("protocol", "TCP"), port["containerPort"]) for port in ports}


class Maker:
    """Random worlds of a few pods, small enough that every pair is worth a look."""

    def __init__(self, seed, cluster_wide=True):
        self.draw = random.Random(seed)
        self.cluster_wide = cluster_wide

    def world(self):
        draw = self.draw
        items = [
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{at}", "labels": self.labels()},
             "status": {"addresses": [{"type": "InternalIP", "address": f"192.168.0.{at}"}]}}
            for at in (1, 2)
        ]  # fmt: skip
        for name in "xyz":
            items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": self.labels()}})
            for pod in "abcd":
                items.append(self.pod(name, pod))
        items += [self.policy(at) for at in range(draw.randint(0, 5))]
        if self.cluster_wide:
            items += [self.cluster(at) for at in range(draw.randint(0, 5))]
        return items

    def labels(self):
        return {key: self.draw.choice(("1", "2")) for key in ("p", "q") if self.draw.random() < 0.7}

    def pod(self, namespace, name):
        draw, node = self.draw, self.draw.choice((1, 2))
        ports = [
            {"name": draw.choice(("web", "dns")), "containerPort": draw.choice((80, 53)),
             "protocol": draw.choice(("TCP", "UDP"))}
        ]  # fmt: skip
        host = draw.random() < 0.12
        ip = f"192.168.0.{node}" if host else f"10.0.{'xyz'.index(namespace)}.{'abcd'.index(name) * 60 + node}"
        return {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": self.labels()},
            "spec": {"nodeName": f"n{node}", "hostNetwork": host, "containers": [{"name": "c", "ports": ports}]},
            "status": {"podIP": ip, "phase": draw.choice(("Running",) * 9 + ("Succeeded",))},
        }  # fmt: skip

    def selector(self):
        draw = self.draw
        found = {}
        if draw.random() < 0.5:
            found["matchLabels"] = {draw.choice("pq"): draw.choice("12")}
        if draw.random() < 0.4:
            operator = draw.choice(("In", "NotIn", "Exists", "DoesNotExist"))
            clause = {"key": draw.choice("pqr"), "operator": operator}
            if operator in ("In", "NotIn"):
                clause["values"] = draw.sample(("1", "2", "3"), draw.randint(1, 2))
            found["matchExpressions"] = [clause]
        return found

    def spaces(self):
        if self.draw.random() < 0.2:
            return {"matchLabels": {"kubernetes.io/metadata.name": self.draw.choice("xyz")}}
        return self.selector()

    def block(self):
        draw = self.draw
        if draw.random() < 0.2:
            return {"cidr": "192.168.0.0/24"}
        if draw.random() < 0.3:
            return {"cidr": "10.0.0.0/16", "except": [f"10.0.{draw.randint(0, 2)}.0/{draw.choice((24, 25))}"]}
        return {"cidr": f"10.0.{draw.randint(0, 2)}.{draw.choice((0, 64, 128))}/{draw.choice((26, 27))}"}

    def peer(self):
        kind = self.draw.randint(0, 3)
        if kind == 0:
            return {"ipBlock": self.block()}
        if kind == 1:
            return {"podSelector": self.selector()}
        if kind == 2:
            return {"namespaceSelector": self.spaces()}
        return {"podSelector": self.selector(), "namespaceSelector": self.spaces()}

    def port(self):
        draw, said = self.draw, {}
        if draw.random() < 0.7:
            said["protocol"] = draw.choice(("TCP", "UDP"))
        if draw.random() < 0.8:
            said["port"] = draw.choice((80, 53, "web", "dns", 79))
            if said["port"] == 79:
                said["endPort"] = draw.choice((79, 90))
        return said

    def rule(self, word):
        draw, said = self.draw, {}
        for name, make, share in ((word, self.peer, 0.8), ("ports", self.port, 0.5)):
            if draw.random() < share:
                said[name] = [make() for _ in range(draw.randint(0, 2))]
        return said

    def policy(self, at):
        draw = self.draw
        spec = {"podSelector": self.selector()}
        for name, word in (("ingress", "from"), ("egress", "to")):
            if draw.random() < 0.7:
                spec[name] = [self.rule(word) for _ in range(draw.randint(0, 2))]
        if draw.random() < 0.7:
            spec["policyTypes"] = draw.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"], []))
        metadata = {"name": f"np{at}", "namespace": draw.choice("xyz")}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}

    def pods_of(self):
        if self.draw.random() < 0.4:
            return {"namespaces": self.spaces()}
        said = {"podSelector": self.selector()}
        return {"pods": said | ({"namespaceSelector": self.spaces()} if self.draw.random() < 0.8 else {})}

    def cluster_peer(self, word):
        draw = self.draw
        if draw.random() < 0.05:
            return {"comesLater": {}}
        if word == "to" and draw.random() < 0.5:
            if draw.random() < 0.5:
                return {"nodes": self.selector()}
            return {"networks": draw.sample(("10.0.0.0/24", "10.0.1.0/25", "192.168.0.0/16", "0.0.0.0/0"), 2)}
        return self.pods_of()

    def protocol(self, named):
        draw = self.draw
        if named and draw.random() < 0.3:
            return {"destinationNamedPort": draw.choice(("web", "dns"))}
        port = draw.choice(({"number": draw.choice((80, 53))}, {"range": {"start": 50, "end": draw.choice((60, 90))}}))
        return {draw.choice(("tcp", "udp")): {"destinationPort": port} if draw.random() < 0.8 else {}}

    def cluster_rule(self, word):
        draw = self.draw
        said = {"action": draw.choice(("Accept", "Deny", "Pass"))}
        said[word] = [self.cluster_peer(word) for _ in range(draw.randint(1, 2))]
        named = not any("nodes" in peer or "networks" in peer for peer in said[word])
        if draw.random() < 0.5:
            said["protocols"] = [self.protocol(named) for _ in range(draw.randint(1, 2))]
        return said

    def cluster(self, at):
        draw = self.draw
        spec = {"tier": draw.choice(("Admin", "Baseline")), "priority": draw.randint(0, 2), "subject": self.pods_of()}
        for name, word in (("ingress", "from"), ("egress", "to")):
            if draw.random() < 0.7:
                spec[name] = [self.cluster_rule(word) for _ in range(draw.randint(1, 3))]
        return {
            "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": f"cnp{at}"}, "spec": spec,
        }  # fmt: skip
