"""An example for the help of each command, in one place. A test runs those that only read."""

from __future__ import annotations

import click

FROM_TO = "--from pod/default/client --to svc/default/web:80"
EXAMPLES = {
    "": "kubenet trace cluster.yaml --from pod/default/client --to web:80",
    "trace": f"kubenet trace cluster.yaml {FROM_TO}",
    "plan": "kubenet plan --allocate-node-cidrs --cluster-cidr=10.244.0.0/16 --nodes 3",
    "proxy": "kubenet proxy rules cluster.yaml --node node-1",
    "proxy rules": "kubenet proxy rules cluster.yaml --node node-1",
    "proxy diff": "kubenet proxy diff cluster.yaml --from iptables --to nftables",
    "endpoints": "kubenet endpoints cluster.yaml -o wide",
    "lab": "kubenet lab script scenario.json",
    "lab run": f"kubenet lab run cluster.yaml {FROM_TO}",
    "lab script": "kubenet lab script scenario.json > build.sh",
    "progress": "kubenet progress export my-progress.json",
    "progress export": "kubenet progress export my-progress.json",
    "progress import": "kubenet progress import my-progress.json",
    "progress reset": "kubenet progress reset 00-source",
    "progress table": "kubenet progress table class/*.json > class.csv",
    "edition": "kubenet edition class OUT/ --student 'Ada Lovelace'",
    "site": "kubenet site OUT/",
    "cni": "kubenet cni add net.conflist --container-id web --netns /var/run/netns/web --ifname eth0",
    "cni add": "kubenet cni add net.conflist --container-id web --netns /var/run/netns/web --ifname eth0",
    "cni del": "kubenet cni del net.conflist --container-id web --netns /var/run/netns/web --ifname eth0",
    "cni check": "kubenet cni check net.conflist --container-id web --netns /var/run/netns/web --ifname eth0",
    "cni gc": "kubenet cni gc net.conflist --valid web/eth0",
    "cni status": "kubenet cni status net.conflist --cni-path /opt/cni/bin",
    "rules": "kubenet rules trace rules.txt -s 10.0.0.1 -d 10.0.0.2 -p tcp --dport 80 -i eth0",
    "rules trace": "kubenet rules trace rules.txt -s 10.0.0.1 -d 10.0.0.2 -p tcp --dport 80 -i eth0",
    "route": "kubenet route why routes.yaml --host shop.example.com --path /cart",
    "route why": "kubenet route why routes.yaml --host shop.example.com --path /cart --header version=v2",
    "route translate": "kubenet route translate ingresses.yaml > gateway.yaml",
    "probes": "kubenet probes run pod.yaml --behaviour behaviour.yaml --until 60",
    "probes run": "kubenet probes run pod.yaml --behaviour behaviour.yaml --until 60",
    "rollout": "kubenet rollout run deployment.yaml --behaviour behaviour.yaml",
    "rollout run": "kubenet rollout run deployment.yaml --behaviour behaviour.yaml",
    "policy": "kubenet policy matrix cluster.yaml --port 80/TCP",
    "policy matrix": "kubenet policy matrix cluster.yaml --port 80/TCP",
    "policy why": "kubenet policy why cluster.yaml --from pod/default/client --to pod/default/web-1 --port 80/TCP",
    "policy diff": "kubenet policy diff before.yaml after.yaml",
    "policy lint": "kubenet policy lint cluster.yaml",
    "policy suggest": "kubenet policy suggest cluster.yaml --from pod/default/a --to pod/default/b --port 80/TCP --deny",
    "policy exposure": "kubenet policy exposure cluster.yaml --port 80/TCP",
    "policy test": "kubenet policy test cluster.yaml --checks checks.yaml",
    "policy rules": "kubenet policy rules cluster.yaml --node node-1 --mode iptables",
}


def with_example(command: click.Command, name: str = "") -> click.Command:
    """The command, and those below it, with an example at the end of their help."""
    if name in EXAMPLES and "Example:" not in f"{command.help}{command.epilog}":
        command.epilog = f"\b\nExample:\n  {EXAMPLES[name]}"
    if isinstance(command, click.Group):
        for part, below in command.commands.items():
            with_example(below, f"{name} {part}".strip())
    return command
