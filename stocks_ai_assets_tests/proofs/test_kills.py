"""A process may be killed at any moment: running again gives what an undisturbed run gives."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import materialize
from stocks_ai_assets.sources.sample import write_folder

SCRIPT = Path(__file__).with_name("killed_run.py")


def test_a_run_that_is_killed_at_every_asset_ends_with_the_same_bits(
    raw, graph, days, changed, tmp_path
):
    first = nyse().offset(days.quarter, -30)
    graph = replace(graph, parameters=Parameters(first_session=first))
    undisturbed = Lake(tmp_path / "undisturbed")
    materialize(graph, undisturbed, first, days.quarter)

    write_folder(raw, tmp_path / "raw")
    answer = subprocess.run(
        [
            *(sys.executable, str(SCRIPT), str(tmp_path / "raw"), str(tmp_path / "killed")),
            *(first.isoformat(), days.quarter.isoformat()),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    killed = json.loads(answer.stdout)
    written = {
        name for name, node in graph.nodes.items() if undisturbed.read(node.table.name).height
    }
    assert written <= {name for name, _ in killed}
    assert {moment for _, moment in killed} == {"before", "half-way", "after"}
    assert changed(undisturbed, Lake(tmp_path / "killed")) == {}
