package main

// What a client can see of workflows from outside, and what replaying their histories shows.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var observingScenarios = map[string]check.Func{
	"describe-list-count": describeListCountScenario,
	"big-history":         bigHistoryScenario,
	"replay":              replayScenario,
}

func Step(_ context.Context, number int) (int, error) {
	return number, nil
}

func FailForNow(context.Context) error {
	return temporal.NewApplicationError("not yet", "NotYet")
}

// Observed runs one activity, then waits with another one in retry until it is let go.
func Observed(ctx workflow.Context) (string, error) {
	stepping := withTimeout(ctx)
	if err := workflow.ExecuteActivity(stepping, Step, 1).Get(ctx, nil); err != nil {
		return "", err
	}
	retrying, cancel := workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Minute},
	}))
	pending := workflow.ExecuteActivity(retrying, FailForNow)
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	cancel()
	if err := pending.Get(ctx, nil); !temporal.IsCanceledError(err) {
		return "", fmt.Errorf("the activity was not cancelled: %w", err)
	}
	return "seen", nil
}

func describeListCountScenario(ctx context.Context, s *check.Scenario) {
	memo := map[string]any{"customer": "c-17", "tries": 3}
	run := s.StartWith(ctx, client.StartWorkflowOptions{Memo: memo}, Observed)
	describe := func() *workflowservice.DescribeWorkflowExecutionResponse {
		described, err := s.Client.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		s.NoError(err)
		return described
	}
	s.Eventually("the second activity waits for its second attempt", time.Minute, func() bool {
		pending := describe().PendingActivities
		return len(pending) == 1 && pending[0].Attempt == 2
	})
	described := describe()
	info := described.WorkflowExecutionInfo
	s.Equal(info.Type.Name, "Observed", "type")
	s.Equal(described.ExecutionConfig.TaskQueue.Name, s.TaskQueue, "task queue")
	s.Equal(info.Status, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, "status")
	checkMemo(s, info)
	s.True(info.CloseTime == nil, "there is no close time")
	pending := described.PendingActivities[0]
	s.Equal(pending.ActivityType.Name, "FailForNow", "pending activity")
	s.Equal(pending.State, enums.PENDING_ACTIVITY_STATE_SCHEDULED, "its state")
	s.Equal(pending.LastFailure.Message, "not yet", "its last failure")

	s.NoError(s.Client.SignalWorkflow(ctx, run.GetID(), "", "go", nil))
	s.Equal(check.Result[string](ctx, s, run), "seen", "result")
	closed := describe()
	s.Equal(closed.WorkflowExecutionInfo.Status, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, "status")
	s.True(closed.WorkflowExecutionInfo.CloseTime != nil, "there is a close time")
	s.Equal(closed.WorkflowExecutionInfo.HistoryLength, int64(len(s.Events(ctx, run.GetID(), ""))), "history length")
	s.Equal(len(closed.PendingActivities), 0, "pending activities after the end")
	checkLists(ctx, s, run)

	_, err := s.Client.DescribeWorkflowExecution(ctx, "go-nobody", "")
	check.ErrorAs[*serviceerror.NotFound](s, err)
}

func checkMemo(s *check.Scenario, info *workflowpb.WorkflowExecutionInfo) {
	var customer string
	var tries int
	decode := converter.GetDefaultDataConverter().FromPayload
	s.NoError(decode(info.Memo.Fields["customer"], &customer))
	s.NoError(decode(info.Memo.Fields["tries"], &tries))
	s.Equal([]any{customer, tries}, []any{"c-17", 3}, "memo")
}

func checkLists(ctx context.Context, s *check.Scenario, run client.WorkflowRun) {
	other := s.StartWith(ctx, client.StartWorkflowOptions{ID: s.NewID("-other")}, Steps, 1, 1)
	s.NoError(other.Get(ctx, nil))
	byID := fmt.Sprintf("WorkflowId = '%s'", run.GetID())
	both := fmt.Sprintf("(%s OR WorkflowId = '%s') AND ExecutionStatus = 'Completed'", byID, other.GetID())
	list := func(query string, pageSize int32) (found []*workflowpb.WorkflowExecutionInfo) {
		request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: pageSize}
		for {
			page, err := s.Client.ListWorkflow(ctx, request)
			s.NoError(err)
			found = append(found, page.Executions...)
			request.NextPageToken = page.NextPageToken
			if len(page.NextPageToken) == 0 {
				return found
			}
		}
	}
	count := func(query string) int64 {
		answer, err := s.Client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		s.NoError(err)
		return answer.Count
	}
	// A visibility store of its own may be behind.
	s.Eventually("both workflows are listed as completed", time.Minute, func() bool { return len(list(both, 100)) == 2 })
	ofType := list(both+" AND WorkflowType = 'Steps'", 100)
	s.Equal(len(ofType), 1, "workflows of that type")
	s.Equal(ofType[0].Execution.WorkflowId, other.GetID(), "the workflow of that type")
	mine := list(byID, 100)
	s.Equal(len(mine), 1, "workflows of that id")
	s.Equal(mine[0].Execution.RunId, run.GetRunID(), "run id")
	checkMemo(s, mine[0])
	s.Equal(len(list(byID+" AND ExecutionStatus = 'Running'", 100)), 0, "running ones")
	s.Equal(count(both), int64(2), "count")
	s.Equal(count(byID+" AND ExecutionStatus = 'Failed'"), int64(0), "count of failed ones")
	var paged []string
	for _, each := range list(both, 1) {
		paged = append(paged, each.Execution.WorkflowId)
	}
	slices.Sort(paged)
	expected := []string{run.GetID(), other.GetID()}
	slices.Sort(expected)
	s.Equal(paged, expected, "two pages of one")
	_, err := s.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId ==="})
	check.ErrorAs[*serviceerror.InvalidArgument](s, err)
}

