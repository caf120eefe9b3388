package main

// Patterns that are made of activities: polling, sagas, people who answer, wrappers, deadlines.

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var patternScenarios = map[string]check.Func{
	"auto-heartbeat":          autoHeartbeatScenario,
	"deadline-aware":          deadlineAwareScenario,
	"local-activity-fallback": localActivityFallbackScenario,
	"human-approval":          humanApprovalScenario,
	"approval-over-http":      approvalOverHTTPScenario,
	"polling":                 pollingScenario,
	"saga":                    sagaScenario,
	"error-classification":    errorClassificationScenario,
}

func registerPatterns(w worker.Registry) {
	for _, each := range []any{AutoHeartbeat, DeadlineAware, ProcessOrder, HumanApproval, Polling, Periodic, Saga, Classified} {
		w.RegisterWorkflow(each)
	}
	w.RegisterActivityWithOptions(heartbeating(SleepUnaware), activity.RegisterOptions{Name: "SleepUnaware"})
	for _, each := range []any{
		WorkUntilDeadline, ValidateQuickly, ValidateThoroughly, ProcessPayment, NotifyRequestCreated, AwaitDecision,
		ExecuteApproved, PollOften, PollOnce, Look, Book, CancelBooking, CallExternal,
	} {
		w.RegisterActivity(each)
	}
}

// What activities did, in order, by workflow id.
var patternDeeds journal[string]

// noteStep returns how often this was done before for the same workflow.
func noteStep(ctx context.Context, deed string) int {
	id := activity.GetInfo(ctx).WorkflowExecution.ID
	earlier := countOf(patternDeeds.of(id), deed)
	patternDeeds.add(id, deed)
	return earlier
}

func countOf(deeds []string, deed string) (count int) {
	for _, each := range deeds {
		if each == deed {
			count++
		}
	}
	return
}

// heartbeating makes an activity heartbeat ten times in each heartbeat timeout for as long as it runs; it need not know of that.
func heartbeating[In, Out any](run func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			ticker := time.NewTicker(activity.GetInfo(ctx).HeartbeatTimeout / 10)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					activity.RecordHeartbeat(ctx, "beating")
				case <-ended:
					return
				}
			}
		}()
		return run(ctx, in)
	}
}

func SleepUnaware(ctx context.Context, duration time.Duration) (string, error) {
	noteStep(ctx, "begun")
	select {
	case <-time.After(duration):
		return "slept", nil
	case <-ctx.Done():
		noteStep(ctx, "cancelled")
		return "", ctx.Err()
	}
}

func AutoHeartbeat(ctx workflow.Context, duration time.Duration) (slept string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		WaitForCancellation: true,
	})
	err = workflow.ExecuteActivity(ctx, "SleepUnaware", duration).Get(ctx, &slept)
	return
}

func autoHeartbeatScenario(ctx context.Context, s *check.Scenario) {
	outliving := s.Start(ctx, AutoHeartbeat, 12*time.Second)
	cancelled := s.Start(ctx, AutoHeartbeat, time.Minute)
	s.Eventually("the activity begins", time.Minute, func() bool { return len(patternDeeds.of(cancelled.GetID())) == 1 })
	s.NoError(s.Client.CancelWorkflow(ctx, cancelled.GetID(), ""))
	check.ErrorAs[*temporal.CanceledError](s, cancelled.Get(ctx, nil))
	s.Equal(patternDeeds.of(cancelled.GetID()), []string{"begun", "cancelled"}, "deeds")
	s.Equal(check.Result[string](ctx, s, outliving), "slept", "an activity that is longer than its heartbeat timeout")
}

// Part is how much was done.
type Part struct {
	Done  int
	Whole bool
}

func WorkUntilDeadline(ctx context.Context, items int) (Part, error) {
	deadline := activity.GetInfo(ctx).Deadline
	done := 0
	for done < items && time.Until(deadline) > 5*time.Second {
		time.Sleep(100 * time.Millisecond)
		done++
		activity.RecordHeartbeat(ctx, done)
	}
	return Part{done, done == items}, nil
}

func DeadlineAware(ctx workflow.Context, items int) (part Part, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		HeartbeatTimeout:    5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	err = workflow.ExecuteActivity(ctx, WorkUntilDeadline, items).Get(ctx, &part)
	return
}

func deadlineAwareScenario(ctx context.Context, s *check.Scenario) {
	few, many := s.Start(ctx, DeadlineAware, 3), s.Start(ctx, DeadlineAware, 1000)
	s.Equal(check.Result[Part](ctx, s, few), Part{3, true}, "a few items")
	part := check.Result[Part](ctx, s, many)
	s.True(part.Done > 0 && part.Done < 1000 && !part.Whole, "a part of many is done before the deadline")
}

