package main

import (
	"context"
	"flag"

	"go.temporal.io/sdk/client"
)

// updating is the report of the scenario updates.
type updating struct {
	Updates          int     `json:"updates"`
	UpdatesPerSecond float64 `json:"updatesPerSecond"`
	// From the request to the workflow's answer.
	LatencyMs spread  `json:"latencyMs"`
	ClientCpu float64 `json:"clientCpuSeconds"`
}

// updates keeps some workflows open and updates them in turn; each closes after its share.
func updates(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at := targetFlags(flags)
	concurrency := flags.Int("concurrency", 20, "updates at once")
	workflows := flags.Int("workflows", 20, "open workflows")
	each := flags.Int("each", 50, "updates of each workflow")
	flags.Parse(args)
	s, end, err := at.openWithWorker()
	if err != nil {
		return nil, err
	}
	defer end()
	called, err := s.callInTurn(ctx, turns{*workflows, *each, *concurrency}, untilUpdates, []any{*each},
		func(ctx context.Context, run client.WorkflowRun) error {
			handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
				WorkflowID:   run.GetID(),
				RunID:        run.GetRunID(),
				UpdateName:   updateName,
				Args:         []any{payload},
				WaitForStage: client.WorkflowUpdateStageCompleted,
			})
			if err != nil {
				return err
			}
			var text string
			return handle.Get(ctx, &text)
		})
	if err != nil {
		return nil, err
	}
	report := updating{Updates: called.total, UpdatesPerSecond: called.perSecond, ClientCpu: ownCpuSeconds()}
	report.LatencyMs, err = spreadOf(called.latencies)
	return report, err
}
