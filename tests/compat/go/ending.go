package main

// The ways in which a workflow ends, and what a second start with its id gives.

import (
	"context"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var endingScenarios = map[string]check.Func{
	"cancel":           cancelScenario,
	"terminate":        terminateScenario,
	"workflow-failure": workflowFailureScenario,
	"run-timeout":      runTimeoutScenario,
	"workflow-retry":   workflowRetryScenario,
	"already-started":  alreadyStartedScenario,
}

// What activities did, in order, by workflow id: "begun", "cleaned up", "compensated".
var deeds journal[string]

func noteDeed(ctx context.Context, deed string) {
	deeds.add(activity.GetInfo(ctx).WorkflowExecution.ID, deed)
}

func ReserveForLong(ctx context.Context) error {
	noteDeed(ctx, "begun")
	for {
		activity.RecordHeartbeat(ctx)
		select {
		case <-ctx.Done():
			noteDeed(ctx, "cleaned up")
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func Compensate(ctx context.Context) error {
	noteDeed(ctx, "compensated")
	return nil
}

func Cancellable(ctx workflow.Context) error {
	reserving := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    10 * time.Second,
		WaitForCancellation: true,
	})
	err := workflow.ExecuteActivity(reserving, ReserveForLong).Get(ctx, nil)
	if temporal.IsCanceledError(err) {
		// What must still run is not cancelled with the workflow.
		cleaning, cancel := workflow.NewDisconnectedContext(withTimeout(ctx))
		defer cancel()
		if err := workflow.ExecuteActivity(cleaning, Compensate).Get(cleaning, nil); err != nil {
			return err
		}
	}
	return err
}

func cancelScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Cancellable)
	s.Eventually("the activity begins", time.Minute, func() bool { return len(deeds.of(run.GetID())) > 0 })
	s.NoError(s.Client.CancelWorkflow(ctx, run.GetID(), ""))
	check.ErrorAs[*temporal.CanceledError](s, run.Get(ctx, nil))
	s.Equal(deeds.of(run.GetID()), []string{"begun", "cleaned up", "compensated"}, "deeds")
	s.Equal(s.Status(ctx, run.GetID()), enums.WORKFLOW_EXECUTION_STATUS_CANCELED, "status")
	events := s.Events(ctx, run.GetID(), "")
	for _, name := range []string{"WorkflowExecutionCancelRequested", "ActivityTaskCancelRequested", "ActivityTaskCanceled"} {
		s.Equal(check.Count(events, name), 1, name)
	}
	s.Equal(events[len(events)-1].EventType, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, "last event")
}

// Obedient does as it is told; "wait" is for ever.
func Obedient(ctx workflow.Context, then string) (string, error) {
	switch then {
	case "wait":
		return "", workflow.Await(ctx, func() bool { return false })
	case "fail":
		return "", temporal.NewApplicationError("as told", "ToldToFail", map[string]int{"order": 12})
	default:
		return then, nil
	}
}

func terminateScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Obedient, "wait")
	s.NoError(s.Client.TerminateWorkflow(ctx, run.GetID(), "", "the test says so", "a detail"))
	check.ErrorAs[*temporal.TerminatedError](s, run.Get(ctx, nil))
	s.Equal(s.Status(ctx, run.GetID()), enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, "status")
	event := s.One(s.Events(ctx, run.GetID(), ""), "WorkflowExecutionTerminated")
	attributes := event.GetWorkflowExecutionTerminatedEventAttributes()
	s.Equal(attributes.Reason, "the test says so", "reason")
	s.Equal(string(attributes.Details.Payloads[0].Data), `"a detail"`, "details")
	check.ErrorAs[*serviceerror.NotFound](s, s.Client.TerminateWorkflow(ctx, run.GetID(), "", "once more"))
	// Cancelling what has ended is what the caller wanted, so it is no error.
	s.NoError(s.Client.CancelWorkflow(ctx, run.GetID(), ""))
}

func Refuse(context.Context) error {
	root := temporal.NewApplicationError("the root of it", "Root")
	return temporal.NewNonRetryableApplicationError("refused", "Refusal", root)
}

func Failing(ctx workflow.Context) error {
	ctx = withTimeout(ctx)
	return workflow.ExecuteActivity(ctx, Refuse).Get(ctx, nil)
}

