"""The node IPAM controller once more, as slowly and plainly as can be: a list of bits, a list of who waits.

Written from Kubernetes' sources (range_allocator.go, cidr_set.go, core.go, client-go's rate limiter), and from nothing of
the course: the two are compared on stories that chance makes.
"""

import ipaddress

SHORTER = "mask size of cluster CIDR must be less than or equal to --node-cidr-mask-size configured for CIDR family"


class Exits(Exception):
    """The controller manager is gone; the text is what it logs last."""


class Blocks:
    """CidrSet: one bit a block."""

    def __init__(self, cluster, mask):
        self.cluster, self.mask = cluster, mask
        if cluster.version == 6 and mask - cluster.prefixlen > 16:
            raise Exits("New CIDR set failed; the node CIDR size is too big")
        self.bits = [False] * (1 << (mask - cluster.prefixlen))
        self.candidate = 0

    def allocate_next(self):
        for _ in self.bits:
            at = self.candidate
            self.candidate = (at + 1) % len(self.bits)
            if not self.bits[at]:
                self.bits[at] = True
                size = 1 << (self.cluster.max_prefixlen - self.mask)
                return f"{self.cluster.network_address + at * size}/{self.mask}"
        return None

    def mark(self, cidr, used):
        """Occupy and Release, block by block; what neither holds nor is held is out of the range."""
        if cidr.version != self.cluster.version or not cidr.overlaps(self.cluster):
            raise ValueError(f"cidr {cidr} is out the range of cluster cidr {self.cluster}")
        size = 1 << (self.cluster.max_prefixlen - self.mask)
        for at in range(len(self.bits)):
            first = int(self.cluster.network_address) + at * size
            if first <= int(cidr.broadcast_address) and int(cidr.network_address) <= first + size - 1:
                self.bits[at] = used


def masks_of(clusters, plain, four, six):
    """setNodeCIDRMaskSizes; 0 is a flag that was left out."""
    single_six = len(clusters) == 1 and clusters[0].version == 6
    if len(clusters) > 1 and plain:
        raise Exits("usage of --node-cidr-mask-size is not allowed with dual-stack clusters")
    if len(clusters) == 1 and plain and (four or six):
        raise Exits(
            "usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if --node-cidr-mask-size is set. "
            "For dual-stack clusters please unset it and use IPFamily specific flags"
        )
    if len(clusters) == 1 and not plain and four and single_six:
        raise Exits("usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster")
    if len(clusters) == 1 and not plain and six and not single_six:
        raise Exits("usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster")
    return [plain or ((four or 24) if cluster.version == 4 else (six or 64)) for cluster in clusters]


class Naive:
    """The controller with its nodes, clock in microseconds; the same words as the course's World."""

    def __init__(self, clusters, services=(), plain=0, four=0, six=0, settle=2_000_000):
        self.clusters = [ipaddress.ip_network(text, strict=False) for text in clusters]
        self.services = [ipaddress.ip_network(text, strict=False) for text in services]
        self.flags, self.settle = (plain, four, six), settle
        self.nodes, self.now, self.error = {}, 0, None

    def start(self):
        self.sets, self.failures, self.retries, self.short = None, {}, [], set()
        self.tokens, self.counted_at = 10_000_000, self.now  # a hundred tokens; a new one every 100,000 microseconds
        self.error = None
        try:
            self.sets = self._sets()
            for name in sorted(self.nodes):
                self._occupy(name)
        except (Exits, ValueError) as error:
            self.sets, self.error = None, str(error)
            return
        for name in sorted(self.nodes):
            self._sync(name)
        self._wait()

    def _sets(self):
        versions = [cluster.version for cluster in self.clusters]
        if len(versions) > 1 and len(set(versions)) == 1:
            raise Exits(
                f"len of ClusterCIDRs=={len(versions)} and they are not configured as dual stack (at least one from each IPFamily"
            )
        if len(versions) > 2:
            raise Exits(f"length of clusterCIDRs is:{len(versions)} more than max allowed of 2")
        if len(self.services) == 2 and self.services[0].version == self.services[1].version:
            raise Exits("serviceCIDR and secondaryServiceCIDR are not dualstack (from different IPfamiles)")
        masks = masks_of(self.clusters, *self.flags)
        if any(cluster.prefixlen > mask for cluster, mask in zip(self.clusters, masks, strict=True)):
            raise Exits(f"Controller: Invalid --cluster-cidr, {SHORTER}")
        sets = [Blocks(cluster, mask) for cluster, mask in zip(self.clusters, masks, strict=True)]
        for service in self.services:
            for one in sets:
                if one.cluster.version == service.version and one.cluster.overlaps(service):
                    one.mark(service, used=True)
        return sets

    def _occupy(self, name):
        for index, text in enumerate(self.nodes[name]):
            if index >= len(self.sets):
                raise ValueError(
                    f"node:{name} has an allocated cidr: {text} at index:{index} "
                    "that does not exist in cluster cidrs configuration"
                )
            try:
                self.sets[index].mark(ipaddress.ip_network(text), used=True)
            except ValueError as error:
                raise ValueError(
                    f"failed to mark cidr[{text}] at idx [{index}] as occupied for node: {name}: {error}"
                ) from None

    def _sync(self, name):
        failed, self.short = False, self.short - {name}
        if self.nodes[name]:
            try:
                self._occupy(name)
            except ValueError:
                failed = True
        else:
            blocks = []
            for one in self.sets:
                block = one.allocate_next()
                if block is None:
                    failed = True
                    self.short.add(name)
                    break
                blocks.append(block)
            if not failed:
                self.nodes[name] = tuple(blocks)
        if not failed:
            self.failures.pop(name, None)
            return
        count = self.failures[name] = self.failures.get(name, 0) + 1
        self.tokens = min(10_000_000, self.tokens + self.now - self.counted_at) - 100_000
        self.counted_at = self.now
        due = self.now + max(min(5_000 * 2 ** (count - 1), 1_000_000_000), -self.tokens)
        if all(planned > due for planned, other in self.retries if other == name):  # of two moments the earlier counts
            self.retries = [retry for retry in self.retries if retry[1] != name] + [(due, name)]

    def _wait(self):
        until = self.now + self.settle
        while self.sets and self.retries:
            due, name = min(self.retries, key=lambda retry: retry[0])
            free = self.short and all(not all(one.bits) for one in self.sets)
            if due > until and not free:
                break
            self.now = due
            self.retries.remove((due, name))
            if name in self.nodes:
                self._sync(name)
        self.now = max(self.now, until)

    def create(self, name, cidrs=()):
        """Whether the API server takes the node."""
        try:
            families = [ipaddress.ip_network(text).version for text in cidrs]
        except ValueError:
            return False
        if name in self.nodes or len(families) > 2 or len(set(families)) < len(families):
            return False
        self.nodes[name] = tuple(cidrs)
        if self.sets:
            self._sync(name)
        self._wait()
        return True

    def delete(self, name):
        if name not in self.nodes:
            return False
        cidrs = self.nodes.pop(name)
        if self.sets:
            self.failures.pop(name, None)
            self.short.discard(name)
            for index, text in enumerate(cidrs):
                try:
                    self.sets[index].mark(ipaddress.ip_network(text), used=False)
                except (ValueError, IndexError):
                    break
        self._wait()
        return True