// Order is what a customer wants.
type Order struct {
	OrderID string
	Amount  int
}

func ValidateQuickly(ctx context.Context, order Order) (string, error) {
	noteStep(ctx, "validated locally")
	if order.Amount < 0 {
		return "", temporal.NewNonRetryableApplicationError("no amount can be negative", "InvalidOrder", nil)
	}
	if order.Amount > 1000 {
		return "", errors.New("too much for a quick look")
	}
	return "valid", nil
}

func ValidateThoroughly(ctx context.Context, _ Order) (string, error) {
	noteStep(ctx, "validated remotely")
	if activity.GetInfo(ctx).IsLocalActivity {
		return "", errors.New("the fallback is a local activity")
	}
	return "valid after all", nil
}

func ProcessPayment(ctx context.Context, order Order) (string, error) {
	noteStep(ctx, "paid")
	return order.OrderID + " paid", nil
}

func ProcessOrder(ctx workflow.Context, order Order) ([]string, error) {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumAttempts: 3},
	})
	ctx = withTimeout(ctx)
	var valid, paid string
	if err := workflow.ExecuteLocalActivity(local, ValidateQuickly, order).Get(ctx, &valid); err != nil {
		var refusal *temporal.ApplicationError
		if errors.As(err, &refusal) && refusal.Type() == "InvalidOrder" {
			return nil, err
		}
		if err := workflow.ExecuteActivity(ctx, ValidateThoroughly, order).Get(ctx, &valid); err != nil {
			return nil, err
		}
	}
	err := workflow.ExecuteActivity(ctx, ProcessPayment, order).Get(ctx, &paid)
	return []string{valid, paid}, err
}

func localActivityFallbackScenario(ctx context.Context, s *check.Scenario) {
	start := func(amount int) client.WorkflowRun {
		// With time enough for a workflow task that no local activity is done twice.
		options := client.StartWorkflowOptions{WorkflowTaskTimeout: time.Minute}
		return s.StartWith(ctx, options, ProcessOrder, Order{"A-7", amount})
	}
	small, large, invalid := start(10), start(5000), start(-1)
	s.Equal(check.Result[[]string](ctx, s, small), []string{"valid", "A-7 paid"}, "small")
	s.Equal(patternDeeds.of(small.GetID()), []string{"validated locally", "paid"}, "deeds for small")
	s.Equal(check.Result[[]string](ctx, s, large), []string{"valid after all", "A-7 paid"}, "large")
	local := "validated locally"
	s.Equal(
		patternDeeds.of(large.GetID()), []string{local, local, local, "validated remotely", "paid"}, "deeds for large",
	)
	events := s.Events(ctx, large.GetID(), "")
	s.Equal(check.Count(events, "MarkerRecorded"), 1, "markers")
	s.Equal(check.Count(events, "ActivityTaskScheduled"), 2, "activities")
	s.Equal(check.ErrorAs[*temporal.ApplicationError](s, invalid.Get(ctx, nil)).Type(), "InvalidOrder", "type")
	s.Equal(patternDeeds.of(invalid.GetID()), []string{local}, "deeds for invalid")
}

var decisionTokens journal[[]byte]

const approvalID = "approval"

func NotifyRequestCreated(ctx context.Context, title string) error {
	noteStep(ctx, "asked for "+title)
	return nil
}

func AwaitDecision(ctx context.Context, _ string) (Approved, error) {
	info := activity.GetInfo(ctx)
	decisionTokens.add(info.WorkflowExecution.ID, info.TaskToken)
	return Approved{}, activity.ErrResultPending
}

func ExecuteApproved(ctx context.Context, title string) error {
	noteStep(ctx, "did "+title)
	return nil
}

func HumanApproval(ctx workflow.Context, title string) (decision Approved, err error) {
	short := withTimeout(ctx)
	if err = workflow.ExecuteActivity(short, NotifyRequestCreated, title).Get(ctx, nil); err != nil {
		return
	}
	long := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          approvalID,
		StartToCloseTimeout: 7 * 24 * time.Hour,
		WaitForCancellation: true,
	})
	if err = workflow.ExecuteActivity(long, AwaitDecision, title).Get(ctx, &decision); err == nil && decision.Approved {
		err = workflow.ExecuteActivity(short, ExecuteApproved, title).Get(ctx, nil)
	}
	return
}

