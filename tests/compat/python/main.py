"""
python main.py list
python main.py scenario NAME... --address 127.0.0.1:7233 --namespace default

Runs the scenarios at once, with one worker for all of them, and prints one line of JSON for each as it ends:
{"scenario": NAME, "ok": true, "ms": 12, "workflows": [IDS]} or {"scenario": NAME, "ok": false, "error": TEXT, ...}.
The exit code is 0 when all of them are ok.
"""

import argparse
import asyncio
import json
import logging
import os
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

import calling
import heartbeat
import patterns
import replaying
import rolling
import torture
import versions
from harness import Context
from replaying import topics
from seeds import advanced, long_running, orders, training

# These have workers of their own.
others = [heartbeat, rolling, versions, training, orders, long_running, advanced]
# Workers that are replaced need a process that has time for them: one that comes too late gives up what it was handed.
afterwards = {**rolling.scenarios, **replaying.scenarios}
scenarios = {name: run for topic in [*topics, *others, replaying] for name, run in topic.scenarios.items()}


async def run_scenario(name: str, client: Client, address: str, queue: str) -> bool:
    context = Context(name, client, address, client.namespace, queue)
    began = time.monotonic()
    try:
        await asyncio.wait_for(scenarios[name](context), timeout=240)
        outcome: dict[str, object] = {"ok": True}
    except BaseException as error:
        outcome = {"ok": False, "error": "".join(traceback.format_exception(error))}
    outcome |= {"ms": round((time.monotonic() - began) * 1000), "workflows": context.workflow_ids}
    print(json.dumps({"scenario": name} | outcome), flush=True)
    return outcome["ok"] is True


async def run_scenarios(names: list[str], client: Client, address: str) -> bool:
    queue = f"python-{uuid.uuid4()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[workflow for topic in topics for workflow in topic.workflows],
        activities=[function for topic in topics for function in topic.activity_functions],
        nexus_service_handlers=calling.nexus_handlers,
        activity_executor=ThreadPoolExecutor(20),
        # Often, so that cancellation is soon seen and a heartbeat is not late on a busy machine.
        max_heartbeat_throttle_interval=timedelta(milliseconds=200),
    ):
        together = [name for name in names if name not in afterwards]
        results = await asyncio.gather(*(run_scenario(name, client, address, queue) for name in together))
        results += [await run_scenario(name, client, address, queue) for name in names if name in afterwards]
    return all(results)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["list", "scenario", "worker", "answer", "torture-worker", "torture-replay"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--address", default="127.0.0.1:7233")
    parser.add_argument("--namespace", default="default")
    arguments = parser.parse_args()
    if arguments.command == "list":
        print("\n".join(scenarios))
        return
    # Failures are part of the scenarios: what the SDK logs of them is noise.
    logging.basicConfig(level=logging.CRITICAL)
    client = await Client.connect(arguments.address, namespace=arguments.namespace)
    ok = True
    if arguments.command == "worker":
        await heartbeat.work(client, arguments.names[0])
    elif arguments.command == "torture-worker":
        await torture.work(client, arguments.names[0])
    elif arguments.command == "torture-replay":
        await torture.replay(client)
    elif arguments.command == "answer":
        await patterns.answer(client, arguments.names)
    else:
        ok = await run_scenarios(arguments.names, client, arguments.address)
    # Native threads of the SDK may outlive the interpreter and abort the process while it is torn down: leave without that.
    os._exit(0 if ok else 1)


if __name__ == "__main__":
    asyncio.run(main())
