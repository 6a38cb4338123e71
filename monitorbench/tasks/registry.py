"""Which task families there are."""

from __future__ import annotations

from monitorbench.registry import Registry

TASKS = Registry(
    "task family",
    "monitorbench.tasks",
    {
        "arithmetic-chain": "monitorbench.tasks.arithmetic_chain:ArithmeticChain",
        "graph-reachability": "monitorbench.tasks.graph_reachability:GraphReachability",
        "word-problems": "monitorbench.tasks.word_problems:WordProblems",
    },
    needs=("name", "summary", "schema", "problems", "grade"),
)
