"""The extensions of iptables (man iptables-extensions): a file holds a match or a target, how it is read and how it is written.

A file lists what it adds: `MATCHES` by the word after `-m`, `TARGETS` by the word after `-j`. Nothing else has to know of it.
"""
