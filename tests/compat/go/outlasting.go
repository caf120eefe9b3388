package main

// A workflow, its worker and its client go on while the server is killed and started again: whoever runs this kills it meanwhile.

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var outlastingScenarios = map[string]check.Func{"outlive-server": outliveServerScenario}

const (
	rounds  = 40
	signals = 20
)

// The rounds that were marked, by workflow id.
var marked journal[int]

func Mark(ctx context.Context, number int) (int, error) {
	marked.add(activity.GetInfo(ctx).WorkflowExecution.ID, number)
	time.Sleep(50 * time.Millisecond)
	return number, nil
}

func Outlasting(ctx workflow.Context, rounds, signals int) (received []int, err error) {
	marking := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond},
	})
	channel := workflow.GetSignalChannel(ctx, "receive")
	receive := func() {
		var number int
		channel.Receive(ctx, &number)
		received = append(received, number)
	}
	receive()
	for number := range rounds {
		if err := workflow.ExecuteActivity(marking, Mark, number).Get(ctx, nil); err != nil {
			return nil, err
		}
		if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
	for len(received) < signals {
		receive()
	}
	return received, nil
}

// signalUntilAcknowledged sends a signal again, under the same request id, when the time of a call is over: the SDK gives it ten seconds and no more, which
// several kills in a row may take, and would make a new request of another call.
func signalUntilAcknowledged(ctx context.Context, s *check.Scenario, run client.WorkflowRun, number int) {
	input, err := converter.GetDefaultDataConverter().ToPayloads(number)
	s.NoError(err)
	request := &workflowservice.SignalWorkflowExecutionRequest{
		Namespace:         s.Namespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		SignalName:        "receive",
		Input:             input,
		RequestId:         fmt.Sprintf("receive-%d", number),
	}
	for {
		call, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err := s.Client.WorkflowService().SignalWorkflowExecution(call, request)
		cancel()
		var late *serviceerror.DeadlineExceeded
		var away *serviceerror.Unavailable
		if ctx.Err() == nil && (errors.As(err, &late) || errors.As(err, &away)) {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		s.NoError(err)
		return
	}
}

func outliveServerScenario(ctx context.Context, s *check.Scenario) {
	// What a killed server's worker had in hand is given out again after this long.
	run := s.StartWith(ctx, client.StartWorkflowOptions{WorkflowTaskTimeout: 2 * time.Second}, Outlasting, rounds, signals)
	s.Announce()
	var numbers []int
	for number := range signals {
		numbers = append(numbers, number)
		signalUntilAcknowledged(ctx, s, run, number)
		time.Sleep(150 * time.Millisecond)
	}
	s.Equal(check.Result[[]int](ctx, s, run), numbers, "every signal once, in order")
	distinct := map[int]bool{}
	for _, number := range marked.of(run.GetID()) {
		distinct[number] = true
	}
	s.Equal(len(distinct), rounds, "rounds")
	events := s.Events(ctx, run.GetID(), run.GetRunID())
	s.Equal(check.Count(events, "ActivityTaskCompleted"), rounds, "completed activities")
	s.Equal(check.Count(events, "WorkflowExecutionSignaled"), signals, "signals in history")
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(Outlasting)
	s.NoError(replayer.ReplayWorkflowHistory(quiet{}, &history.History{Events: events}))
}
