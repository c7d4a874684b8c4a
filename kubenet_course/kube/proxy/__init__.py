"""kube-proxy: what a node does with packets for Services. One module for each mode, and what all modes share."""
