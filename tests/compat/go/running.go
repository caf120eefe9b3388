package main

// Activities of every kind, and timers.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var runningScenarios = map[string]check.Func{
	"activities":        activitiesScenario,
	"retries":           retriesScenario,
	"non-retryable":     nonRetryableScenario,
	"activity-timeouts": activityTimeoutsScenario,
	"local-activity":    localActivityScenario,
	"timer":             timerScenario,
	"async-completion":  asyncCompletionScenario,
	"eager-start":       eagerStartScenario,
}

// When each attempt of a workflow's activity began, by workflow id.
var attempts journal[time.Time]

func noteAttempt(ctx context.Context) activity.Info {
	info := activity.GetInfo(ctx)
	attempts.add(info.WorkflowExecution.ID, time.Now())
	return info
}

func withTimeout(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
}

func Double(_ context.Context, number int) (int, error) {
	return number * 2, nil
}

func SequenceAndParallel(ctx workflow.Context, number int) ([]int, error) {
	ctx = withTimeout(ctx)
	for range 3 {
		if err := workflow.ExecuteActivity(ctx, Double, number).Get(ctx, &number); err != nil {
			return nil, err
		}
	}
	var futures []workflow.Future
	for index := range 5 {
		futures = append(futures, workflow.ExecuteActivity(ctx, Double, number+index))
	}
	var results []int
	for _, future := range futures {
		var result int
		if err := future.Get(ctx, &result); err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func activitiesScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, SequenceAndParallel, 1)
	s.Equal(check.Result[[]int](ctx, s, run), []int{16, 18, 20, 22, 24}, "result")
	events := s.Events(ctx, run.GetID(), run.GetRunID())
	names := check.Names(events)
	s.Equal(names[:3], []string{"WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted"}, "first events")
	for _, name := range []string{"ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted"} {
		s.Equal(check.Count(events, name), 8, name)
	}
	s.Equal(names[len(names)-1], "WorkflowExecutionCompleted", "last event")
}

func FailTwice(ctx context.Context) (int32, error) {
	attempt := noteAttempt(ctx).Attempt
	if attempt < 3 {
		return 0, temporal.NewApplicationError(fmt.Sprintf("attempt %d fails", attempt), "Flaky")
	}
	return attempt, nil
}

func Retrying(ctx workflow.Context) (attempt int32, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2},
	})
	err = workflow.ExecuteActivity(ctx, FailTwice).Get(ctx, &attempt)
	return
}

func retriesScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Retrying)
	s.Equal(check.Result[int32](ctx, s, run), int32(3), "the attempt that succeeded")
	began := attempts.of(run.GetID())
	s.Equal(len(began), 3, "attempts")
	s.True(began[1].Sub(began[0]) >= 200*time.Millisecond, "the first backoff lasted")
	s.True(began[2].Sub(began[1]) >= 400*time.Millisecond, "the second backoff lasted twice as long")
	started := s.One(s.Events(ctx, run.GetID(), ""), "ActivityTaskStarted").GetActivityTaskStartedEventAttributes()
	s.Equal(started.Attempt, int32(3), "attempt in history")
	s.Equal(started.LastFailure.Message, "attempt 2 fails", "last failure in history")
	s.Equal(started.LastFailure.GetApplicationFailureInfo().Type, "Flaky", "its type")
}

func Reject(ctx context.Context, how string) error {
	noteAttempt(ctx)
	switch how {
	case "non-retryable":
		return temporal.NewNonRetryableApplicationError("no such account", "InvalidInput", nil, map[string]int{"account": 7})
	case "by type":
		return temporal.NewApplicationError("listed by the policy", "NotFound")
	default:
		return errors.New("an ordinary error")
	}
}

func Rejected(ctx workflow.Context, how string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:        10 * time.Millisecond,
			MaximumAttempts:        2,
			NonRetryableErrorTypes: []string{"NotFound"},
		},
	})
	return workflow.ExecuteActivity(ctx, Reject, how).Get(ctx, nil)
}

func nonRetryableScenario(ctx context.Context, s *check.Scenario) {
	for _, each := range []struct {
		how, errorType string
		retryState     enums.RetryState
		tries          int
	}{
		{"non-retryable", "InvalidInput", enums.RETRY_STATE_NON_RETRYABLE_FAILURE, 1},
		{"by type", "NotFound", enums.RETRY_STATE_NON_RETRYABLE_FAILURE, 1},
		{"ordinary", "", enums.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED, 2},
	} {
		run := s.Start(ctx, Rejected, each.how)
		err := run.Get(ctx, nil)
		check.ErrorAs[*temporal.WorkflowExecutionError](s, err)
		activityError := check.ErrorAs[*temporal.ActivityError](s, err)
		s.Equal(activityError.ActivityType().Name, "Reject", "activity type")
		s.Equal(activityError.RetryState(), each.retryState, each.how)
		applicationError := check.ErrorAs[*temporal.ApplicationError](s, activityError)
		s.Equal(applicationError.Type(), each.errorType, each.how)
		s.Equal(len(attempts.of(run.GetID())), each.tries, "attempts when "+each.how)
		if each.how == "non-retryable" {
			var details map[string]int
			s.NoError(applicationError.Details(&details))
			s.Equal(details, map[string]int{"account": 7}, "details")
			s.True(applicationError.NonRetryable(), "the error is non-retryable")
		}
	}
}

