"""Which formats a report can be rendered in. Importing this loads none of them.

A format is a function `render(report, **options) -> str` that reads nothing but its arguments and escapes every text of
a model, a suite or a task for what it writes. The options are those of the format; each has a default.
"""

from __future__ import annotations

from monitorbench.registry import Registry

FORMATS = Registry(
    "report format",
    "monitorbench.formats",
    {
        "github": "monitorbench.report.render.github:render",
        "html": "monitorbench.report.render.html:render",
        "json": "monitorbench.report.write:dumps",
        "junit": "monitorbench.report.render.junit:render",
        "markdown": "monitorbench.report.render.markdown:render",
        "terminal": "monitorbench.report.render.terminal:render",
    },
)
