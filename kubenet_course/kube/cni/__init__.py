"""The container network interface: its contract, a runtime that keeps it, and three plugins that any runtime can call.

`spec` has the contract's words, `skel` answers one call, `result` converts answers between versions, `host_local` gives
addresses, `bridge` and `portmap` plan what to wire, `runtime` runs chains of plugins. The plugins start from a cold
process on every call, so nothing here imports what that call does not need.
"""
