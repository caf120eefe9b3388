package main

// What operators do to workflows that run: reset them, pause them, and start them again while they are there.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var controllingScenarios = map[string]check.Func{
	"reset":          resetScenario,
	"pause-workflow": pauseWorkflowScenario,
	"join-running":   joinRunningScenario,
}

func registerControlling(w worker.Worker) {
	w.RegisterWorkflow(Journey)
	w.RegisterWorkflow(Companion)
	w.RegisterActivity(Visit)
}

func Visit(_ context.Context, stop string) (string, error) {
	return stop, nil
}

// Companion waits for its parent's word, and outlives what is reset.
func Companion(ctx workflow.Context) (string, error) {
	workflow.GetSignalChannel(ctx, "tell").Receive(ctx, nil)
	return "companion", nil
}

func Journey(ctx workflow.Context) ([]string, error) {
	seen := []string{}
	if err := workflow.SetQueryHandler(ctx, "stops", func() ([]string, error) { return seen, nil }); err != nil {
		return nil, err
	}
	change := func(_ workflow.Context, stop string) (int, error) {
		seen = append(seen, stop)
		return len(seen), nil
	}
	if err := workflow.SetUpdateHandler(ctx, "change", change); err != nil {
		return nil, err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var stop string
			workflow.GetSignalChannel(ctx, "note").Receive(ctx, &stop)
			seen = append(seen, stop)
		}
	})
	id := workflow.GetInfo(ctx).WorkflowExecution.ID + "-companion"
	companion := workflow.ExecuteChildWorkflow(
		workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id}), Companion)
	if err := companion.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return nil, err
	}
	var stop string
	if err := workflow.ExecuteActivity(withTimeout(ctx), Visit, "first").Get(ctx, &stop); err != nil {
		return nil, err
	}
	seen = append(seen, stop)
	workflow.GetSignalChannel(ctx, "arrive").Receive(ctx, nil)
	if err := companion.Get(ctx, &stop); err != nil {
		return nil, err
	}
	return append(seen, stop), nil
}

func stopsOf(ctx context.Context, s *check.Scenario, id, runID string) (stops []string) {
	answer, err := s.Client.QueryWorkflow(ctx, id, runID, "stops")
	s.NoError(err)
	s.NoError(answer.Get(&stops))
	return
}

func setOut(ctx context.Context, s *check.Scenario) client.WorkflowRun {
	run := s.Start(ctx, Journey)
	s.Eventually("the first stop is seen", time.Minute, func() bool {
		return slices.Equal(stopsOf(ctx, s, run.GetID(), ""), []string{"first"})
	})
	return run
}

// arrive ends the journey, and gives what it has seen. Its history replays clean.
func arrive(ctx context.Context, s *check.Scenario, run client.WorkflowRun) (stops []string) {
	s.NoError(s.Client.SignalWorkflow(ctx, run.GetID(), "", "arrive", nil))
	s.NoError(s.Client.SignalWorkflow(ctx, run.GetID()+"-companion", "", "tell", nil))
	s.NoError(run.Get(ctx, &stops))
	replayJourney(ctx, s, run.GetID(), run.GetRunID())
	return
}

func replayJourney(ctx context.Context, s *check.Scenario, id, runID string) {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(Journey)
	// The child's id is made of the workflow's.
	original := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id, RunID: runID}}
	events := &history.History{Events: s.Events(ctx, id, runID)}
	s.NoError(replayer.ReplayWorkflowHistoryWithOptions(quiet{}, events, original))
}

func askChange(ctx context.Context, s *check.Scenario, run client.WorkflowRun, stop string) (length int) {
	handle, err := s.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateID: "the-change", UpdateName: "change",
		Args: []any{stop}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	s.NoError(err)
	s.NoError(handle.Get(ctx, &length))
	return
}

