"""
Training session "Activities, Retries, and Idempotency": its workflows. Where the document gives an activity several positional arguments,
the SDK takes them as `args=[…]`. The last two workflows are ours: the document shows their activities only.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from seeds.training_activities import (
    approve_loan,
    call_api,
    check_credit_score,
    process_large_file,
    send_notification,
    verify_documents,
)


@workflow.defn
class MyDataWorkflow:
    @workflow.run
    async def run(self, api_url: str) -> dict:
        workflow.logger.info("Workflow starting, will call an activity.")

        # This sends a command to the Temporal Server
        result = await workflow.execute_activity(
            call_api,  # The activity function to call
            api_url,  # The arguments to pass to the activity
            start_to_close_timeout=timedelta(seconds=30),
        )

        workflow.logger.info("Activity completed successfully.")
        return result


@workflow.defn(name="MyDataWorkflowWithRetryPolicy")
class MyDataWorkflowWithRetryPolicy:
    @workflow.run
    async def run(self, api_url: str) -> dict:
        retry_policy = RetryPolicy(
            backoff_coefficient=2.0,  # Double the wait time after each failure
            maximum_attempts=5,  # Try a total of 5 times
            initial_interval=timedelta(seconds=1),  # Wait 1s after the first failure
            maximum_interval=timedelta(seconds=60),  # Cap the wait time at 60s
        )

        result = await workflow.execute_activity(
            call_api,
            api_url,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=retry_policy,
        )
        return result


@workflow.defn
class LoanApprovalWorkflow:
    @workflow.run
    async def run(self, applicant_id: str, amount: float, document_ids: list) -> dict:
        workflow.logger.info(f"Starting loan approval for {applicant_id}")

        # Generate unique request ID for idempotency
        request_id = f"loan_approval_{applicant_id}_{workflow.now().timestamp()}"

        # Configure retry policy for external API calls
        api_retry_policy = RetryPolicy(
            backoff_coefficient=2.0,
            maximum_attempts=3,
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
        )

        # Step 1: Credit Check
        credit_result = await workflow.execute_activity(
            check_credit_score,
            args=[applicant_id, request_id],
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=api_retry_policy,
        )

        if credit_result["score"] < 650:
            return {"approved": False, "reason": "Insufficient credit score"}

        # Step 2: Document Verification
        doc_result = await workflow.execute_activity(
            verify_documents,
            args=[applicant_id, document_ids],
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(minutes=2),
        )

        if doc_result["verified_documents"] < len(document_ids):
            return {"approved": False, "reason": "Document verification failed"}

        # Step 3: Final Approval
        approval_result = await workflow.execute_activity(
            approve_loan,
            args=[applicant_id, amount, request_id],
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=api_retry_policy,
        )

        workflow.logger.info(f"Loan approval completed for {applicant_id}")
        return approval_result


@workflow.defn
class LargeFileWorkflow:
    @workflow.run
    async def run(self, file_path: str) -> dict:
        return await workflow.execute_activity(
            process_large_file,
            file_path,
            start_to_close_timeout=timedelta(hours=4),
            heartbeat_timeout=timedelta(minutes=2),
        )


@workflow.defn
class NotificationWorkflow:
    @workflow.run
    async def run(self, user_id: str, message: str, notification_id: str) -> dict:
        return await workflow.execute_activity(
            send_notification,
            args=[user_id, message, notification_id],
            start_to_close_timeout=timedelta(seconds=30),
        )
