"""What is staged for one step: the script, the code, and the order that says which step and how."""

import base64
import json
import pickle
from pathlib import Path

from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.step_launcher import StepRunRef
from dagster._core.execution.context.system import StepExecutionContext

from stocks_ai_assets.databricks import step_main
from stocks_ai_assets.databricks.libraries import expected_versions
from stocks_ai_assets.databricks.variables import remote_variables, secret_references
from stocks_ai_assets.packed import code_archive, digest
from stocks_ai_assets.settings import Settings

SCRIPT = "step_main.py"

DEFINITIONS = ModuleCodePointer("stocks_ai_assets.definitions", "defs", None)
"""Where the remote process finds the job, whatever loaded it here."""


def staged_files(step_context: StepExecutionContext, settings: Settings) -> dict[str, bytes]:
    """Return the files of one attempt at a step, by name."""
    order = {
        "attempt": step_context.previous_attempt_count,
        "definitions": DEFINITIONS.module,
        "code": digest(code_archive()),
        "spark": settings.engine == "spark",
        "lake": str(settings.lake),
        "versions": expected_versions(),
        "variables": remote_variables(settings),
        "secrets": secret_references(settings),
        "reference": base64.b64encode(pickle.dumps(_reference(step_context))).decode(),
    }
    return {
        SCRIPT: Path(step_main.__file__).read_bytes(),
        "code.zip": code_archive(),
        "order.json": json.dumps(order).encode(),
    }


def _reference(step_context: StepExecutionContext) -> StepRunRef:
    """Point to the step by the job's name: the job object of this process does not travel."""
    run = step_context.dagster_run
    return StepRunRef(
        run_config=step_context.run_config,
        dagster_run=run,
        run_id=run.run_id,
        retry_mode=step_context.retry_mode,
        step_key=step_context.step.key,
        recon_job=ReconstructableJob(ReconstructableRepository(DEFINITIONS), run.job_name),
        known_state=step_context.get_known_state(),
    )
