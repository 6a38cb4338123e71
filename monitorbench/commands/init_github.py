"""The workflow for GitHub Actions that `monitorbench init --ci github` writes."""

from __future__ import annotations

import shlex

from monitorbench import __version__

WORKFLOW = ".github/workflows/monitorbench.yml"

_TEMPLATE = """\
# Runs {suite} on every pull request and every push to main.
# A failed check, or one that is worse than on main, fails the job; the page with all evidence is an artifact of it.
name: monitorbench

on:
  push:
    branches: [main]
  pull_request:

permissions:
  contents: read

concurrency:                            # a newer push ends the run of an older one
  group: monitorbench-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  monitorbench:
    runs-on: ubuntu-latest              # two cores and no GPU: enough for small models
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"

      - name: Install
        run: |
          pip install torch --index-url https://download.pytorch.org/whl/cpu
          pip install monitorbench=={version}

      - name: Fetch the report of main
        if: github.event_name == 'pull_request'
        uses: actions/cache/restore@v4
        with:
          path: {accepted}
          key: monitorbench-main-${{{{ github.sha }}}}
          restore-keys: monitorbench-main-        # the newest one that main has kept

      # 0 pass, 1 a check failed, 2 cannot be used, 3 undecided. Where failures are known and accepted (`monitorbench
      # baseline update`), add `--baseline-file monitorbench.baseline.json`.
      - name: Run the suite
        run: monitorbench run {suite} --output {report}

      - name: Summarise
        if: ${{{{ !cancelled() && hashFiles('{report}') != '' }}}}
        run: |
          monitorbench report {report} --format github --summary
          monitorbench report {report} --format html --output {page}

      - name: Keep the page
        if: ${{{{ !cancelled() && hashFiles('{report}') != '' }}}}
        uses: actions/upload-artifact@v4
        with:
          name: monitorbench
          path: |
            {report}
            {page}

      - name: Compare with main
        if: ${{{{ !cancelled() && hashFiles('{report}') != '' && hashFiles('{accepted}') != '' }}}}
        run: |
          monitorbench compare {accepted} {report} --fail-on regression --allow-differences

      - name: Keep the report of main     # whatever its verdict: pull requests answer for changes
        if: ${{{{ !cancelled() && github.event_name == 'push' && hashFiles('{report}') != '' }}}}
        run: |
          cp {report} {accepted}

      - name: Hand it to pull requests
        if: ${{{{ !cancelled() && github.event_name == 'push' && hashFiles('{accepted}') != '' }}}}
        uses: actions/cache/save@v4
        with:
          path: {accepted}
          key: monitorbench-main-${{{{ github.sha }}}}
"""


def workflow(suite: str, name: str) -> str:
    """The file.

    Args:
        suite: path of the suite from the root of the repository.
        name: of the suite, as a part of a file name.
    """
    names = {"report": f"reports/{name}.json", "page": f"reports/{name}.html", "accepted": f"reports/{name}-main.json"}
    return _TEMPLATE.format(suite=shlex.quote(suite), version=__version__, **names)
