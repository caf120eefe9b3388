package main

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"
)

// payload is the argument and the result of every activity and workflow here: 100 bytes of text.
var payload = strings.Repeat("pawl ", 20)

// activitiesDone counts the activities that this process has run to their end.
var activitiesDone atomic.Int64

// workflowsWaiting counts the runs of untilSignals that have reached their wait for the first time.
var workflowsWaiting atomic.Int64

func echo(_ context.Context, text string) (string, error) {
	activitiesDone.Add(1)
	return text, nil
}

// startToClose is how long an activity may take. It decides nothing in the measured window; but the reference server loses a started
// activity now and then (seen at 200 a second), and what was lost is only tried again after this time.
const startToClose = 30 * time.Second

func withTimeout(ctx workflow.Context, startToClose time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: startToClose})
}

// sequence runs activities one after another.
func sequence(ctx workflow.Context, steps int, text string) (string, error) {
	ctx = withTimeout(ctx, startToClose)
	for range steps {
		if err := workflow.ExecuteActivity(ctx, echo, text).Get(ctx, &text); err != nil {
			return "", err
		}
	}
	return text, nil
}

// parallel runs activities all at once.
func parallel(ctx workflow.Context, width int, startToClose time.Duration, text string) (string, error) {
	ctx = withTimeout(ctx, startToClose)
	futures := make([]workflow.Future, width)
	for i := range futures {
		futures[i] = workflow.ExecuteActivity(ctx, echo, text)
	}
	for _, future := range futures {
		if err := future.Get(ctx, &text); err != nil {
			return "", err
		}
	}
	return text, nil
}

// activitiesPending counts the activities that have been left to be completed from outside.
var activitiesPending atomic.Int64

func askOutside(_ context.Context, _ string) (string, error) {
	activitiesPending.Add(1)
	return "", activity.ErrResultPending
}

// untilAnswered stays open until its activity is completed from outside.
func untilAnswered(ctx workflow.Context, text string) (string, error) {
	ctx = withTimeout(ctx, 7*24*time.Hour)
	err := workflow.ExecuteActivity(ctx, askOutside, text).Get(ctx, &text)
	return text, err
}

const signalName = "go"

// untilSignals stays open until it has received that many signals.
func untilSignals(ctx workflow.Context, count int, text string) (string, error) {
	if !workflow.IsReplaying(ctx) {
		workflowsWaiting.Add(1)
	}
	channel := workflow.GetSignalChannel(ctx, signalName)
	for range count {
		channel.Receive(ctx, &text)
	}
	return text, nil
}

const updateName = "change"

// untilUpdates stays open until it has answered that many updates.
func untilUpdates(ctx workflow.Context, count int) error {
	answered := 0
	handle := func(_ workflow.Context, text string) (string, error) {
		answered++
		return text, nil
	}
	if err := workflow.SetUpdateHandler(ctx, updateName, handle); err != nil {
		return err
	}
	if !workflow.IsReplaying(ctx) {
		workflowsWaiting.Add(1)
	}
	return workflow.Await(ctx, func() bool { return answered == count && workflow.AllHandlersFinished(ctx) })
}

// family runs children all at once.
func family(ctx workflow.Context, width int, text string) (string, error) {
	futures := make([]workflow.ChildWorkflowFuture, width)
	for i := range futures {
		futures[i] = workflow.ExecuteChildWorkflow(ctx, childEcho, text)
	}
	for _, future := range futures {
		if err := future.Get(ctx, &text); err != nil {
			return "", err
		}
	}
	return text, nil
}

func childEcho(_ workflow.Context, text string) (string, error) {
	return text, nil
}

// chatter writes a long history: batches of markers, with a short sleep behind each.
func chatter(ctx workflow.Context, batches int, each int, text string) error {
	for range batches {
		for range each {
			workflow.SideEffect(ctx, func(workflow.Context) any { return text })
		}
		if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	workflow.GetSignalChannel(ctx, signalName).Receive(ctx, &text)
	return nil
}
