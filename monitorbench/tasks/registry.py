"""Which task families there are."""

from __future__ import annotations

from monitorbench.registry import Registry

TASKS = Registry(
    "task family",
    "monitorbench.tasks",
    {
        "arithmetic-chain": "monitorbench.tasks.arithmetic_chain:ArithmeticChain",
        "datasets": "monitorbench.tasks.datasets:DataSet",
        "graph-reachability": "monitorbench.tasks.graph_reachability:GraphReachability",
        "jsonl": "monitorbench.tasks.jsonl:Jsonl",
        "word-problems": "monitorbench.tasks.word_problems:WordProblems",
    },
    needs=("name", "summary", "schema", "problems", "grade"),
)
