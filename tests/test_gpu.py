"""What has to hold where there is a CUDA device: the same verdicts as on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

SUITE = Path(__file__).parent.parent / "suites" / "quickstart.monitor.yaml"


@pytest.mark.gpu
def test_the_quickstart_comes_to_the_same_verdicts_on_the_gpu() -> None:
    import torch

    import monitorbench
    from monitorbench.suite.model import Overrides

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device is visible; run .ci/gpu on a machine that has one")
    on = {device: monitorbench.run_suite(SUITE, Overrides(device=device)) for device in ("cpu", "cuda")}
    verdicts = {device: {check.id: check.verdict for check in report.checks} for device, report in on.items()}
    assert verdicts["cuda"] == verdicts["cpu"]
    assert on["cuda"].exit_code == 0
