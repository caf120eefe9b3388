package main

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
)

// executions is the report of a scenario whose operation is one workflow, from its start to its result.
type executions struct {
	Seconds            float64 `json:"seconds"`
	WorkflowsPerSecond float64 `json:"workflowsPerSecond"`
	// Activities that ended per second; 0 where the scenario counts workflows only.
	ActivitiesPerSecond float64 `json:"activitiesPerSecond"`
	LatencyMs           spread  `json:"latencyMs"`
	// The answer to StartWorkflowExecution alone.
	StartMs spread `json:"startMs"`
	// All workflows this process ran, warm-up and drain included: what server CPU of the whole run is divided by.
	TotalWorkflows int64   `json:"totalWorkflows"`
	PerWorkflow    size    `json:"perWorkflow"`
	ClientCpu      float64 `json:"clientCpuSeconds"`
}

func throughput(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), loadFlags(flags, 50, 10, "workflows")
	flags.Parse(args)
	return runExecutions(ctx, at, l, false, sequence, 1, payload)
}

func latency(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), &load{concurrency: 1}
	stepCount := flags.Int("steps", 1, "activities of a workflow, one after another")
	flags.IntVar(&l.count, "count", 200, "workflows to measure")
	flags.Float64Var(&l.warmup, "warmup", 2, "seconds of the same load before")
	flags.Parse(args)
	return runExecutions(ctx, at, l, false, sequence, *stepCount, payload)
}

func steps(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), loadFlags(flags, 20, 10, "workflows")
	stepCount := flags.Int("steps", 10, "activities of a workflow, one after another")
	flags.Parse(args)
	return runExecutions(ctx, at, l, true, sequence, *stepCount, payload)
}

func fanout(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), loadFlags(flags, 10, 10, "workflows")
	width := flags.Int("width", 20, "activities of a workflow, all at once")
	flags.Parse(args)
	return runExecutions(ctx, at, l, true, parallel, *width, startToClose, payload)
}

func children(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), loadFlags(flags, 1, 10, "workflows")
	width := flags.Int("width", 500, "children of a workflow, all at once")
	flags.Parse(args)
	return runExecutions(ctx, at, l, false, family, *width, payload)
}

func runExecutions(ctx context.Context, at *target, l *load, countActivities bool, workflow any, workflowArgs ...any) (any, error) {
	s, end, err := at.openWithWorker()
	if err != nil {
		return nil, err
	}
	defer end()

	var counter *atomic.Int64
	if countActivities {
		counter = &activitiesDone
	}
	starts := &recorder{}
	var last atomic.Pointer[client.WorkflowRun]
	m, err := l.run(ctx, counter, func(ctx context.Context) error {
		began := time.Now()
		run, err := s.start(ctx, workflow, workflowArgs...)
		if err != nil {
			return err
		}
		starts.add(time.Since(began))
		var text string
		if err := run.Get(ctx, &text); err != nil {
			return err
		}
		last.Store(&run)
		return nil
	})
	if err != nil {
		return nil, err
	}
	report := executions{Seconds: m.seconds, TotalWorkflows: m.total, ClientCpu: ownCpuSeconds()}
	report.WorkflowsPerSecond = m.perSecond(int64(len(m.latencies)))
	if countActivities {
		report.ActivitiesPerSecond = m.perSecond(m.counted)
	}
	if report.PerWorkflow, err = s.sizeOf(ctx, *last.Load()); err != nil {
		return nil, err
	}
	if report.StartMs, err = spreadOf(starts.latencies); err != nil {
		return nil, err
	}
	report.LatencyMs, err = spreadOf(m.latencies)
	return report, err
}

// recorder collects latencies from several goroutines.
type recorder struct {
	mutex     sync.Mutex
	latencies []time.Duration
}

func (r *recorder) add(latency time.Duration) {
	r.mutex.Lock()
	r.latencies = append(r.latencies, latency)
	r.mutex.Unlock()
}
