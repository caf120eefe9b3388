package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
)

// reading is the report of the scenario long-history.
type reading struct {
	Events int64 `json:"events"`
	// All pages, one after the other, from the first to the last.
	WholeMs spread `json:"wholeMs"`
	PageMs  spread `json:"pageMs"`
	// From a signal to the run's end, by a worker that has forgotten the run: all pages, and the replay.
	ReplayedMs float64 `json:"replayedMs"`
	// A reset to the end of the last workflow task: the server folds the whole history.
	ResetMs    float64 `json:"resetMs"`
	DescribeMs spread  `json:"describeMs"`
	ClientCpu  float64 `json:"clientCpuSeconds"`
}

// longHistory reads a history of many events page by page, describes its run, and lets a worker without it replay it.
func longHistory(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at := targetFlags(flags)
	batches := flags.Int("batches", 470, "sleeps of the workflow")
	each := flags.Int("each", 100, "markers before each sleep")
	rounds := flags.Int("rounds", 5, "times that the history is read")
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
	run, err := s.start(ctx, chatter, *batches, *each, payload)
	if err != nil {
		return nil, err
	}
	wanted := int64(*batches * *each)
	report := reading{}
	var described []time.Duration
	for report.Events < wanted {
		time.Sleep(50 * time.Millisecond)
		began := time.Now()
		info, err := s.client.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			return nil, err
		}
		described = append(described, time.Since(began))
		if status := info.WorkflowExecutionInfo.Status; status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return nil, fmt.Errorf("the run ended as %v after %d events", status, info.WorkflowExecutionInfo.HistoryLength)
		}
		report.Events = info.WorkflowExecutionInfo.HistoryLength
	}
	w.Stop()

	var whole, pages []time.Duration
	for range *rounds {
		began := time.Now()
		read, err := readPages(ctx, s, run.GetID(), run.GetRunID())
		if err != nil {
			return nil, err
		}
		whole = append(whole, time.Since(began))
		pages = append(pages, read...)
	}

	worker.PurgeStickyWorkflowCache()
	if w, err = s.startWorker(worker.Options{}); err != nil {
		return nil, err
	}
	defer w.Stop()
	began := time.Now()
	if err := s.client.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), signalName, payload); err != nil {
		return nil, err
	}
	if err := run.Get(ctx, nil); err != nil {
		return nil, err
	}
	report.ReplayedMs = float64(time.Since(began).Microseconds()) / 1000
	if report.ResetMs, err = resetToLastTask(ctx, s, run.GetID(), run.GetRunID()); err != nil {
		return nil, err
	}
	report.ClientCpu = ownCpuSeconds()
	for latencies, into := range map[*[]time.Duration]*spread{&whole: &report.WholeMs, &pages: &report.PageMs, &described: &report.DescribeMs} {
		if *into, err = spreadOf(*latencies); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// resetToLastTask returns the milliseconds that the reset took.
func resetToLastTask(ctx context.Context, s *session, workflowId, runId string) (float64, error) {
	execution := &common.WorkflowExecution{WorkflowId: workflowId, RunId: runId}
	page, err := s.client.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: s.namespace, Execution: execution, MaximumPageSize: 10,
	})
	if err != nil {
		return 0, err
	}
	events := page.History.Events
	at := slices.IndexFunc(events, func(e *historypb.HistoryEvent) bool { return e.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED })
	if at < 0 {
		return 0, errors.New("the newest events hold no completed workflow task")
	}
	began := time.Now()
	_, err = s.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: s.namespace, WorkflowExecution: execution, WorkflowTaskFinishEventId: events[at].EventId, RequestId: s.prefix, Reason: "measured",
	})
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return float64(took.Microseconds()) / 1000, s.client.TerminateWorkflow(ctx, workflowId, "", "measured")
}

func readPages(ctx context.Context, s *session, workflowId, runId string) ([]time.Duration, error) {
	var pages []time.Duration
	var token []byte
	for {
		began := time.Now()
		page, err := s.client.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace:     s.namespace,
			Execution:     &common.WorkflowExecution{WorkflowId: workflowId, RunId: runId},
			NextPageToken: token,
		})
		if err != nil {
			return nil, err
		}
		pages = append(pages, time.Since(began))
		if token = page.NextPageToken; len(token) == 0 {
			return pages, nil
		}
	}
}
