package main

import (
	"context"
	"flag"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
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
	s, err := at.open()
	if err != nil {
		return nil, err
	}
	defer s.client.Close()
	w, err := s.startWorker(worker.Options{})
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	runs := make([]client.WorkflowRun, *workflows)
	for i := range runs {
		if runs[i], err = s.start(ctx, untilUpdates, *each); err != nil {
			return nil, err
		}
	}
	if err := waitForCount(ctx, &workflowsWaiting, int64(*workflows)); err != nil {
		return nil, err
	}

	began := time.Now()
	var next, done atomic.Int64
	total := *workflows * *each
	latencies, err := inParallel(ctx, *concurrency, func(i int64) bool { return i < int64(total) }, &done,
		func(ctx context.Context) error {
			run := runs[(next.Add(1)-1)%int64(len(runs))]
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
		}, func(time.Time) bool { return true })
	if err != nil {
		return nil, err
	}
	acked := time.Since(began).Seconds()
	if err := waitForAll(ctx, runs); err != nil {
		return nil, err
	}
	report := updating{Updates: total, UpdatesPerSecond: float64(total) / acked, ClientCpu: ownCpuSeconds()}
	report.LatencyMs, err = spreadOf(latencies)
	return report, err
}
