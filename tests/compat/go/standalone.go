package main

// Activities that no workflow has asked for: started, waited for, listed, ended and held back by their client.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"pawl.dev/compat/check"
)

var standaloneScenarios = map[string]check.Func{
	"standalone-activity":         standaloneScenario,
	"standalone-activity-endings": standaloneEndingsScenario,
	"standalone-activity-held":    standaloneHeldScenario,
}

func registerStandalone(w worker.Registry) {
	for _, each := range []any{StandAlone, FailAlone, WaitAlone} {
		w.RegisterActivity(each)
	}
}

type standing struct {
	ID, RunID string
	Attempt   int32
	Doubled   int
}

func StandAlone(ctx context.Context, amount int) (standing, error) {
	info := activity.GetInfo(ctx)
	if info.WorkflowExecution.ID != "" {
		return standing{}, errors.New("a workflow has asked for it")
	}
	return standing{info.ActivityID, info.ActivityRunID, info.Attempt, 2 * amount}, nil
}

// FailAlone fails until its attempt has that number, then returns what the attempt before said with its heartbeat.
func FailAlone(ctx context.Context, untilAttempt int32) (int32, error) {
	if attempt := activity.GetInfo(ctx).Attempt; attempt < untilAttempt {
		activity.RecordHeartbeat(ctx, attempt)
		return 0, temporal.NewApplicationError(fmt.Sprintf("attempt %d", attempt), "NotYet")
	}
	var before int32
	return before, activity.GetHeartbeatDetails(ctx, &before)
}

func WaitAlone(ctx context.Context) error {
	for {
		activity.RecordHeartbeat(ctx, "waiting")
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), activity.ErrActivityPaused) {
				return errors.New("held back")
			}
			return ctx.Err()
		}
	}
}

// standAlone starts an activity on the shared worker, unless the options say otherwise.
func standAlone(
	ctx context.Context, s *check.Scenario, options client.StartActivityOptions, function any, arguments ...any,
) (client.ActivityHandle, error) {
	if options.ID == "" {
		options.ID = s.NewID("")
		s.WorkflowIDs = nil
	}
	if options.TaskQueue == "" {
		options.TaskQueue = s.TaskQueue
	}
	options.StartToCloseTimeout = 10 * time.Second
	return s.Client.ExecuteActivity(ctx, options, function, arguments...)
}

func mustStand(
	ctx context.Context, s *check.Scenario, options client.StartActivityOptions, function any, arguments ...any,
) client.ActivityHandle {
	handle, err := standAlone(ctx, s, options, function, arguments...)
	s.NoError(err)
	return handle
}

func described(ctx context.Context, s *check.Scenario, handle client.ActivityHandle) *client.ActivityExecutionDescription {
	description, err := handle.Describe(ctx, client.DescribeActivityOptions{})
	s.NoError(err)
	return description
}

func eventuallyIn(ctx context.Context, s *check.Scenario, handle client.ActivityHandle, state enums.PendingActivityState) {
	s.Eventually("the activity is "+state.String(), time.Minute, func() bool {
		return described(ctx, s, handle).RunState == state
	})
}

func standaloneScenario(ctx context.Context, s *check.Scenario) {
	handle := mustStand(ctx, s, client.StartActivityOptions{}, StandAlone, 21)
	var result standing
	s.NoError(handle.Get(ctx, &result))
	s.Equal(result, standing{handle.GetID(), handle.GetRunID(), 1, 42}, "the result")
	// Asked anew, by somebody who knows no more than the id.
	var again standing
	known := s.Client.GetActivityHandle(client.GetActivityHandleOptions{ActivityID: handle.GetID()})
	s.NoError(known.Get(ctx, &again))
	s.Equal(again, result, "the result, asked anew")

	description := described(ctx, s, handle)
	s.Equal(description.Status, enums.ACTIVITY_EXECUTION_STATUS_COMPLETED, "status")
	s.Equal(description.ActivityType, "StandAlone", "type")
	query := fmt.Sprintf("ActivityId = '%s' AND ExecutionStatus = 'Completed'", handle.GetID())
	s.Eventually("it is counted", time.Minute, func() bool {
		counted, err := s.Client.CountActivities(ctx, client.CountActivitiesOptions{Query: query})
		s.NoError(err)
		return counted.Count == 1
	})
	listed, err := s.Client.ListActivities(ctx, client.ListActivitiesOptions{Query: query})
	s.NoError(err)
	for each, err := range listed.Results {
		s.NoError(err)
		s.Equal(each.ActivityRunID, handle.GetRunID(), "the listed run")
	}

	same := client.StartActivityOptions{
		ID:                    handle.GetID(),
		ActivityIDReusePolicy: enums.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}
	_, err = standAlone(ctx, s, same, StandAlone, 1)
	var started *serviceerror.ActivityExecutionAlreadyStarted
	s.True(errors.As(err, &started), "a second start is refused")
	s.Equal(started.RunId, handle.GetRunID(), "the run that is there")
	second := mustStand(ctx, s, client.StartActivityOptions{ID: handle.GetID()}, WaitAlone)
	s.True(second.GetRunID() != handle.GetRunID(), "another run has the id now")
	existing := client.StartActivityOptions{
		ID:                       handle.GetID(),
		ActivityIDConflictPolicy: enums.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING,
	}
	s.Equal(mustStand(ctx, s, existing, WaitAlone).GetRunID(), second.GetRunID(), "the run that was used")
	s.NoError(second.Terminate(ctx, client.TerminateActivityOptions{}))
}

