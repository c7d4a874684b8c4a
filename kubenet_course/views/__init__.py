"""What people look at: tables, pictures, bytes, captures. Every view is computed from a trace or from tables.

This is the room's face: chapters and other rooms take from here; each module loads when one of its names is first asked for.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "balance.comparer": ("Comparer",),
        "cni_steps": ("Wiring",),
        "console": ("Console",),
        "controls": ("Controls",),
        "drawing.around": ("surroundings",),
        "maps.map": ("Map",),
        "matrices.matrices": ("Matrices", "why"),
        "matrices.matrix": ("matrix",),
        "outside.answers": ("asking", "attachments", "routed"),
        "outside.ways": ("SourceControls", "ways"),
        "planner.desk": ("Desk",),
        "planner.planner": ("Planner",),
        "planner.world": ("blocks", "deeds", "kernels"),
        "policies.asked": ("allowed", "asked"),
        "policies.beside": ("beside",),
        "policies.explorer": ("Explorer",),
        "story.beside": ("field_by_field", "headers"),
        "story.frame": ("frame_table",),
        "story.heard": ("heard",),
        "story.stepper": ("Stepper",),
        "tables.binds": ("binds",),
        "tables.envelopes": ("envelopes",),
        "tables.flows": ("flows",),
        "tables.policy": ("ip_rules",),
        "tables.pod": ("PodPicture", "pod"),
        "tables.reach": ("hops", "reached_from"),
        "tables.rules": ("chain", "chances", "excerpt"),
        "tables.segments": ("segments",),
        "tables.shares": ("by_rule", "shares"),
        "tables.show": ("show",),
        "tables.table": ("table",),
        "tables.written": ("ebpf_text", "ipvs_text", "nft_text", "windows_text"),
        "timeline.desk": ("ProbeControls",),
        "timeline.lifeline": ("Lifeline",),
        "topology.graph": ("bridge_loops", "graph", "hearing"),
    },
)
