package main

// The histories of every workflow that the other scenarios have run, under the code that made them, in the official replayer.

import (
	"context"
	"fmt"
	"strings"

	"github.com/nexus-rpc/sdk-go/nexus"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

// afterwards are scenarios that look at what the others have left.
var afterwards = map[string]check.Func{"replay-all": replayAllScenario}

// ownWorkers registers the workflows of scenarios that have workers of their own.
func ownWorkers(w worker.WorkflowRegistry) {
	for _, each := range []any{Ticking, EagerTick, OutlivesWorker, InSession, Resumable} {
		w.RegisterWorkflow(each)
	}
	for _, name := range []string{"Staying", "Moving"} {
		w.RegisterWorkflowWithOptions(Builds, workflow.RegisterOptions{Name: name})
	}
}

// replaying takes a worker's workflows for a replayer; nothing else of a worker is asked of it.
type replaying struct {
	worker.Worker
	of worker.WorkflowReplayer
}

func (r replaying) RegisterWorkflow(w any) { r.of.RegisterWorkflow(w) }

func (r replaying) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	r.of.RegisterWorkflowWithOptions(w, options)
}

func (replaying) RegisterActivity(any) {}

func (replaying) RegisterActivityWithOptions(any, activity.RegisterOptions) {}

func (replaying) RegisterNexusService(*nexus.Service) {}

func replayAllScenario(ctx context.Context, s *check.Scenario) {
	replayer := replaying{of: worker.NewWorkflowReplayer()}
	registerAll(replayer)
	ownWorkers(replayer.of)
	types := map[string]int{}
	var failures []string
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: "TaskQueue STARTS_WITH 'go-'"}
	for {
		page, err := s.Client.ListWorkflow(ctx, request)
		s.NoError(err)
		for _, info := range page.Executions {
			id, runID := info.Execution.WorkflowId, info.Execution.RunId
			events := s.Events(ctx, id, runID)
			// One that no worker has answered for is nobody's doing.
			if check.Count(events, enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED.String()) == 0 {
				continue
			}
			options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id, RunID: runID}}
			if err := replayer.of.ReplayWorkflowHistoryWithOptions(quiet{}, &history.History{Events: events}, options); err != nil {
				failures = append(failures, fmt.Sprintf("%s %s: %v", info.Type.Name, id, err))
			}
			types[info.Type.Name]++
		}
		if request.NextPageToken = page.NextPageToken; len(request.NextPageToken) == 0 {
			break
		}
	}
	s.True(len(failures) == 0, "all replay clean: "+strings.Join(failures, "\n"))
	s.True(len(types) >= 30, fmt.Sprintf("many types of workflows were replayed: %v", types))
}