func workflowFailureScenario(ctx context.Context, s *check.Scenario) {
	own := s.Start(ctx, Obedient, "fail")
	failure := check.ErrorAs[*temporal.ApplicationError](s, own.Get(ctx, nil))
	var details map[string]int
	s.NoError(failure.Details(&details))
	s.Equal([]any{failure.Message(), failure.Type(), details}, []any{"as told", "ToldToFail", map[string]int{"order": 12}}, "failure")
	s.Equal(s.Status(ctx, own.GetID()), enums.WORKFLOW_EXECUTION_STATUS_FAILED, "status")

	ofActivity := s.Start(ctx, Failing)
	activityError := check.ErrorAs[*temporal.ActivityError](s, ofActivity.Get(ctx, nil))
	s.True(activityError.Identity() != "", "the identity of the worker is in the failure")
	refusal := check.ErrorAs[*temporal.ApplicationError](s, activityError)
	s.Equal([]string{refusal.Message(), refusal.Type()}, []string{"refused", "Refusal"}, "failure of the activity")
	root := check.ErrorAs[*temporal.ApplicationError](s, refusal.Unwrap())
	s.Equal([]string{root.Message(), root.Type()}, []string{"the root of it", "Root"}, "its cause")

	check.ErrorAs[*serviceerror.NotFound](s, s.Client.GetWorkflow(ctx, "go-nobody", "").Get(ctx, nil))
}

func runTimeoutScenario(ctx context.Context, s *check.Scenario) {
	runs := []client.WorkflowRun{
		s.StartWith(ctx, client.StartWorkflowOptions{WorkflowRunTimeout: time.Second}, Obedient, "wait"),
		s.StartWith(ctx, client.StartWorkflowOptions{WorkflowExecutionTimeout: time.Second}, Obedient, "wait"),
	}
	for _, run := range runs {
		timeout := check.ErrorAs[*temporal.TimeoutError](s, run.Get(ctx, nil))
		s.Equal(timeout.TimeoutType(), enums.TIMEOUT_TYPE_START_TO_CLOSE, "timeout type")
		s.Equal(s.Status(ctx, run.GetID()), enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, "status")
		events := s.Events(ctx, run.GetID(), "")
		s.Equal(events[len(events)-1].EventType, enums.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, "last event")
	}
}

func FailOnce(ctx workflow.Context) (int32, error) {
	attempt := workflow.GetInfo(ctx).Attempt
	if attempt == 1 {
		return 0, temporal.NewApplicationError("the first run fails", "First")
	}
	return attempt, nil
}

func workflowRetryScenario(ctx context.Context, s *check.Scenario) {
	policy := &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumAttempts: 3}
	run := s.StartWith(ctx, client.StartWorkflowOptions{RetryPolicy: policy}, FailOnce)
	firstRunID := run.GetRunID()
	s.Equal(check.Result[int32](ctx, s, run), int32(2), "the attempt that succeeded")
	end := s.One(s.Events(ctx, run.GetID(), firstRunID), "WorkflowExecutionFailed").GetWorkflowExecutionFailedEventAttributes()
	s.Equal(end.Failure.Message, "the first run fails", "failure of the first run")
	described, err := s.Client.DescribeWorkflowExecution(ctx, run.GetID(), "")
	s.NoError(err)
	s.Equal(described.WorkflowExecutionInfo.Execution.RunId, end.NewExecutionRunId, "the first run names the second")
}

func alreadyStartedScenario(ctx context.Context, s *check.Scenario) {
	id := s.NewID("")
	options := func(reuse enums.WorkflowIdReusePolicy, conflict enums.WorkflowIdConflictPolicy) client.StartWorkflowOptions {
		return client.StartWorkflowOptions{
			ID:                                       id,
			TaskQueue:                                s.TaskQueue,
			WorkflowIDReusePolicy:                    reuse,
			WorkflowIDConflictPolicy:                 conflict,
			WorkflowExecutionErrorWhenAlreadyStarted: true,
		}
	}
	refused := func(reuse enums.WorkflowIdReusePolicy) *serviceerror.WorkflowExecutionAlreadyStarted {
		_, err := s.Client.ExecuteWorkflow(ctx, options(reuse, 0), Obedient, "wait")
		return check.ErrorAs[*serviceerror.WorkflowExecutionAlreadyStarted](s, err)
	}
	running := s.StartWith(ctx, options(0, 0), Obedient, "wait")
	s.Equal(refused(0).RunId, running.GetRunID(), "the run that is in the way")

	existing := s.StartWith(ctx, options(0, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING), Obedient, "wait")
	s.Equal(existing.GetRunID(), running.GetRunID(), "USE_EXISTING")
	replacing := s.StartWith(ctx, options(0, enums.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING), Obedient, "end")
	s.Equal(check.Result[string](ctx, s, replacing), "end", "TERMINATE_EXISTING")
	check.ErrorAs[*temporal.TerminatedError](s, running.Get(ctx, nil))

	refused(enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
	refused(enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
	failing := s.StartWith(ctx, options(enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, 0), Obedient, "fail")
	check.ErrorAs[*temporal.ApplicationError](s, failing.Get(ctx, nil))
	afterFailure := s.StartWith(ctx, options(enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, 0), Obedient, "end")
	s.Equal(check.Result[string](ctx, s, afterFailure), "end", "after a failed run")
}
