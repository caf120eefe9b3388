"""A heartbeat that outlives the process of its worker."""

import asyncio
import sys
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from temporalio.api.common.v1 import Payload
    from temporalio.client import Client, WorkflowHandle
    from temporalio.converter import DataConverter
    from temporalio.worker import Worker

    from harness import Context, Scenario, eventually, expect

ITEMS = 20


@activity.defn
async def process_items(slow_after: int) -> dict[str, int]:
    details = activity.info().heartbeat_details
    start = details[0] if details else 0
    for index in range(start, ITEMS):
        # The first attempt never gets past `slow_after`: its process is killed there.
        if activity.info().attempt == 1 and index >= slow_after:
            await asyncio.sleep(3600)
        await asyncio.sleep(0.02)
        activity.heartbeat(index + 1)
    return {"attempt": activity.info().attempt, "resumed_at": start, "processed": ITEMS - start}


@workflow.defn
class Resumable:
    @workflow.run
    async def run(self) -> dict[str, int]:
        return await workflow.execute_activity(
            process_items,
            7,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
        )


def worker(client: Client, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Resumable],
        activities=[process_items],
        max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        # The next task of the workflow is meant for the worker that was killed; after this long it is for any.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )


async def recorded_heartbeat(handle: WorkflowHandle[Resumable, dict[str, int]]) -> int:
    pending = (await handle.describe()).raw_description.pending_activities
    if len(pending) == 0 or len(pending[0].heartbeat_details.payloads) == 0:
        return 0
    payload: Payload = pending[0].heartbeat_details.payloads[0]
    return (await DataConverter.default.decode([payload]))[0]


async def heartbeat_resume(context: Context) -> None:
    queue = f"{context.task_queue}-killed-{uuid.uuid4()}"
    arguments = [sys.argv[0], "worker", queue, "--address", context.address, "--namespace", context.namespace]
    process = await asyncio.create_subprocess_exec(sys.executable, "-B", *arguments, stdin=asyncio.subprocess.PIPE)
    try:
        handle = await context.client.start_workflow(Resumable.run, id=context.new_id(), task_queue=queue)

        async def stuck_at_seven() -> bool:
            return await recorded_heartbeat(handle) == 7

        await eventually(stuck_at_seven, "the first worker's seventh heartbeat is recorded")
    finally:
        process.kill()
        await process.wait()
    async with worker(context.client, queue):
        result = await handle.result()
    expect(result, {"attempt": 2, "resumed_at": 7, "processed": ITEMS - 7})


async def work(client: Client, queue: str) -> None:
    """The whole life of the process that is killed. Should the one that started it be gone before, so is its standard input."""
    async with worker(client, queue):
        await asyncio.to_thread(sys.stdin.read)


scenarios: dict[str, Scenario] = {
    "heartbeat-resume": heartbeat_resume,
}
