"""What the training session promises of its programs."""

import uuid
from datetime import datetime
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from harness import Context, Scenario, events_of, expect, expect_cause, expect_error, one
from seeds import fakes
from seeds import training_activities as activities
from seeds import training_workflows as workflows


def training_worker(context: Context, queue: str) -> Worker:
    return Worker(
        context.client,
        task_queue=queue,
        workflows=[
            workflows.MyDataWorkflow,
            workflows.MyDataWorkflowWithRetryPolicy,
            workflows.LoanApprovalWorkflow,
            workflows.LargeFileWorkflow,
            workflows.NotificationWorkflow,
        ],
        activities=[
            activities.call_api,
            activities.process_large_file,
            activities.send_notification,
            activities.check_credit_score,
            activities.verify_documents,
            activities.approve_loan,
        ],
    )


async def call_api(context: Context) -> None:
    queue = f"python-my-task-queue-{uuid.uuid4()}"
    run = workflows.MyDataWorkflow.run
    with_policy = workflows.MyDataWorkflowWithRetryPolicy.run
    async with training_worker(context, queue):
        steady = f"https://api.example/{uuid.uuid4()}"
        result = await context.client.execute_workflow(run, steady, id=context.new_id(), task_queue=queue)
        expect(result, {"url": steady, "answer": 42})
        expect(fakes.happened[f"GET {steady}"], 1)

        flaky = f"https://api.example/{uuid.uuid4()}"
        fakes.failing[f"GET {flaky}"] = 1
        handle = await context.client.start_workflow(with_policy, flaky, id=context.new_id(), task_queue=queue)
        expect(await handle.result(), {"url": flaky, "answer": 42})
        expect(fakes.happened[f"GET {flaky}"], 2, "calls of the flaky API")
        events = await events_of(handle)
        policy = one(events, "ACTIVITY_TASK_SCHEDULED").activity_task_scheduled_event_attributes.retry_policy
        expect(
            (policy.maximum_attempts, policy.backoff_coefficient, policy.initial_interval.ToSeconds()), (5, 2.0, 1)
        )
        waited = one(events, "ACTIVITY_TASK_STARTED").event_time.ToDatetime() - one(
            events, "ACTIVITY_TASK_SCHEDULED"
        ).event_time.ToDatetime()
        expect(waited.total_seconds() >= 1, True, f"the second attempt began after {waited}")


async def large_file(context: Context) -> None:
    queue = f"python-my-task-queue-{uuid.uuid4()}"
    async with training_worker(context, queue):
        result = await context.client.execute_workflow(
            workflows.LargeFileWorkflow.run, "/videos/1.mp4", id=context.new_id(), task_queue=queue
        )
    expect(result, {"status": "completed", "processed_chunks": 100})


async def notification(context: Context) -> None:
    queue = f"python-my-task-queue-{uuid.uuid4()}"
    notification_id, user = str(uuid.uuid4()), f"user-{uuid.uuid4()}"

    async def notify() -> dict[str, Any]:
        return await context.client.execute_workflow(
            workflows.NotificationWorkflow.run,
            args=[user, "hello", notification_id],
            id=context.new_id(),
            task_queue=queue,
        )

    async with training_worker(context, queue):
        # The mark is stored, but the activity fails: its second attempt must not send another mail.
        fakes.failing["store notification"] = 1
        expect(await notify(), {"status": "already_sent"}, "the second attempt")
        expect(await notify(), {"status": "already_sent"}, "the second workflow")
        expect(fakes.happened[f"email {user}"], 1, "mails sent")


async def loan_approval(context: Context) -> None:
    queue = f"python-my-task-queue-{uuid.uuid4()}"

    async def apply(applicant: str, documents: list[str]) -> dict[str, Any]:
        return await context.client.execute_workflow(
            workflows.LoanApprovalWorkflow.run,
            args=[applicant, 2500.0, documents],
            id=context.new_id(f"-{applicant}"),
            task_queue=queue,
        )

    def bureau(applicant: str) -> str:
        return f"POST https://credit-bureau-api.com/check {applicant}"

    async with training_worker(context, queue):
        good = f"good-{uuid.uuid4()}"
        # The credit check succeeds, but its answer is lost: the retry finds it by its request id.
        fakes.failing["store credit check"] = 1
        approved = await apply(good, ["passport", "payslip"])
        expect((approved["approved"], approved["amount"], approved["interest_rate"]), (True, 2500.0, 5.5))
        datetime.fromisoformat(approved["approved_at"])
        expect(fakes.happened[bureau(good)], 1, "calls of the credit bureau")

        poor = f"poor-{uuid.uuid4()}"
        expect(await apply(poor, []), {"approved": False, "reason": "Insufficient credit score"})
        incomplete = await apply(f"good-{uuid.uuid4()}", ["passport", "missing"])
        expect(incomplete, {"approved": False, "reason": "Document verification failed"})

        unlucky = f"good-{uuid.uuid4()}"
        fakes.failing[bureau(unlucky)] = 3
        failure = await expect_error(WorkflowFailureError, apply(unlucky, []))
        activity_error = expect_cause(failure, ActivityError)
        expect(activity_error.retry_state.name, "MAXIMUM_ATTEMPTS_REACHED")
        expect(expect_cause(activity_error, ApplicationError).type, "RequestException")
        expect(fakes.happened[bureau(unlucky)], 3, "calls of a bureau that is down")


scenarios: dict[str, Scenario] = {
    "seed-call-api": call_api,
    "seed-large-file": large_file,
    "seed-notification": notification,
    "seed-loan-approval": loan_approval,
}
