"""Long-running activities: workflows for them, with a heartbeat timeout, as their document asks for."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from seeds.long_running_activities import process_batch, process_large_file, process_large_file_or_clean_up

HOUR = timedelta(hours=1)
SOON = RetryPolicy(initial_interval=timedelta(milliseconds=100))


@workflow.defn
class FileWorkflow:
    @workflow.run
    async def run(self, file_path: str) -> None:
        await workflow.execute_activity(
            process_large_file,
            file_path,
            start_to_close_timeout=HOUR,
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=SOON,
        )


@workflow.defn
class CancellableFileWorkflow:
    @workflow.run
    async def run(self, file_path: str) -> None:
        await workflow.execute_activity(
            process_large_file_or_clean_up,
            file_path,
            start_to_close_timeout=HOUR,
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=SOON,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


@workflow.defn
class BatchWorkflow:
    @workflow.run
    async def run(self, item_ids: list[str]) -> dict:
        return await workflow.execute_activity(
            process_batch,
            item_ids,
            start_to_close_timeout=HOUR,
            heartbeat_timeout=timedelta(seconds=5),
            retry_policy=SOON,
        )
