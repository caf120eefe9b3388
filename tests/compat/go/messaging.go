package main

// Signals and queries.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var messagingScenarios = map[string]check.Func{
	"signal":            signalScenario,
	"signal-with-start": signalWithStartScenario,
	"query":             queryScenario,
	"query-while-busy":  queryWhileBusyScenario,
}

func Pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
	return ctx.Err()
}

// Addition is what the signal "add" carries.
type Addition struct {
	Item  string
	Count int
}

// Basket collects what is signalled until it is checked out.
func Basket(ctx workflow.Context) ([]string, error) {
	var items []string
	handlers := map[string]any{
		"size":   func() (int, error) { return len(items), nil },
		"has":    func(item string) (bool, error) { return slices.Contains(items, item), nil },
		"broken": func() (string, error) { return "", errors.New("this query cannot be answered") },
	}
	for _, name := range workflow.DeterministicKeys(handlers) {
		if err := workflow.SetQueryHandler(ctx, name, handlers[name]); err != nil {
			return nil, err
		}
	}
	add := workflow.GetSignalChannel(ctx, "add")
	receive := func(addition Addition) {
		for range addition.Count {
			items = append(items, addition.Item)
		}
	}
	checkedOut := false
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(add, func(channel workflow.ReceiveChannel, _ bool) {
		var addition Addition
		channel.Receive(ctx, &addition)
		receive(addition)
	})
	selector.AddReceive(workflow.GetSignalChannel(ctx, "check-out"), func(channel workflow.ReceiveChannel, _ bool) {
		channel.Receive(ctx, nil)
		checkedOut = true
	})
	for !checkedOut {
		selector.Select(ctx)
	}
	ctx = withTimeout(ctx)
	if err := workflow.ExecuteActivity(ctx, Pause, 50*time.Millisecond).Get(ctx, nil); err != nil {
		return nil, err
	}
	// Signals that arrived during the last activity are still received.
	var addition Addition
	for add.ReceiveAsync(&addition) {
		receive(addition)
	}
	return items, nil
}

func signalScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Basket)
	for _, addition := range []Addition{{"apple", 1}, {"pear", 2}, {"plum", 1}} {
		s.NoError(s.Client.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), "add", addition))
	}
	s.NoError(s.Client.SignalWorkflow(ctx, run.GetID(), "", "check-out", nil))
	s.Equal(check.Result[[]string](ctx, s, run), []string{"apple", "pear", "pear", "plum"}, "items")
	s.Equal(check.Count(s.Events(ctx, run.GetID(), ""), "WorkflowExecutionSignaled"), 4, "signals in history")
	check.ErrorAs[*serviceerror.NotFound](s, s.Client.SignalWorkflow(ctx, run.GetID(), "", "check-out", nil))
	check.ErrorAs[*serviceerror.NotFound](s, s.Client.SignalWorkflow(ctx, "go-nobody", "", "check-out", nil))
}

func signalWithStartScenario(ctx context.Context, s *check.Scenario) {
	options := client.StartWorkflowOptions{ID: s.NewID(""), TaskQueue: s.TaskQueue}
	add := func(item string) client.WorkflowRun {
		run, err := s.Client.SignalWithStartWorkflow(ctx, options.ID, "add", Addition{item, 1}, options, Basket)
		s.NoError(err)
		return run
	}
	checkOut := func() { s.NoError(s.Client.SignalWorkflow(ctx, options.ID, "", "check-out", nil)) }
	first := add("apple")
	second := add("pear")
	s.Equal(second.GetRunID(), first.GetRunID(), "the run that the second call found")
	checkOut()
	s.Equal(check.Result[[]string](ctx, s, first), []string{"apple", "pear"}, "items")
	names := check.Names(s.Events(ctx, options.ID, first.GetRunID()))
	s.Equal(names[:3], []string{"WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowTaskScheduled"}, "events")
	third := add("plum")
	s.True(third.GetRunID() != first.GetRunID(), "a new run after the end")
	checkOut()
	s.Equal(check.Result[[]string](ctx, s, third), []string{"plum"}, "items of the new run")
}

func ask[T any](ctx context.Context, s *check.Scenario, workflowID, query string, arguments ...any) T {
	var answer T
	value, err := s.Client.QueryWorkflow(ctx, workflowID, "", query, arguments...)
	s.NoError(err)
	s.NoError(value.Get(&answer))
	return answer
}

func queryScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Basket)
	id := run.GetID()
	s.Equal(ask[int](ctx, s, id, "size"), 0, "before any signal")
	s.NoError(s.Client.SignalWorkflow(ctx, id, "", "add", Addition{"apple", 2}))
	s.Equal(ask[int](ctx, s, id, "size"), 2, "a query sees the signal before it")
	s.Equal(ask[bool](ctx, s, id, "has", "apple"), true, "has apple")
	s.Equal(ask[bool](ctx, s, id, "has", "pear"), false, "has pear")
	_, err := s.Client.QueryWorkflow(ctx, id, "", "weight")
	unknown := check.ErrorAs[*serviceerror.QueryFailed](s, err)
	s.True(strings.Contains(unknown.Message, "weight"), "the unknown query is named in "+unknown.Message)
	_, err = s.Client.QueryWorkflow(ctx, id, "", "broken")
	s.Equal(check.ErrorAs[*serviceerror.QueryFailed](s, err).Message, "this query cannot be answered", "message")
	s.NoError(s.Client.SignalWorkflow(ctx, id, "", "check-out", nil))
	s.NoError(run.Get(ctx, nil))
	s.Equal(ask[int](ctx, s, id, "size"), 2, "after the end")
	answer, err := s.Client.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: id, QueryType: "size", QueryRejectCondition: enums.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	s.NoError(err)
	s.Equal(answer.QueryRejected.GetStatus(), enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, "status of the rejection")
	_, err = s.Client.QueryWorkflow(ctx, "go-nobody", "", "size")
	check.ErrorAs[*serviceerror.NotFound](s, err)
}

// Busy is queried all the time while activities run: queries ride on workflow tasks and go past them.
func Busy(ctx workflow.Context) (int, error) {
	rounds := 0
	if err := workflow.SetQueryHandler(ctx, "progress", func() (int, error) { return rounds, nil }); err != nil {
		return 0, err
	}
	stop := workflow.GetSignalChannel(ctx, "stop")
	ctx = withTimeout(ctx)
	for !stop.ReceiveAsync(nil) {
		if err := workflow.ExecuteActivity(ctx, Pause, 10*time.Millisecond).Get(ctx, nil); err != nil {
			return 0, err
		}
		rounds++
	}
	return rounds, nil
}

func queryWhileBusyScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Busy)
	var seen []int
	s.Eventually("twenty queries are answered", time.Minute, func() bool {
		seen = append(seen, ask[int](ctx, s, run.GetID(), "progress"))
		return len(seen) >= 20 && seen[len(seen)-1] >= 3
	})
	s.True(slices.IsSorted(seen), "a later query never sees less")
	s.NoError(s.Client.SignalWorkflow(ctx, run.GetID(), "", "stop", nil))
	rounds := check.Result[int](ctx, s, run)
	s.True(rounds >= seen[len(seen)-1], "the result counts what the queries saw")
	s.Equal(ask[int](ctx, s, run.GetID(), "progress"), rounds, "after the end")
}
