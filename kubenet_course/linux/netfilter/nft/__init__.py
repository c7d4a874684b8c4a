"""nftables: a ruleset as data, its text as `nft list ruleset` prints it, and its JSON form."""
