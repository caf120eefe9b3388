package main

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
)

// heartbeats is the report of the scenario heartbeat.
type heartbeats struct {
	Seconds             float64 `json:"seconds"`
	Activities          int     `json:"activities"`
	HeartbeatsPerSecond float64 `json:"heartbeatsPerSecond"`
	LatencyMs           spread  `json:"latencyMs"`
	TotalHeartbeats     int64   `json:"totalHeartbeats"`
	ClientCpu           float64 `json:"clientCpuSeconds"`
}

const activitiesPerWorkflow = 100

// heartbeat starts activities, takes them with plain polls as a worker would, and then heartbeats for them in turn. It speaks the API
// without the SDK's worker, because that holds heartbeats back (it sends one per 80 % of the heartbeat timeout at most).
func heartbeat(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), loadFlags(flags, 50, 10, "count")
	activities := flags.Int("activities", 1000, "running activities")
	flags.Parse(args)
	s, err := at.open()
	if err != nil {
		return nil, err
	}
	defer s.client.Close()
	w, err := s.startWorker(worker.Options{LocalActivityWorkerOnly: true})
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	var runs []client.WorkflowRun
	for left := *activities; left > 0; left -= activitiesPerWorkflow {
		run, err := s.start(ctx, parallel, min(left, activitiesPerWorkflow), time.Hour, payload)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	tokens, err := s.takeActivities(ctx, *activities)
	if err != nil {
		return nil, err
	}
	details, err := converter.GetDefaultDataConverter().ToPayloads(payload)
	if err != nil {
		return nil, err
	}
	m, err := l.run(ctx, nil, s.heartbeatInTurn(tokens, details))
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		if err := s.client.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "measured"); err != nil {
			return nil, err
		}
	}
	report := heartbeats{Seconds: m.seconds, Activities: len(tokens), TotalHeartbeats: m.total, ClientCpu: ownCpuSeconds()}
	report.HeartbeatsPerSecond = m.perSecond(m.counted)
	report.LatencyMs, err = spreadOf(m.latencies)
	return report, err
}

func (s *session) takeActivities(ctx context.Context, count int) ([][]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tokens := make([][]byte, 0, count)
	var mutex sync.Mutex
	var group sync.WaitGroup
	for range s.pollers {
		group.Go(func() {
			for ctx.Err() == nil {
				token, err := s.pollActivity(ctx)
				if err != nil {
					cancel(err)
					return
				}
				if len(token) == 0 {
					continue
				}
				mutex.Lock()
				tokens = append(tokens, token)
				full := len(tokens) == count
				mutex.Unlock()
				if full {
					cancel(errAllTaken)
					return
				}
			}
		})
	}
	group.Wait()
	if cause := context.Cause(ctx); cause != errAllTaken {
		return nil, cause
	}
	return tokens, nil
}

// pollActivity returns no token when the poll ended without a task.
func (s *session) pollActivity(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 70*time.Second)
	defer cancel()
	task, err := s.client.WorkflowService().PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{
		Namespace: s.namespace, TaskQueue: &taskqueue.TaskQueue{Name: s.queue}, Identity: s.prefix,
	})
	return task.GetTaskToken(), err
}

var errAllTaken = fmt.Errorf("all activities are taken")

func (s *session) heartbeatInTurn(tokens [][]byte, details *common.Payloads) func(context.Context) error {
	var next atomic.Int64
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		token := tokens[next.Add(1)%int64(len(tokens))]
		answer, err := s.client.WorkflowService().RecordActivityTaskHeartbeat(ctx, &workflowservice.RecordActivityTaskHeartbeatRequest{
			Namespace: s.namespace, TaskToken: token, Identity: s.prefix, Details: details,
		})
		if err == nil && answer.GetCancelRequested() {
			err = fmt.Errorf("an activity was cancelled that nobody cancelled")
		}
		return err
	}
}
