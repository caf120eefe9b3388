package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// idle is the report of the scenario open-idle.
type idle struct {
	Workflows       int     `json:"workflows"`
	StartsPerSecond float64 `json:"startsPerSecond"`
	LatencyMs       spread  `json:"latencyMs"`
	Seconds         float64 `json:"seconds"`
	// One of the workflows that were left open.
	WorkflowId string  `json:"workflowId"`
	ClientCpu  float64 `json:"clientCpuSeconds"`
}

// openIdle starts workflows, sees each through its first workflow task, and leaves them all open, waiting for a signal; or, with
// --pending, for an activity that its worker has left to be completed from outside.
func openIdle(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at := targetFlags(flags)
	pending := flags.Bool("pending", false, "wait for an activity, not for a signal")
	count := flags.Int("count", 100_000, "workflows to leave open")
	concurrency := flags.Int("concurrency", 50, "starts at once")
	flags.Parse(args)
	s, err := at.open()
	if err != nil {
		return nil, err
	}
	defer s.client.Close()
	// The worker's memory is not what is measured: a small cache keeps it out of the server's way.
	worker.SetStickyWorkflowCacheSize(1000)
	w, err := s.startWorker(worker.Options{LocalActivityWorkerOnly: !*pending})
	if err != nil {
		return nil, err
	}
	waiting := &workflowsWaiting
	start := func(ctx context.Context) (client.WorkflowRun, error) { return s.start(ctx, untilSignals, 1, payload) }
	if *pending {
		waiting = &activitiesPending
		start = func(ctx context.Context) (client.WorkflowRun, error) { return s.start(ctx, untilAnswered, payload) }
	}
	stopProgress := progress("workflows waiting", waiting, *count)
	defer stopProgress()

	began := time.Now()
	var done atomic.Int64
	latencies, err := inParallel(ctx, *concurrency, func(i int64) bool { return i < int64(*count) }, &done,
		func(ctx context.Context) error {
			_, err := start(ctx)
			return err
		}, func(time.Time) bool { return true })
	if err != nil {
		return nil, err
	}
	if err := waitForCount(ctx, waiting, int64(*count)); err != nil {
		return nil, err
	}
	// Stop waits for the workflow tasks in flight, so the last answers have reached the server.
	w.Stop()
	report := idle{Workflows: *count, Seconds: time.Since(began).Seconds(), WorkflowId: s.prefix + "-1", ClientCpu: ownCpuSeconds()}
	report.StartsPerSecond = float64(*count) / report.Seconds
	report.LatencyMs, err = spreadOf(latencies)
	return report, err
}

// progress says on stderr, every few seconds, how far a counter has come.
func progress(what string, counter *atomic.Int64, of int) (stop func()) {
	ticker, done := time.NewTicker(5*time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(os.Stderr, "%d of %d %s\n", counter.Load(), of, what)
			case <-done:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }
}

// answers is the report of the scenario first-ok: moments on the clock, so that the caller can subtract when it started the server.
type answers struct {
	// The first answer to GetSystemInfo. Unix milliseconds.
	FirstOkAtMs float64 `json:"firstOkAtMs"`
	// The first acknowledged signal to --workflow-id: a read of its state and a durable write. 0 without the flag.
	FirstWriteAtMs float64 `json:"firstWriteAtMs"`
	Attempts       int     `json:"attempts"`
}

// firstOk may be started before its server: it tries a fresh connection until one answers.
func firstOk(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at := targetFlags(flags)
	workflowId := flags.String("workflow-id", "", "an open workflow to signal once the server answers")
	giveUp := flags.Duration("give-up", 2*time.Minute, "how long to try")
	flags.Parse(args)
	ctx, cancel := context.WithTimeout(ctx, *giveUp)
	defer cancel()
	var report answers
	for {
		report.Attempts++
		s, err := firstAnswer(ctx, at)
		if err == nil {
			defer s.client.Close()
			report.FirstOkAtMs = nowMs()
			return report, s.firstWrite(ctx, *workflowId, &report)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no answer: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func firstAnswer(ctx context.Context, at *target) (*session, error) {
	s, err := at.open()
	if err != nil {
		return nil, err
	}
	if _, err = s.client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err != nil {
		s.client.Close()
	}
	return s, err
}

func (s *session) firstWrite(ctx context.Context, workflowId string, report *answers) error {
	if workflowId == "" {
		return nil
	}
	for {
		err := s.client.SignalWorkflow(ctx, workflowId, "", "first-ok", payload)
		if err == nil {
			report.FirstWriteAtMs = nowMs()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no acknowledged signal: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func nowMs() float64 { return float64(time.Now().UnixMicro()) / 1000 }
