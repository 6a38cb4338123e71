"""Which task families there are."""

from __future__ import annotations

from monitorbench.registry import Registry

TASKS = Registry(
    "task family",
    "monitorbench.tasks",
    {
        "arithmetic-chain": "monitorbench.tasks.arithmetic_chain:ArithmeticChain",
        "balanced-brackets": "monitorbench.tasks.balanced_brackets:BalancedBrackets",
        "collatz": "monitorbench.tasks.collatz:Collatz",
        "datasets": "monitorbench.tasks.datasets:DataSet",
        "graph-reachability": "monitorbench.tasks.graph_reachability:GraphReachability",
        "hidden-digit": "monitorbench.tasks.hidden_digit:HiddenDigit",
        "jsonl": "monitorbench.tasks.jsonl:Jsonl",
        "length-control": "monitorbench.tasks.length_control:LengthControl",
        "reverse-chain": "monitorbench.tasks.reverse_chain:ReverseChain",
        "square-counting": "monitorbench.tasks.square_counting:SquareCounting",
        "word-problems": "monitorbench.tasks.word_problems:WordProblems",
    },
    needs=("name", "summary", "schema", "problems", "grade"),
)
