package main

// What the torture test does in this language: a worker with a ledger of every effect, and the official replayer over what has come of it.

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const tortureQueue = "torture-go"

type tortureOrder struct {
	Steps   int `json:"steps"`
	Signals int `json:"signals"`
}

type tortureReceipt struct {
	Effects []string `json:"effects"`
	// In the order in which they arrived.
	Signals  []int  `json:"signals"`
	Approval string `json:"approval"`
}

func torture(ctx workflow.Context, order tortureOrder) (receipt tortureReceipt, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumInterval: time.Second},
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for channel := workflow.GetSignalChannel(ctx, "bump"); ; {
			var value int
			channel.Receive(ctx, &value)
			receipt.Signals = append(receipt.Signals, value)
		}
	})
	apply := func(steps ...string) error {
		var futures []workflow.Future
		for _, step := range steps {
			futures = append(futures, workflow.ExecuteActivity(ctx, "apply", step))
		}
		for _, future := range futures {
			var key string
			if err := future.Get(ctx, &key); err != nil {
				return err
			}
			receipt.Effects = append(receipt.Effects, key)
		}
		return nil
	}
	for step := range order.Steps {
		if err = apply(fmt.Sprintf("step-%d", step)); err != nil {
			return
		}
	}
	if err = workflow.Sleep(ctx, 50*time.Millisecond); err != nil {
		return
	}
	if err = apply("left", "right"); err != nil {
		return
	}
	if err = workflow.Await(ctx, func() bool { return len(receipt.Signals) >= order.Signals }); err != nil {
		return
	}
	if err = workflow.ExecuteActivity(ctx, "approve").Get(ctx, &receipt.Approval); err != nil {
		return
	}
	err = apply("last")
	return
}

// runTortureWorker works until the process that started this one has gone.
func runTortureWorker(c client.Client, ledgerFile string) error {
	ledger, err := os.OpenFile(ledgerFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := worker.New(c, tortureQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(torture, workflow.RegisterOptions{Name: "torture"})
	apply := func(ctx context.Context, step string) (string, error) {
		key := activity.GetInfo(ctx).WorkflowExecution.ID + "/" + step
		_, err := ledger.WriteString(key + "\n")
		return key, err
	}
	approve := func(context.Context) (string, error) { return "", activity.ErrResultPending }
	w.RegisterActivityWithOptions(apply, activity.RegisterOptions{Name: "apply"})
	w.RegisterActivityWithOptions(approve, activity.RegisterOptions{Name: "approve"})
	fmt.Println("ready")
	return w.Run(parentGone())
}

func replayTorture(ctx context.Context, c client.Client) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(torture, workflow.RegisterOptions{Name: "torture"})
	replayed := 0
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: "TaskQueue = '" + tortureQueue + "'"}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return err
		}
		for _, info := range page.Executions {
			id, runID := info.Execution.WorkflowId, info.Execution.RunId
			kept := &history.History{}
			pages := c.GetWorkflowHistory(ctx, id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for pages.HasNext() {
				event, err := pages.Next()
				if err != nil {
					return err
				}
				kept.Events = append(kept.Events, event)
			}
			options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id, RunID: runID}}
			if err := replayer.ReplayWorkflowHistoryWithOptions(quiet{}, kept, options); err != nil {
				return fmt.Errorf("%s does not replay: %w", id, err)
			}
			replayed++
		}
		if request.NextPageToken = page.NextPageToken; len(request.NextPageToken) == 0 {
			break
		}
	}
	fmt.Printf("{\"replayed\":%d}\n", replayed)
	return nil
}