// answer is the whole life of the process in which people decide. It knows task tokens, in hex, or a workflow's id.
func answer(ctx context.Context, c client.Client, namespace string, arguments []string) error {
	for ; len(arguments) > 1; arguments = arguments[2:] {
		how, ticket := arguments[0], arguments[1]
		token, _ := hex.DecodeString(ticket)
		var err error
		switch how {
		case "approve-by-id":
			err = c.CompleteActivityByID(ctx, namespace, ticket, "", approvalID, Approved{true, "bob"}, nil)
		case "approve":
			err = c.CompleteActivity(ctx, token, Approved{true, "alice"}, nil)
		case "decline":
			err = c.CompleteActivity(ctx, token, Approved{false, "carol"}, nil)
		case "fail":
			refusal := temporal.NewNonRetryableApplicationError("Rejected by compliance", "Refusal", nil)
			err = c.CompleteActivity(ctx, token, nil, refusal)
		case "cancel":
			err = c.CompleteActivity(ctx, token, nil, temporal.NewCanceledError("nobody decided"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func humanApprovalScenario(ctx context.Context, s *check.Scenario) {
	runs := map[string]client.WorkflowRun{}
	arguments := []string{"answer"}
	for _, how := range []string{"approve", "approve-by-id", "decline", "fail", "cancel"} {
		run := s.Start(ctx, HumanApproval, "a loan")
		runs[how] = run
		s.Eventually("it asks for a decision", time.Minute, func() bool { return len(decisionTokens.of(run.GetID())) == 1 })
		ticket := hex.EncodeToString(decisionTokens.of(run.GetID())[0])
		if how == "approve-by-id" {
			ticket = run.GetID()
		}
		arguments = append(arguments, how, ticket)
	}
	s.NoError(s.Client.CancelWorkflow(ctx, runs["cancel"].GetID(), ""))
	s.Eventually("the activity's cancellation is requested", time.Minute, func() bool {
		described, err := s.Client.DescribeWorkflowExecution(ctx, runs["cancel"].GetID(), "")
		s.NoError(err)
		pending := described.PendingActivities
		return len(pending) == 1 && pending[0].State == enums.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
	})
	process := exec.Command(os.Args[0], append(arguments, "--address", s.Address, "--namespace", s.Namespace)...)
	process.Stderr = os.Stderr
	s.NoError(process.Run())

	s.Equal(check.Result[Approved](ctx, s, runs["approve"]), Approved{true, "alice"}, "by token")
	s.Equal(check.Result[Approved](ctx, s, runs["approve-by-id"]), Approved{true, "bob"}, "by id")
	s.Equal(check.Result[Approved](ctx, s, runs["decline"]), Approved{false, "carol"}, "declined")
	failure := check.ErrorAs[*temporal.ApplicationError](s, runs["fail"].Get(ctx, nil))
	s.Equal(failure.Message(), "Rejected by compliance", "failed")
	check.ErrorAs[*temporal.CanceledError](s, runs["cancel"].Get(ctx, nil))
	cancelled := s.One(s.Events(ctx, runs["cancel"].GetID(), ""), "ActivityTaskCanceled")
	details := cancelled.GetActivityTaskCanceledEventAttributes().Details.Payloads
	s.Equal(string(details[0].Data), `"nobody decided"`, "details of the cancellation")
	s.Equal(patternDeeds.of(runs["approve"].GetID()), []string{"asked for a loan", "did a loan"}, "deeds after approval")
	s.Equal(patternDeeds.of(runs["decline"].GetID()), []string{"asked for a loan"}, "deeds after refusal")
}

// approvalOverHTTPScenario is for whoever runs this to approve, to fail and to answer by a link, over HTTP.
func approvalOverHTTPScenario(ctx context.Context, s *check.Scenario) {
	var runs []client.WorkflowRun
	var tickets [][]byte
	for range 3 {
		run := s.Start(ctx, HumanApproval, "a loan")
		s.Eventually("it asks for a decision", time.Minute, func() bool { return len(decisionTokens.of(run.GetID())) == 1 })
		runs = append(runs, run)
		tickets = append(tickets, decisionTokens.of(run.GetID())[0])
	}
	s.Announce(tickets...)
	s.Equal(check.Result[Approved](ctx, s, runs[0]), Approved{true, "alice"}, "approved")
	failure := check.ErrorAs[*temporal.ApplicationError](s, runs[1].Get(ctx, nil))
	s.Equal(failure.Message(), "Rejected by compliance", "failed")
	s.Equal(check.Result[Approved](ctx, s, runs[2]), Approved{false, "bob"}, "answered by a link")
}

func PollOften(ctx context.Context) (string, error) {
	for noteStep(ctx, "polled") < 4 {
		activity.RecordHeartbeat(ctx)
		time.Sleep(50 * time.Millisecond)
	}
	return "ready", nil
}

func PollOnce(ctx context.Context) (string, error) {
	if noteStep(ctx, "polled") < 3 {
		return "", temporal.NewApplicationError("not ready yet", "NotReady")
	}
	return "ready", nil
}

func Look(ctx context.Context) (bool, error) {
	return noteStep(ctx, "polled") == 4, nil
}

// Periodic looks twice in each of its runs.
func Periodic(ctx workflow.Context) (string, error) {
	ctx = withTimeout(ctx)
	for range 2 {
		var ready bool
		if err := workflow.ExecuteActivity(ctx, Look).Get(ctx, &ready); err != nil || ready {
			return "ready", err
		}
		if err := workflow.Sleep(ctx, 50*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "", workflow.NewContinueAsNewError(ctx, Periodic)
}

func Polling(ctx workflow.Context, how string) (result string, err error) {
	switch how {
	case "frequent":
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, HeartbeatTimeout: 5 * time.Second,
		})
		err = workflow.ExecuteActivity(ctx, PollOften).Get(ctx, &result)
	case "infrequent":
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: 10 * time.Second,
			RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 1},
		})
		err = workflow.ExecuteActivity(ctx, PollOnce).Get(ctx, &result)
	default:
		id := workflow.GetInfo(ctx).WorkflowExecution.ID + "-child"
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
		err = workflow.ExecuteChildWorkflow(ctx, Periodic).Get(ctx, &result)
	}
	return
}

func pollingScenario(ctx context.Context, s *check.Scenario) {
	for how, polls := range map[string]int{"frequent": 5, "infrequent": 4, "periodic": 5} {
		run := s.Start(ctx, Polling, how)
		s.Equal(check.Result[string](ctx, s, run), "ready", how)
		id := run.GetID()
		if how == "periodic" {
			id += "-child"
		}
		s.Equal(len(patternDeeds.of(id)), polls, how)
	}
}

func Book(ctx context.Context, what string) error {
	noteStep(ctx, "book "+what)
	if what == "car" {
		return temporal.NewNonRetryableApplicationError("no cars left", "SoldOut", nil)
	}
	return nil
}

func CancelBooking(ctx context.Context, what string) error {
	// A compensation is retried until it succeeds.
	if noteStep(ctx, "cancel "+what) == 0 {
		return errors.New("try again")
	}
	return nil
}

func Saga(ctx workflow.Context) (err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond},
	})
	for _, what := range []string{"flight", "hotel", "car"} {
		if err = workflow.ExecuteActivity(ctx, Book, what).Get(ctx, nil); err != nil {
			return
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, workflow.ExecuteActivity(ctx, CancelBooking, what).Get(ctx, nil))
			}
		}()
	}
	return
}

func sagaScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Saga)
	check.ErrorAs[*temporal.WorkflowExecutionError](s, run.Get(ctx, nil))
	s.Equal(patternDeeds.of(run.GetID()), []string{
		"book flight", "book hotel", "book car", "cancel hotel", "cancel hotel", "cancel flight", "cancel flight",
	}, "deeds")
}

func CallExternal(ctx context.Context, request string) (bool, error) {
	earlier := noteStep(ctx, request)
	if request == "rate limited" && earlier < 2 {
		return false, temporal.NewApplicationError("too many requests", "RateLimit")
	}
	if request == "invalid" {
		return false, temporal.NewNonRetryableApplicationError("Invalid input: no id", "InvalidInput", nil)
	}
	return request != "unknown", nil
}

func Classified(ctx workflow.Context, request string) (found bool, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    time.Minute,
			MaximumAttempts:    5,
		},
	})
	err = workflow.ExecuteActivity(ctx, CallExternal, request).Get(ctx, &found)
	return
}

func errorClassificationScenario(ctx context.Context, s *check.Scenario) {
	limited, invalid := s.Start(ctx, Classified, "rate limited"), s.Start(ctx, Classified, "invalid")
	unknown := s.Start(ctx, Classified, "unknown")
	s.Equal(check.Result[bool](ctx, s, limited), true, "found")
	s.Equal(len(patternDeeds.of(limited.GetID())), 3, "calls until the limit lets one through")
	failure := check.ErrorAs[*temporal.ApplicationError](s, invalid.Get(ctx, nil))
	s.Equal(failure.Message(), "Invalid input: no id", "failure")
	s.Equal(len(patternDeeds.of(invalid.GetID())), 1, "calls with invalid input")
	s.Equal(check.Result[bool](ctx, s, unknown), false, "what is not found is a result")
}
