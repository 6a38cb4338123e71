"""Which check types there are. Importing this loads no model code."""

from __future__ import annotations

from monitorbench.registry import Registry

CHECKS = Registry(
    "check type",
    "monitorbench.checks",
    {
        "bottleneck-drop": "monitorbench.checks.bottleneck_drop:BottleneckDrop",
        "chronology-score": "monitorbench.checks.chronology_score:ChronologyScore",
        "hidden-context": "monitorbench.checks.hidden_context:HiddenContext",
        "length-foresight": "monitorbench.checks.length_foresight:LengthForesight",
        "opaque-depth-ratio": "monitorbench.checks.opaque_depth_ratio:OpaqueDepthRatio",
        "revision-rate": "monitorbench.checks.revision_rate:RevisionRate",
        "variable-transparency": "monitorbench.checks.variable_transparency:VariableTransparency",
    },
    needs=("name", "summary", "schema", "arms", "needs_baseline", "judge"),
)
