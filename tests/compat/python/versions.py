"""Versions of workers: runs that keep to theirs, runs that move, and new ones that go where the routing says."""

import asyncio
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as WireVersion
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import WorkflowHandle
from temporalio.common import PinnedVersioningOverride, VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

from harness import Context, Scenario, eventually, expect, expect_that

TEN_SECONDS = timedelta(seconds=10)


class Builds:
    """Asks, at each signal, which build does its activities; ends at "end"."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._builds: list[str] = []

    async def _run(self) -> list[str]:
        while True:
            self._builds.append(await workflow.execute_activity("which_build", start_to_close_timeout=TEN_SECONDS))
            await workflow.wait_condition(lambda: bool(self._pending))
            if self._pending.pop(0) == "end":
                return self._builds


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Staying(Builds):
    @workflow.run
    async def run(self) -> list[str]:
        return await self._run()

    @workflow.signal
    def go(self, what: str) -> None:
        self._pending.append(what)

    @workflow.query
    def builds(self) -> list[str]:
        return self._builds


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Moving(Builds):
    @workflow.run
    async def run(self) -> list[str]:
        return await self._run()

    @workflow.signal
    def go(self, what: str) -> None:
        self._pending.append(what)

    @workflow.query
    def builds(self) -> list[str]:
        return self._builds


class Deployment:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.name = f"python-{uuid.uuid4()}"
        self.task_queue = self.name

    def worker(self, build_id: str) -> Worker:
        @activity.defn(name="which_build")
        async def which_build() -> str:
            return build_id

        return Worker(
            self.context.client,
            task_queue=self.task_queue,
            workflows=[Staying, Moving],
            activities=[which_build],
            deployment_config=WorkerDeploymentConfig(
                version=WorkerDeploymentVersion(self.name, build_id), use_worker_versioning=True
            ),
        )

    async def _insist(self, call: Any) -> None:
        """A version is known some moments after its first worker has come."""

        async def accepted() -> bool:
            try:
                await call()
                return True
            except RPCError:
                return False

        await eventually(accepted, "the routing is accepted")
        # The reference server tells its queues in its own time.
        await asyncio.sleep(1)

    async def set_current(self, build_id: str) -> None:
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=self.context.namespace, deployment_name=self.name, build_id=build_id
        )
        service = self.context.client.workflow_service
        await self._insist(lambda: service.set_worker_deployment_current_version(request))

    async def set_ramping(self, build_id: str, percentage: float) -> None:
        request = SetWorkerDeploymentRampingVersionRequest(
            namespace=self.context.namespace, deployment_name=self.name, build_id=build_id, percentage=percentage
        )
        service = self.context.client.workflow_service
        await self._insist(lambda: service.set_worker_deployment_ramping_version(request))

    async def status(self, build_id: str) -> int:
        described = await self.context.client.workflow_service.describe_worker_deployment_version(
            DescribeWorkerDeploymentVersionRequest(
                namespace=self.context.namespace,
                deployment_version=WireVersion(deployment_name=self.name, build_id=build_id),
            )
        )
        return described.worker_deployment_version_info.status

    async def pin(self, handle: WorkflowHandle[Any, Any], build_id: str | None) -> None:
        """What an operator says of one workflow wins over its code, until he takes it back."""
        options = WorkflowExecutionOptions()
        if build_id is not None:
            version = WireVersion(deployment_name=self.name, build_id=build_id)
            pinned = VersioningOverride.PinnedOverride(
                behavior=VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED, version=version
            )
            options = WorkflowExecutionOptions(versioning_override=VersioningOverride(pinned=pinned))
        request = UpdateWorkflowExecutionOptionsRequest(
            namespace=self.context.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            workflow_execution_options=options,
        )
        request.update_mask.paths.append("versioning_override")
        await self.context.client.workflow_service.update_workflow_execution_options(request)

    async def start(self, run: Any, **options: Any) -> WorkflowHandle[Any, Any]:
        return await self.context.client.start_workflow(
            run, id=self.context.new_id(), task_queue=self.task_queue, **options
        )


async def builds_are(handle: WorkflowHandle[Any, Any], expected: list[str]) -> None:
    async def same() -> bool:
        return await handle.query("builds") == expected

    await eventually(same, f"the builds of {handle.id} are {expected}")


async def worker_versions(context: Context) -> None:
    deployment = Deployment(context)
    async with AsyncExitStack() as workers:
        for build_id in ["1", "2"]:
            await workers.enter_async_context(deployment.worker(build_id))
            await deployment.set_current(build_id)
        await deployment.set_current("1")

        staying, moving = await deployment.start(Staying.run), await deployment.start(Moving.run)
        held = await deployment.start(Moving.run)
        for handle in staying, moving, held:
            await builds_are(handle, ["1"])
        await deployment.pin(held, "1")
        await deployment.set_current("2")
        for handle in staying, moving, held:
            await handle.signal("go", "on")
        await builds_are(staying, ["1", "1"])
        await builds_are(moving, ["1", "2"])
        await builds_are(held, ["1", "1"])
        await deployment.pin(held, None)
        await held.signal("go", "on")
        await builds_are(held, ["1", "1", "2"])
        described = await moving.describe()
        versioning = described.raw_description.workflow_execution_info.versioning_info
        expect(versioning.deployment_version.build_id, "2")
        expect(await deployment.status("1"), WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING)

        override = PinnedVersioningOverride(WorkerDeploymentVersion(deployment.name, "1"))
        overridden = await deployment.start(Moving.run, versioning_override=override)
        await builds_are(overridden, ["1"])

        await deployment.set_ramping("1", 40)
        ramped = await asyncio.gather(*(deployment.start(Staying.run) for _ in range(40)))
        for handle in [staying, moving, held, overridden, *ramped]:
            await handle.signal("go", "end")
        taken = Counter([(await handle.result())[0] for handle in ramped])
        expect_that(set(taken) == {"1", "2"}, f"a ramp takes some, not all: {taken}")
        expectations = [(staying, ["1", "1"]), (moving, ["1", "2"]), (held, ["1", "1", "2"]), (overridden, ["1"])]
        for handle, expected in expectations:
            expect(await handle.result(), expected)


scenarios: dict[str, Scenario] = {"worker-versions": worker_versions}
