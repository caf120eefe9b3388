"""What the torture test does in this language: a worker with a ledger of every effect, and the official replayer over what has come of it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.common import RetryPolicy
from temporalio.worker import Replayer, Worker

QUEUE = "torture-python"
LIMITS = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=1)),
}


@workflow.defn(name="torture")
class Torture:
    def __init__(self) -> None:
        self.signals: list[int] = []

    async def apply(self, step: str) -> str:
        return await workflow.execute_activity("apply", step, result_type=str, **LIMITS)

    @workflow.run
    async def run(self, order: dict[str, int]) -> dict[str, object]:
        effects = [await self.apply(f"step-{step}") for step in range(order["steps"])]
        await workflow.sleep(0.05)
        effects += await asyncio.gather(self.apply("left"), self.apply("right"))
        await workflow.wait_condition(lambda: len(self.signals) >= order["signals"])
        approval = await workflow.execute_activity("approve", result_type=str, **LIMITS)
        effects.append(await self.apply("last"))
        return {"effects": effects, "signals": self.signals, "approval": approval}

    @workflow.signal
    def bump(self, value: int) -> None:
        self.signals.append(value)


async def work(client: Client, ledger_file: str) -> None:
    """Until it is killed."""
    ledger = os.open(ledger_file, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    @activity.defn(name="apply")
    async def apply(step: str) -> str:
        key = f"{activity.info().workflow_id}/{step}"
        os.write(ledger, f"{key}\n".encode())
        return key

    @activity.defn(name="approve")
    async def approve() -> str:
        activity.raise_complete_async()

    async with Worker(client, task_queue=QUEUE, workflows=[Torture], activities=[apply, approve]):
        print("ready", flush=True)
        await asyncio.Event().wait()


async def replay(client: Client) -> None:
    replayed = 0

    async def histories() -> AsyncIterator[WorkflowHistory]:
        nonlocal replayed
        async for found in client.list_workflows(f"TaskQueue = '{QUEUE}'"):
            replayed += 1
            yield await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()

    await Replayer(workflows=[Torture]).replay_workflows(histories())
    print(json.dumps({"replayed": replayed}), flush=True)
