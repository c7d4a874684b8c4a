"""A real runtime calls our plugins: containerd and runc run a container from a root directory made on the spot, no image."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cni_calls import installed
from cni_lab import why_not

MISSING = [each for each in ("containerd", "ctr", "runc") if not shutil.which(each)]
REASON = f"no {', '.join(MISSING)} here (Debian: containerd)" if MISSING else why_not()

CONFLIST = """{"cniVersion": "1.0.0", "name": "kubenet", "plugins": [
  {"type": "kubenet-bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
   "ipam": {"type": "kubenet-host-local", "subnet": "10.244.1.0/24", "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "kubenet-portmap", "capabilities": {"portMappings": true}}]}"""

CONFIG = """version = 2
root = "/run/ctd/root"
state = "/run/ctd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/ctd.sock"
"""

# Everything that the runtime reads and writes lies on a private /run and on overlays that end with this namespace.
SCRIPT = """set -e
mount -t tmpfs tmpfs /run
for each in etc var/lib; do
  mkdir -p /run/over/$each/upper /run/over/$each/work
  mount -t overlay overlay -o lowerdir=/$each,upperdir=/run/over/$each/upper,workdir=/run/over/$each/work /$each
done
mount -t tmpfs tmpfs /opt
mkdir -p /opt/cni /etc/cni/net.d /var/lib/cni
mount -t tmpfs tmpfs /var/lib/cni
cp -r "$1/bin" /opt/cni/bin
cp "$1/10-kubenet.conflist" /etc/cni/net.d/
ip link set lo up
root=/run/rootfs
mkdir -p $root/bin $root/proc $root/dev $root/sys $root/etc $root/run $root/tmp
cp /bin/dash $root/bin/sh
for library in $(ldd /bin/dash | grep -o '/[^ ]*'); do mkdir -p $root/$(dirname $library); cp $library $root$library; done
containerd -c "$1/containerd.toml" > /run/ctd.log 2>&1 &
for turn in $(seq 100); do [ -S /run/ctd.sock ] && break; sleep 0.1; done
look='while read line; do echo "$line"; done < /proc/net/fib_trie; while read line; do echo "$line"; done < /proc/net/route'
timeout 60 ctr -a /run/ctd.sock run --rm --cni --rootfs $root c1 /bin/sh -c "$look" || { cat /run/ctd.log; exit 1; }
echo "== after"
cd /var/lib/cni && find . -type f
"""


@pytest.mark.skipif(bool(REASON), reason=REASON or "able")
def test_a_container_gets_its_address_and_default_route_from_our_plugins_and_gives_them_back(tmp_path: Path):
    installed(tmp_path / "bin", "bridge", "host-local", "portmap")
    (tmp_path / "10-kubenet.conflist").write_text(CONFLIST)
    (tmp_path / "containerd.toml").write_text(CONFIG)
    inside = ["unshare", "-n", "-m", "-p", "--fork", "--mount-proc", "--kill-child"]
    done = subprocess.run(
        [*inside, "bash", "-c", SCRIPT, "bash", str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen, _, after = done.stdout.partition("== after\n")
    assert "|-- 10.244.1.2\n/32 host LOCAL" in seen
    gateway = "0101F40A"  # 10.244.1.1 as /proc/net/route writes it
    assert any(line.split()[:3] == ["eth0", "00000000", gateway] for line in seen.splitlines())
    assert sorted(after.split()) == ["./networks/kubenet/last_reserved_ip.0", "./networks/kubenet/lock"]