func resetScenario(ctx context.Context, s *check.Scenario) {
	base := setOut(ctx, s)
	var point int64
	for _, event := range s.Events(ctx, base.GetID(), "") {
		if event.EventType == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			point = event.EventId
		}
	}
	s.NoError(s.Client.SignalWorkflow(ctx, base.GetID(), "", "note", "signalled"))
	// Of what comes with one workflow task, the SDK would take the update before the signal.
	s.Eventually("the signal is seen", time.Minute, func() bool {
		return slices.Contains(stopsOf(ctx, s, base.GetID(), ""), "signalled")
	})
	s.Equal(askChange(ctx, s, base, "changed"), 3, "the change's answer")
	reset, err := s.Client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 s.Namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: base.GetID(), RunId: base.GetRunID()},
		Reason:                    "wrong turn",
		WorkflowTaskFinishEventId: point,
		RequestId:                 "the-reset",
	})
	s.NoError(err)
	again := s.Client.GetWorkflow(ctx, base.GetID(), reset.RunId)
	old, err := s.Client.DescribeWorkflowExecution(ctx, base.GetID(), base.GetRunID())
	s.NoError(err)
	s.Equal(old.WorkflowExecutionInfo.Status, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, "the old run")
	s.Eventually("the new run has seen what the old one had", time.Minute, func() bool {
		stops := stopsOf(ctx, s, base.GetID(), reset.RunId)
		slices.Sort(stops)
		return slices.Equal(stops, []string{"changed", "first", "signalled"})
	})
	// The update was answered anew, under its id.
	s.True(askChange(ctx, s, base, "not asked again") <= 3, "the change was not asked again")
	stops := arrive(ctx, s, again)
	s.Equal(len(stops), 4, "stops")
	s.Equal(stops[3], "companion", "the child's result")
	events := s.Events(ctx, base.GetID(), reset.RunId)
	s.Equal(check.Count(events, "WorkflowExecutionUpdateAdmitted"), 1, "updates taken over")
	replayJourney(ctx, s, base.GetID(), base.GetRunID())
}

func pauseWorkflowScenario(ctx context.Context, s *check.Scenario) {
	run := setOut(ctx, s)
	service := s.Client.WorkflowService()
	_, err := service.PauseWorkflowExecution(ctx, &workflowservice.PauseWorkflowExecutionRequest{
		Namespace: s.Namespace, WorkflowId: run.GetID(), Identity: "operator", Reason: "look at it", RequestId: "a-pause",
	})
	s.NoError(err)
	paused, err := s.Client.DescribeWorkflowExecution(ctx, run.GetID(), "")
	s.NoError(err)
	s.Equal(paused.WorkflowExecutionInfo.Status, enums.WORKFLOW_EXECUTION_STATUS_PAUSED, "status")
	s.Equal(paused.WorkflowExtendedInfo.PauseInfo.Reason, "look at it", "reason")
	s.NoError(s.Client.SignalWorkflow(ctx, run.GetID(), "", "note", "while paused"))
	_, err = s.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: "change", Args: []any{"not now"}, WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	var refused *serviceerror.FailedPrecondition
	s.True(errors.As(err, &refused) && strings.Contains(err.Error(), "paused"), "a paused workflow takes no updates")
	_, err = service.UnpauseWorkflowExecution(ctx, &workflowservice.UnpauseWorkflowExecutionRequest{
		Namespace: s.Namespace, WorkflowId: run.GetID(), Identity: "operator", Reason: "looked", RequestId: "a-pause",
	})
	s.NoError(err)
	s.Eventually("what came while it was paused is seen", time.Minute, func() bool {
		return slices.Equal(stopsOf(ctx, s, run.GetID(), ""), []string{"first", "while paused"})
	})
	s.Equal(arrive(ctx, s, run), []string{"first", "while paused", "companion"}, "stops")
}

func joinRunningScenario(ctx context.Context, s *check.Scenario) {
	run := setOut(ctx, s)
	for range 2 {
		joined, err := s.Client.WorkflowService().StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
			Namespace:                s.Namespace,
			WorkflowId:               run.GetID(),
			WorkflowType:             &commonpb.WorkflowType{Name: "Journey"},
			TaskQueue:                &taskqueuepb.TaskQueue{Name: s.TaskQueue},
			RequestId:                "the-second-start",
			WorkflowIdConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			OnConflictOptions:        &workflowpb.OnConflictOptions{AttachRequestId: true},
		})
		s.NoError(err)
		s.Equal(joined.RunId, run.GetRunID(), "run")
		s.True(!joined.Started, "nothing was started")
		s.Equal(joined.Link.GetWorkflowEvent().GetRequestIdRef().GetRequestId(), "the-second-start", "link")
	}
	described, err := s.Client.DescribeWorkflowExecution(ctx, run.GetID(), "")
	s.NoError(err)
	events := s.Events(ctx, run.GetID(), "")
	s.Equal(check.Count(events, "WorkflowExecutionOptionsUpdated"), 1, "joined")
	info := described.WorkflowExtendedInfo.RequestIdInfos["the-second-start"]
	s.Equal(events[info.EventId-1].EventType, enums.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED, "the event of the request")
	s.Equal(arrive(ctx, s, run), []string{"first", "companion"}, "stops")
}
