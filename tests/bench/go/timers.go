package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"time"

	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// timing is the report of the scenario timers.
type timing struct {
	Timers          int     `json:"timers"`
	StartsPerSecond float64 `json:"startsPerSecond"`
	// From the moment at which all were due until all of their workflows had a task to do.
	FiredMs float64 `json:"firedMs"`
	// Of the sample that was read: how long after its due time the server wrote each event.
	LateMs spread `json:"lateMs"`
	// Of the same sample: events that were written before their timers were due.
	Early     int     `json:"early"`
	ClientCpu float64 `json:"clientCpuSeconds"`
}

// untilMoment has one timer that is due at the given Unix milliseconds.
func untilMoment(ctx workflow.Context, dueAtMs int64) error {
	return workflow.Sleep(ctx, time.UnixMilli(dueAtMs).Sub(workflow.Now(ctx)))
}

// timers starts workflows that all sleep until the same moment, stops their worker, and watches their tasks pile up when it has come: the server
// alone decides how fast that goes.
func timers(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at := targetFlags(flags)
	count := flags.Int("count", 100_000, "timers that are due at one moment")
	sample := flags.Int("sample", 1000, "histories that are read afterwards")
	flags.Parse(args)
	s, err := at.open()
	if err != nil {
		return nil, err
	}
	defer s.client.Close()
	// No sticky queues: when the worker is gone, every task goes to the queue that is watched.
	worker.SetStickyWorkflowCacheSize(0)
	w, err := s.startWorker(worker.Options{LocalActivityWorkerOnly: true})
	if err != nil {
		return nil, err
	}
	// How long it takes to set them all is known only from setting some.
	trial := max(100, *count/50)
	began := time.Now()
	if err := s.startUntil(ctx, began, trial); err != nil {
		return nil, err
	}
	if err := s.untilBacklog(ctx, 0); err != nil {
		return nil, err
	}
	lead := time.Duration(1.5*float64(*count)/float64(trial)*float64(time.Since(began))) + 5*time.Second
	began = time.Now()
	due := began.Add(lead).Truncate(time.Second)
	if err := s.startUntil(ctx, due, *count); err != nil {
		return nil, err
	}
	report := timing{Timers: *count, StartsPerSecond: float64(*count) / time.Since(began).Seconds()}
	if err := s.untilBacklog(ctx, 0); err != nil {
		return nil, err
	}
	// Stop waits for the workflow tasks in flight, so every workflow has its timer.
	w.Stop()
	if time.Now().After(due) {
		return nil, errors.New("the timers were due before all were set: the server became much slower than it was at first")
	}
	time.Sleep(time.Until(due))
	if err := s.untilBacklog(ctx, int64(*count)); err != nil {
		return nil, err
	}
	report.FiredMs = float64(time.Since(due).Microseconds()) / 1000
	report.ClientCpu = ownCpuSeconds()
	return report, s.readFired(ctx, trial, *count, *sample, &report)
}

func (s *session) startUntil(ctx context.Context, due time.Time, count int) error {
	var done atomic.Int64
	defer progress("workflows started", &done, count)()
	_, err := inParallel(ctx, 50, func(i int64) bool { return i < int64(count) }, &done, func(ctx context.Context) error {
		_, err := s.start(ctx, untilMoment, due.UnixMilli())
		return err
	}, nil)
	return err
}

// untilBacklog waits until so many workflow tasks are in the queue and no worker has them.
func (s *session) untilBacklog(ctx context.Context, wanted int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, fmt.Errorf("the queue never held %d tasks", wanted))
	defer cancel()
	for {
		described, err := s.client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: s.namespace, TaskQueue: &taskqueue.TaskQueue{Name: s.queue},
			TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW, ReportStats: true,
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		backlog := described.GetStats().GetApproximateBacklogCount()
		if backlog == wanted || (wanted > 0 && backlog > wanted) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *session) readFired(ctx context.Context, before, count, sample int, report *timing) error {
	var late []time.Duration
	for i := range min(sample, count) {
		id := fmt.Sprintf("%s-%d", s.prefix, before+1+i*count/min(sample, count))
		page, err := s.client.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: s.namespace, Execution: &common.WorkflowExecution{WorkflowId: id},
		})
		if err != nil {
			return err
		}
		fired := 0
		var own time.Time
		for _, event := range page.History.Events {
			if started := event.GetTimerStartedEventAttributes(); started != nil {
				own = event.EventTime.AsTime().Add(started.StartToFireTimeout.AsDuration())
			}
			if event.EventType == enumspb.EVENT_TYPE_TIMER_FIRED {
				fired++
				late = append(late, event.EventTime.AsTime().Sub(own))
				if event.EventTime.AsTime().Before(own.Truncate(time.Millisecond)) {
					report.Early++
				}
			}
		}
		if fired != 1 {
			return fmt.Errorf("the timer of %s has fired %d times", id, fired)
		}
	}
	var err error
	report.LateMs, err = spreadOf(late)
	return err
}