func standaloneEndingsScenario(ctx context.Context, s *check.Scenario) {
	quick := &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 1}
	retried := mustStand(ctx, s, client.StartActivityOptions{RetryPolicy: quick}, FailAlone, int32(3))
	var before int32
	s.NoError(retried.Get(ctx, &before))
	s.Equal(before, int32(2), "the details of the second attempt's heartbeat")

	twice := &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond, MaximumAttempts: 2}
	failed := mustStand(ctx, s, client.StartActivityOptions{RetryPolicy: twice}, FailAlone, int32(9))
	var application *temporal.ApplicationError
	s.True(errors.As(failed.Get(ctx, nil), &application), "it fails with the error of its last attempt")
	s.Equal(application.Message(), "attempt 2", "message")

	nobody := s.TaskQueue + "-nobody"
	late := mustStand(ctx, s, client.StartActivityOptions{TaskQueue: nobody, ScheduleToStartTimeout: time.Second}, StandAlone, 1)
	var timeout *temporal.TimeoutError
	s.True(errors.As(late.Get(ctx, nil), &timeout), "it times out")
	s.Equal(timeout.TimeoutType(), enums.TIMEOUT_TYPE_SCHEDULE_TO_START, "type of timeout")

	heard := mustStand(ctx, s, client.StartActivityOptions{HeartbeatTimeout: 5 * time.Second}, WaitAlone)
	eventuallyIn(ctx, s, heard, enums.PENDING_ACTIVITY_STATE_STARTED)
	s.NoError(heard.Cancel(ctx, client.CancelActivityOptions{Reason: "because"}))
	var canceled *temporal.CanceledError
	s.True(errors.As(heard.Get(ctx, nil), &canceled), "it is cancelled")

	unheard := mustStand(ctx, s, client.StartActivityOptions{TaskQueue: nobody}, WaitAlone)
	s.NoError(unheard.Terminate(ctx, client.TerminateActivityOptions{Reason: "enough"}))
	var terminated *temporal.TerminatedError
	s.True(errors.As(unheard.Get(ctx, nil), &terminated), "it is terminated")

	delayed := mustStand(ctx, s, client.StartActivityOptions{StartDelay: time.Second}, StandAlone, 4)
	var result standing
	s.NoError(delayed.Get(ctx, &result))
	description := described(ctx, s, delayed)
	waited := description.LastStartedTime.Sub(description.ScheduleTime)
	s.True(waited >= 999*time.Millisecond, "it began after its delay")
}

func standaloneHeldScenario(ctx context.Context, s *check.Scenario) {
	handle := mustStand(ctx, s, client.StartActivityOptions{TaskQueue: s.TaskQueue + "-nobody"}, StandAlone, 3)
	s.NoError(handle.Pause(ctx, client.PauseActivityOptions{Reason: "not now"}))
	s.Equal(described(ctx, s, handle).Status, enums.ACTIVITY_EXECUTION_STATUS_PAUSED, "status")
	queue := client.ActivityOptionChange[string]{Value: &s.TaskQueue}
	options, err := handle.UpdateOptions(ctx, client.ActivityOptionsUpdate{TaskQueue: &queue})
	s.NoError(err)
	s.Equal(options.TaskQueue, s.TaskQueue, "the queue it was moved to")
	s.NoError(handle.Unpause(ctx, client.UnpauseActivityOptions{}))
	var result standing
	s.NoError(handle.Get(ctx, &result))
	s.Equal(result.Doubled, 6, "the result")

	// An attempt that runs hears of the pause, fails into it, and another follows when it is over.
	running := mustStand(ctx, s, client.StartActivityOptions{
		HeartbeatTimeout: 5 * time.Second,
		RetryPolicy:      &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 1},
	}, WaitAlone)
	eventuallyIn(ctx, s, running, enums.PENDING_ACTIVITY_STATE_STARTED)
	s.NoError(running.Pause(ctx, client.PauseActivityOptions{}))
	eventuallyIn(ctx, s, running, enums.PENDING_ACTIVITY_STATE_PAUSED)
	s.NoError(running.Unpause(ctx, client.UnpauseActivityOptions{}))
	eventuallyIn(ctx, s, running, enums.PENDING_ACTIVITY_STATE_STARTED)
	s.Equal(described(ctx, s, running).Attempt, int32(2), "attempt")
	s.NoError(running.Cancel(ctx, client.CancelActivityOptions{}))
	var canceled *temporal.CanceledError
	s.True(errors.As(running.Get(ctx, nil), &canceled), "it is cancelled")
}
