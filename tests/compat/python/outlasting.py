"""A workflow, its worker and its client go on while the server is killed and started again: whoever runs this kills it meanwhile."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from temporalio.worker import Replayer

    from harness import Context, Scenario, events_of, expect, names_of

ROUNDS = 40
SIGNALS = 20

# The rounds that were marked, by workflow id.
marked: dict[str, set[int]] = {}


@activity.defn
async def mark(number: int) -> int:
    marked.setdefault(str(activity.info().workflow_id), set()).add(number)
    await asyncio.sleep(0.05)
    return number


@workflow.defn
class Outlasting:
    def __init__(self) -> None:
        self.received: list[int] = []

    @workflow.run
    async def run(self, rounds: int, signals: int) -> list[int]:
        await workflow.wait_condition(lambda: len(self.received) > 0)
        for number in range(rounds):
            await workflow.execute_activity(
                mark,
                number,
                start_to_close_timeout=timedelta(seconds=2),
                retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
            )
            await workflow.sleep(0.02)
        await workflow.wait_condition(lambda: len(self.received) >= signals)
        return self.received

    @workflow.signal
    def receive(self, number: int) -> None:
        self.received.append(number)


async def outlive_server(context: Context) -> None:
    handle = await context.client.start_workflow(
        Outlasting.run,
        args=[ROUNDS, SIGNALS],
        id=context.new_id(),
        task_queue=context.task_queue,
        # What a killed server's worker had in hand is given out again after this long.
        task_timeout=timedelta(seconds=2),
    )
    await context.announce()
    for number in range(SIGNALS):
        await handle.signal(Outlasting.receive, number)
        await asyncio.sleep(0.15)
    expect(await handle.result(), list(range(SIGNALS)), "every signal once, in order")
    expect(marked[handle.id], set(range(ROUNDS)), "rounds")
    names = names_of(await events_of(handle))
    expect(names.count("ACTIVITY_TASK_COMPLETED"), ROUNDS)
    expect(names.count("WORKFLOW_EXECUTION_SIGNALED"), SIGNALS)
    await Replayer(workflows=[Outlasting]).replay_workflow(await handle.fetch_history())


scenarios: dict[str, Scenario] = {"outlive-server": outlive_server}
workflows: list[type] = [Outlasting]
activity_functions = [mark]