func Hang(ctx context.Context, heartbeatFirst bool) error {
	noteAttempt(ctx)
	if heartbeatFirst {
		activity.RecordHeartbeat(ctx, "half way")
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
	}
	return ctx.Err()
}

func AlwaysFail(context.Context) error {
	return temporal.NewApplicationError("not today", "NotToday")
}

// TimedOut is what a workflow sees of a timeout.
type TimedOut struct{ Type, Retry, Heartbeat, Cause string }

var timingOutOptions = map[string]workflow.ActivityOptions{
	"start to close": {
		StartToCloseTimeout: 3 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond, MaximumAttempts: 2},
	},
	"heartbeat": {
		StartToCloseTimeout: 10 * time.Second,
		HeartbeatTimeout:    5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	},
	"schedule to start": {
		TaskQueue:              "nobody-polls-here",
		ScheduleToStartTimeout: 500 * time.Millisecond,
		StartToCloseTimeout:    10 * time.Second,
	},
	"schedule to close": {ScheduleToCloseTimeout: 500 * time.Millisecond},
	// The next attempt would come after the deadline.
	"no time to retry": {
		ScheduleToCloseTimeout: 30 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Minute},
	},
}

func TimingOut(ctx workflow.Context, which string) (TimedOut, error) {
	ctx = workflow.WithActivityOptions(ctx, timingOutOptions[which])
	var err error
	if which == "no time to retry" {
		err = workflow.ExecuteActivity(ctx, AlwaysFail).Get(ctx, nil)
	} else {
		err = workflow.ExecuteActivity(ctx, Hang, which == "heartbeat").Get(ctx, nil)
	}
	var activityError *temporal.ActivityError
	if !errors.As(err, &activityError) {
		return TimedOut{}, fmt.Errorf("the activity did not time out: %w", err)
	}
	outcome := TimedOut{Retry: activityError.RetryState().String()}
	var timeout *temporal.TimeoutError
	if !errors.As(err, &timeout) {
		outcome.Cause = activityError.Unwrap().Error()
		return outcome, nil
	}
	outcome.Type = timeout.TimeoutType().String()
	if timeout.HasLastHeartbeatDetails() {
		err = timeout.LastHeartbeatDetails(&outcome.Heartbeat)
		return outcome, err
	}
	return outcome, nil
}

func activityTimeoutsScenario(ctx context.Context, s *check.Scenario) {
	runs := map[string]client.WorkflowRun{}
	for which := range timingOutOptions {
		runs[which] = s.Start(ctx, TimingOut, which)
	}
	outcomes := map[string]TimedOut{}
	for which, run := range runs {
		outcomes[which] = check.Result[TimedOut](ctx, s, run)
	}
	s.Equal(outcomes["start to close"].Type, "StartToClose", "type")
	s.Equal(outcomes["start to close"].Retry, "MaximumAttemptsReached", "retry state")
	s.Equal(len(attempts.of(runs["start to close"].GetID())), 2, "attempts that timed out")
	s.Equal(outcomes["heartbeat"].Type, "Heartbeat", "type")
	s.Equal(outcomes["heartbeat"].Heartbeat, "half way", "last heartbeat details")
	s.Equal(outcomes["schedule to start"].Type, "ScheduleToStart", "type")
	s.Equal(outcomes["schedule to close"].Type, "ScheduleToClose", "type")
	s.Equal(outcomes["schedule to close"].Retry, "Timeout", "retry state")
	s.Equal(outcomes["no time to retry"], TimedOut{Retry: "Timeout", Cause: "not today (type: NotToday, retryable: true)"}, "no time to retry")
}

func LocalSquare(ctx context.Context, number int) (int, error) {
	info := noteAttempt(ctx)
	if !info.IsLocalActivity {
		return 0, temporal.NewNonRetryableApplicationError("the activity is not local", "NotLocal", nil)
	}
	if info.Attempt == 1 {
		return 0, errors.New("once more, locally")
	}
	return number * number, nil
}

func Local(ctx workflow.Context, number int) (square int, err error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond, MaximumAttempts: 3},
	})
	err = workflow.ExecuteLocalActivity(ctx, LocalSquare, number).Get(ctx, &square)
	return
}

func localActivityScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Local, 9)
	s.Equal(check.Result[int](ctx, s, run), 81, "result")
	events := s.Events(ctx, run.GetID(), "")
	s.Equal(check.Count(events, "ActivityTaskScheduled"), 0, "activities in history")
	s.True(s.One(events, "MarkerRecorded").GetMarkerRecordedEventAttributes().MarkerName != "", "the marker has a name")
	s.Equal(len(attempts.of(run.GetID())), 2, "local attempts")
}

func Timers(ctx workflow.Context) (time.Duration, error) {
	began := workflow.Now(ctx)
	if err := workflow.Sleep(ctx, 400*time.Millisecond); err != nil {
		return 0, err
	}
	slept := workflow.Now(ctx).Sub(began)
	cancellable, cancel := workflow.WithCancel(ctx)
	slow := workflow.NewTimer(cancellable, time.Hour)
	quick := workflow.NewTimer(ctx, 100*time.Millisecond)
	workflow.NewSelector(ctx).
		AddFuture(slow, func(workflow.Future) {}).
		AddFuture(quick, func(workflow.Future) { cancel() }).
		Select(ctx)
	if err := slow.Get(ctx, nil); !temporal.IsCanceledError(err) {
		return 0, fmt.Errorf("the slow timer was not cancelled: %w", err)
	}
	// The cancellation of the long timer is only on record once a workflow task has carried it.
	return slept, workflow.Sleep(ctx, 10*time.Millisecond)
}

func timerScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Timers)
	s.True(check.Result[time.Duration](ctx, s, run) >= 400*time.Millisecond, "the timer lasted in the workflow's time")
	events := s.Events(ctx, run.GetID(), "")
	for name, count := range map[string]int{"TimerStarted": 4, "TimerFired": 3, "TimerCanceled": 1} {
		s.Equal(check.Count(events, name), count, name)
	}
	times := map[string]time.Time{}
	for _, event := range events {
		if _, seen := times[event.EventType.String()]; !seen {
			times[event.EventType.String()] = event.EventTime.AsTime()
		}
	}
	s.True(times["TimerFired"].Sub(times["TimerStarted"]) >= 400*time.Millisecond, "the timer lasted in history")
}

// Task tokens by workflow id and title.
var tokens journal[[]byte]

// Approved is what a human answers.
type Approved struct {
	Approved bool   `json:"approved"`
	Approver string `json:"approver"`
}

func RequestHumanApproval(ctx context.Context, title string) (Approved, error) {
	info := activity.GetInfo(ctx)
	tokens.add(info.WorkflowExecution.ID+"/"+title, info.TaskToken)
	return Approved{}, activity.ErrResultPending
}

func Approval(ctx workflow.Context) ([]string, error) {
	var outcomes []string
	for _, title := range []string{"by token", "by id", "refused"} {
		ctx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			ActivityID:          title,
			StartToCloseTimeout: 7 * 24 * time.Hour,
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		var answer Approved
		err := workflow.ExecuteActivity(ctx, RequestHumanApproval, title).Get(ctx, &answer)
		var refusal *temporal.ApplicationError
		if errors.As(err, &refusal) {
			outcomes = append(outcomes, refusal.Message())
		} else if err != nil {
			return nil, err
		} else {
			outcomes = append(outcomes, fmt.Sprintf("%v by %s", answer.Approved, answer.Approver))
		}
	}
	return outcomes, nil
}

func asyncCompletionScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Approval)
	tokenOf := func(title string) []byte {
		key := run.GetID() + "/" + title
		s.Eventually("the activity asks for approval "+title, time.Minute, func() bool { return len(tokens.of(key)) == 1 })
		return tokens.of(key)[0]
	}
	byToken := tokenOf("by token")
	s.NoError(s.Client.RecordActivityHeartbeat(ctx, byToken, "asked alice"))
	s.NoError(s.Client.CompleteActivity(ctx, byToken, Approved{true, "alice"}, nil))
	tokenOf("by id")
	s.NoError(s.Client.CompleteActivityByID(
		ctx, s.Namespace, run.GetID(), run.GetRunID(), "by id", Approved{true, "bob"}, nil,
	))
	refusal := temporal.NewNonRetryableApplicationError("Rejected by compliance", "Refusal", nil)
	s.NoError(s.Client.CompleteActivity(ctx, tokenOf("refused"), nil, refusal))
	s.Equal(
		check.Result[[]string](ctx, s, run),
		[]string{"true by alice", "true by bob", "Rejected by compliance"},
		"outcomes",
	)
}

func eagerStartScenario(ctx context.Context, s *check.Scenario) {
	run := s.StartWith(ctx, client.StartWorkflowOptions{EnableEagerStart: true}, SequenceAndParallel, 2)
	s.Equal(check.Result[[]int](ctx, s, run), []int{32, 34, 36, 38, 40}, "result")
	started := s.Events(ctx, run.GetID(), "")[0].GetWorkflowExecutionStartedEventAttributes()
	s.True(started.EagerExecutionAccepted, "the server gave the first task with the start")
}
