package main

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// signalling is the report of the scenario signals.
type signalling struct {
	Signals          int     `json:"signals"`
	SignalsPerSecond float64 `json:"signalsPerSecond"`
	LatencyMs        spread  `json:"latencyMs"`
	// From the first signal until the last workflow had received all of its own and closed.
	DrainedSeconds float64 `json:"drainedSeconds"`
	ClientCpu      float64 `json:"clientCpuSeconds"`
}

// signals keeps some workflows open and signals them in turn; each closes after its share.
func signals(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at := targetFlags(flags)
	concurrency := flags.Int("concurrency", 50, "signals at once")
	workflows := flags.Int("workflows", 50, "open workflows")
	each := flags.Int("each", 40, "signals to each workflow")
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
		if runs[i], err = s.start(ctx, untilSignals, *each, payload); err != nil {
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
			return s.client.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), signalName, payload)
		}, func(time.Time) bool { return true })
	if err != nil {
		return nil, err
	}
	acked := time.Since(began).Seconds()
	if err := waitForAll(ctx, runs); err != nil {
		return nil, err
	}
	report := signalling{Signals: total, SignalsPerSecond: float64(total) / acked, DrainedSeconds: time.Since(began).Seconds()}
	report.ClientCpu = ownCpuSeconds()
	report.LatencyMs, err = spreadOf(latencies)
	return report, err
}

func waitForAll(ctx context.Context, runs []client.WorkflowRun) error {
	failures := make(chan error, len(runs))
	var group sync.WaitGroup
	for _, run := range runs {
		group.Go(func() { failures <- run.Get(ctx, nil) })
	}
	group.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func waitForCount(ctx context.Context, counter *atomic.Int64, count int64) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for counter.Load() < count {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return nil
}