func Steps(ctx workflow.Context, rounds, width int) (total int, err error) {
	ctx = withTimeout(ctx)
	for round := range rounds {
		var futures []workflow.Future
		for index := range width {
			futures = append(futures, workflow.ExecuteActivity(ctx, Step, round*width+index))
		}
		for _, future := range futures {
			var number int
			if err := future.Get(ctx, &number); err != nil {
				return 0, err
			}
			total += number
		}
	}
	return total, nil
}

// The cache of workflows belongs to a process, so the worker that has none is another one.
func bigHistoryScenario(ctx context.Context, s *check.Scenario) {
	queue := s.TaskQueue + "-uncached-" + uuid.NewString()
	process := startWorkerProcess(s, "uncached-worker", queue)
	defer killProcess(process)
	run := s.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: queue}, Steps, 40, 5)
	s.Equal(check.Result[int](ctx, s, run), 200*199/2, "result")
	events := s.Events(ctx, run.GetID(), "")
	s.Equal(check.Count(events, "ActivityTaskCompleted"), 200, "activities")
	s.True(len(events) > 600, fmt.Sprintf("%d events are many", len(events)))
	var token []byte
	var paged []*history.HistoryEvent
	pages := 0
	for {
		page, err := s.Client.WorkflowService().GetWorkflowExecutionHistory(ctx, historyRequest(s, run, token))
		s.NoError(err)
		pages++
		paged = append(paged, page.History.Events...)
		if token = page.NextPageToken; len(token) == 0 {
			break
		}
	}
	// A page may hold more than asked for: the reference server counts transactions, not events.
	s.True(pages > 1, fmt.Sprintf("%d pages of about a hundred", pages))
	s.Equal(check.Names(paged), check.Names(events), "the pages put together")
}

func historyRequest(
	s *check.Scenario, run client.WorkflowRun, token []byte,
) *workflowservice.GetWorkflowExecutionHistoryRequest {
	return &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace:       s.Namespace,
		Execution:       &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		MaximumPageSize: 100,
		NextPageToken:   token,
	}
}

func runUncachedWorker(c client.Client, queue string) error {
	worker.SetStickyWorkflowCacheSize(0)
	uncached := worker.New(c, queue, worker.Options{})
	uncached.RegisterWorkflow(Steps)
	uncached.RegisterActivity(Step)
	return uncached.Run(parentGone())
}

// StepsInAnotherOrder is what a careless change of Steps would be.
func StepsInAnotherOrder(ctx workflow.Context, rounds, width int) (int, error) {
	return rounds * width, workflow.Sleep(ctx, time.Second)
}

func replayScenario(ctx context.Context, s *check.Scenario) {
	observed := s.Start(ctx, Observed)
	s.NoError(s.Client.SignalWorkflow(ctx, observed.GetID(), "", "go", nil))
	s.NoError(observed.Get(ctx, nil))
	steps := s.StartWith(ctx, client.StartWorkflowOptions{ID: s.NewID("-steps")}, Steps, 3, 4)
	s.NoError(steps.Get(ctx, nil))

	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(Observed)
	replayer.RegisterWorkflow(Steps)
	for _, run := range []client.WorkflowRun{observed, steps} {
		events := s.Events(ctx, run.GetID(), run.GetRunID())
		s.NoError(replayer.ReplayWorkflowHistory(quiet{}, &history.History{Events: events}))
	}
	changed := worker.NewWorkflowReplayer()
	changed.RegisterWorkflowWithOptions(StepsInAnotherOrder, workflow.RegisterOptions{Name: "Steps"})
	err := changed.ReplayWorkflowHistory(quiet{}, &history.History{Events: s.Events(ctx, steps.GetID(), "")})
	s.True(err != nil && strings.Contains(err.Error(), "TMPRL1100"), fmt.Sprintf("a changed workflow does not replay: %v", err))
}
