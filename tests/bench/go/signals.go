package main

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
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
	s, end, err := at.openWithWorker()
	if err != nil {
		return nil, err
	}
	defer end()
	called, err := s.callInTurn(ctx, turns{*workflows, *each, *concurrency}, untilSignals, []any{*each, payload},
		func(ctx context.Context, run client.WorkflowRun) error {
			return s.client.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), signalName, payload)
		})
	if err != nil {
		return nil, err
	}
	report := signalling{Signals: called.total, SignalsPerSecond: called.perSecond, DrainedSeconds: called.drainedSeconds}
	report.ClientCpu = ownCpuSeconds()
	report.LatencyMs, err = spreadOf(called.latencies)
	return report, err
}

// turns: so many workflows, so many calls to each, and so many of these under way at once.
type turns struct{ workflows, each, concurrency int }

type calls struct {
	total     int
	perSecond float64
	latencies []time.Duration
	// From the first call until the last workflow had closed.
	drainedSeconds float64
}

// callInTurn starts the workflows, and calls them in turn once all of them wait. Each closes after its share.
func (s *session) callInTurn(ctx context.Context, t turns, workflow any, args []any, call func(context.Context, client.WorkflowRun) error) (*calls, error) {
	runs := make([]client.WorkflowRun, t.workflows)
	for i := range runs {
		var err error
		if runs[i], err = s.start(ctx, workflow, args...); err != nil {
			return nil, err
		}
	}
	if err := waitForCount(ctx, &workflowsWaiting, int64(t.workflows)); err != nil {
		return nil, err
	}

	began := time.Now()
	var next, done atomic.Int64
	total := t.workflows * t.each
	latencies, err := inParallel(ctx, t.concurrency, func(i int64) bool { return i < int64(total) }, &done,
		func(ctx context.Context) error { return call(ctx, runs[(next.Add(1)-1)%int64(len(runs))]) },
		func(time.Time) bool { return true })
	if err != nil {
		return nil, err
	}
	acked := time.Since(began).Seconds()
	if err := waitForAll(ctx, runs); err != nil {
		return nil, err
	}
	return &calls{total, float64(total) / acked, latencies, time.Since(began).Seconds()}, nil
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
