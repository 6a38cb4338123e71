"""Train a reference checkpoint: `python -m monitorbench.zoo.train NAME`."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import DiffusionGemmaForBlockDiffusion, Gemma4ForCausalLM
from transformers.utils.logging import disable_progress_bar

from monitorbench.adapters.checkpoint import ZOO
from monitorbench.tasks import arithmetic_chain, graph_reachability
from monitorbench.zoo.batches import training_batches
from monitorbench.zoo.batches_graph import graph_batches
from monitorbench.zoo.losses import OBJECTIVES, Progress
from monitorbench.zoo.losses_chains import answering, masked, next_mask
from monitorbench.zoo.losses_staged import STAGED_OBJECTIVES
from monitorbench.zoo.models import adapt_to_diffusion, build_causal, build_diffusion, build_tokenizer
from monitorbench.zoo.models_loop import build_loop
from monitorbench.zoo.models_masked import build_masked
from monitorbench.zoo.models_state import build_state
from monitorbench.zoo.models_thought import THINKERS
from monitorbench.zoo.recipes import RECIPES, Recipe

LOG_EVERY, SAVE_EVERY = 100, 500
BATCHES: dict[str, Any] = {"arithmetic-chain": training_batches, "graph-reachability": graph_batches}
WORDS = {"arithmetic-chain": arithmetic_chain.vocabulary, "graph-reachability": graph_reachability.vocabulary}
BUILDERS: dict[str, Callable[[int], Any]] = {
    "causal": build_causal,
    "diffusion": build_diffusion,
    "masked": build_masked,
    "next-mask": build_masked,
    "state": build_state,
    "loop": build_loop,
}
"""What makes the random weights of a kind, from the size of the vocabulary."""
OBJECTIVES_BY_KIND = {
    **OBJECTIVES,
    **STAGED_OBJECTIVES,
    "masked": masked,
    "next-mask": next_mask,
    "state": answering,
    "loop": answering,
}


def train(recipe: Recipe, model: Any, tokenizer: Any, output: Path) -> Iterator[str]:
    """Run a recipe; the weights in `output` are replaced now and then, and at the end.

    Yields:
        Lines for the log: step, seconds, and the mean of every figure since the last line.
    """
    rng = random.Random(recipe.seed)
    streams = {
        stage.lengths: BATCHES[recipe.task](
            tokenizer,
            batch_size=recipe.batch_size,
            lengths=stage.lengths,
            seed=recipe.seed,
            **({"forms": recipe.forms} if recipe.forms else {}),
        )
        for stage in recipe.stages
    }
    groups = list(_groups(recipe, model))
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in groups], total_steps=recipe.steps, pct_start=0.1
    )
    figures: dict[str, list[float]] = defaultdict(list)
    started = time.perf_counter()
    model.train()
    last = recipe.stop or recipe.steps
    for step in range(last):
        stage = recipe.stage(step)
        shown = recipe.shown * max(0.0, 1.0 - step / (0.6 * recipe.steps))
        progress = Progress(passes=stage.passes, shown=shown, rng=rng)
        losses = OBJECTIVES_BY_KIND[recipe.kind](model, next(streams[stage.lengths]), progress)
        optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        for name, value in losses.figures.items():
            figures[name].append(value)
        if (step + 1) % LOG_EVERY == 0:
            means = " ".join(f"{name} {sum(values) / len(values):.3f}" for name, values in sorted(figures.items()))
            yield f"step {step + 1} seconds {time.perf_counter() - started:.0f} lengths {stage.lengths} {means}"
            figures.clear()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == last:
            model.save_pretrained(output)


def _groups(recipe: Recipe, model: Any) -> Iterator[dict[str, Any]]:
    """The parameters by their learning rates."""
    if recipe.embedding_rate == 1.0:
        yield {"params": list(model.parameters()), "lr": recipe.learning_rate}
        return
    embeddings = list(model.get_input_embeddings().parameters())
    known = set(map(id, embeddings))
    yield {"params": embeddings, "lr": recipe.embedding_rate * recipe.learning_rate}
    yield {"params": [each for each in model.parameters() if id(each) not in known], "lr": recipe.learning_rate}


def build(recipe: Recipe, tokenizer: Any, folder: Path | None) -> Any:
    """The model a recipe starts from: random weights, or its parent, which lies in `folder`."""
    torch.manual_seed(recipe.seed)
    if recipe.kind in THINKERS:
        return THINKERS[recipe.kind](folder, len(tokenizer))
    if recipe.parent is None or folder is None:
        return BUILDERS[recipe.kind](len(tokenizer))
    if recipe.kind in ("next-mask", "masked", "state", "loop"):
        return type(BUILDERS[recipe.kind](len(tokenizer))).from_pretrained(folder, local_files_only=True)
    if RECIPES[recipe.parent][0].kind == "causal":
        return adapt_to_diffusion(Gemma4ForCausalLM.from_pretrained(folder, local_files_only=True), len(tokenizer))
    model: Any = DiffusionGemmaForBlockDiffusion.from_pretrained(folder, local_files_only=True)
    if recipe.temperature is not None:
        model.generation_config.t_min, model.generation_config.t_max = recipe.temperature
    return model


def parent_folder(recipe: Recipe, name: str, output: Path) -> Path | None:
    """Where the parent of a run lies: a later run of a checkpoint goes on with what the one before has put out."""
    if recipe.parent is None:
        return None
    return output if recipe.parent == name else ZOO / recipe.parent


def main(argv: list[str] | None = None) -> int:
    """Command line of the trainer."""
    parser = argparse.ArgumentParser(
        prog="python -m monitorbench.zoo.train", description="Train a reference checkpoint."
    )
    parser.add_argument("name", choices=sorted(RECIPES), help="which one")
    parser.add_argument("--output", type=Path, help="folder for the checkpoint (default: its place in the package)")
    parser.add_argument("--from-run", type=int, default=1, help="first of the recipe's runs (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers does not type it
    output = arguments.output or ZOO / arguments.name
    output.mkdir(parents=True, exist_ok=True)
    masks = RECIPES[arguments.name][0].kind == "next-mask"
    tokenizer = build_tokenizer(WORDS[RECIPES[arguments.name][0].task](), masks=masks)
    tokenizer.save_pretrained(output)
    runs = RECIPES[arguments.name][arguments.from_run - 1 :]
    with (output / "training.log").open("w" if arguments.from_run == 1 else "a", encoding="utf-8", buffering=1) as log:
        for number, recipe in enumerate(runs, start=arguments.from_run):
            model = build(recipe, tokenizer, parent_folder(recipe, arguments.name, output))
            for line in train(recipe, model, tokenizer, output):
                log.write(f"run {number} {line}\n")
                sys.stderr.write(f"run {number} {line}\n")
    if runs[-1].stored != "float32":
        model.to(getattr(torch, runs[-1].stored)).save_pretrained(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
