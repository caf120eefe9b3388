"""What the document on long-running activities promises: they resume where they were, and clean up when they are cancelled."""

import uuid
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.worker import Worker

from harness import Context, Scenario, eventually, events_of, expect, expect_cause, expect_error, one
from seeds import long_running_activities as activities
from seeds import long_running_workflows as workflows
from seeds.fakes import stored


def write_lines(folder: str, lines: int) -> str:
    path = Path(folder) / "lines.txt"
    path.write_text("".join(f"line {number}\n" for number in range(lines)))
    return str(path)


def new_worker(context: Context, queue: str) -> Worker:
    return Worker(
        context.client,
        task_queue=queue,
        workflows=[workflows.FileWorkflow, workflows.CancellableFileWorkflow, workflows.BatchWorkflow],
        activities=[
            activities.process_large_file,
            activities.process_large_file_or_clean_up,
            activities.process_batch,
        ],
        max_heartbeat_throttle_interval=timedelta(milliseconds=200),
    )


async def progress(context: Context) -> None:
    queue = f"python-files-{uuid.uuid4()}"
    with TemporaryDirectory() as folder:
        path = write_lines(folder, 450)
        async with new_worker(context, queue):
            handle = await context.client.start_workflow(
                workflows.FileWorkflow.run, path, id=context.new_id(), task_queue=queue
            )
            await handle.result()
    # The 251st line fails. The retry resumes after the 200 lines of the last heartbeat.
    first, second = range(251), range(200, 450)
    expect(activities.seen[handle.id], [f"line {number}" for number in [*first, *second]])
    started = one(await events_of(handle), "ACTIVITY_TASK_STARTED").activity_task_started_event_attributes
    expect((started.attempt, started.last_failure.message), (2, "the disk has gone"))


async def cancellation(context: Context) -> None:
    queue = f"python-files-{uuid.uuid4()}"
    with TemporaryDirectory() as folder:
        path = write_lines(folder, 240)
        async with new_worker(context, queue):
            handle = await context.client.start_workflow(
                workflows.CancellableFileWorkflow.run, path, id=context.new_id(), task_queue=queue
            )

            async def under_way() -> bool:
                return len(activities.seen.get(handle.id, [])) > 5

            await eventually(under_way, "some lines are processed")
            await handle.cancel()
            expect_cause(await expect_error(WorkflowFailureError, handle.result()), CancelledError)
    expect(stored["cleaned up"][handle.id], True)
    expect(len(activities.seen[handle.id]) < 240, True, "the file was not read to its end")


async def batch(context: Context) -> None:
    queue = f"python-files-{uuid.uuid4()}"
    items = ["a", "bad-1", "b", "stuck", "c", "bad-2", "d"]
    async with new_worker(context, queue):
        handle = await context.client.start_workflow(
            workflows.BatchWorkflow.run, items, id=context.new_id(), task_queue=queue
        )
        expect(await handle.result(), {"processed_count": 5, "failed_count": 2})
    # The first attempt gets stuck and misses its heartbeat; the second goes on with the item after the last heartbeat.
    expect(activities.seen[handle.id], ["a", "bad-1", "b", "stuck", "stuck", "c", "bad-2", "d"])
    started = one(await events_of(handle), "ACTIVITY_TASK_STARTED").activity_task_started_event_attributes
    expect((started.attempt, started.last_failure.message), (2, "activity Heartbeat timeout"))


scenarios: dict[str, Scenario] = {
    "seed-progress": progress,
    "seed-cancellation": cancellation,
    "seed-batch": batch,
}
