"""A worker on the official Python SDK, at the server whose address is given; it works until it is killed."""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker


@activity.defn
async def praise(name: str) -> str:
    return f"Well done, {name}!"


@workflow.defn
class Praise:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(praise, name, start_to_close_timeout=timedelta(seconds=10))


async def main() -> None:
    client = await Client.connect(sys.argv[1])
    await Worker(client, task_queue="python", workflows=[Praise], activities=[praise]).run()


# The sandbox of its workflows loads this file again.
if __name__ == "__main__":
    asyncio.run(main())
