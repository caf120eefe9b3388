package main

// A heartbeat that outlives the process of its worker.

import (
	"context"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var heartbeatScenarios = map[string]check.Func{"heartbeat-resume": heartbeatResumeScenario}

const items = 20

// Resumed is how an attempt went.
type Resumed struct {
	Attempt   int32
	ResumedAt int
	Processed int
}

func ProcessItems(ctx context.Context, slowAfter int) (Resumed, error) {
	attempt := activity.GetInfo(ctx).Attempt
	start := 0
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &start); err != nil {
			return Resumed{}, err
		}
	}
	for index := start; index < items; index++ {
		// The first attempt never gets past slowAfter: its process is killed there.
		if attempt == 1 && index >= slowAfter {
			<-ctx.Done()
			return Resumed{}, ctx.Err()
		}
		time.Sleep(20 * time.Millisecond)
		activity.RecordHeartbeat(ctx, index+1)
	}
	return Resumed{attempt, start, items - start}, nil
}

func Resumable(ctx workflow.Context) (resumed Resumed, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond},
	})
	err = workflow.ExecuteActivity(ctx, ProcessItems, 7).Get(ctx, &resumed)
	return
}

func newHeartbeatWorker(c client.Client, queue string) worker.Worker {
	w := worker.New(c, queue, worker.Options{
		MaxHeartbeatThrottleInterval: 100 * time.Millisecond,
		// The next task of the workflow is meant for the worker that was killed; after this long it is for any.
		StickyScheduleToStartTimeout: time.Second,
	})
	w.RegisterWorkflow(Resumable)
	w.RegisterActivity(ProcessItems)
	return w
}

// startWorkerProcess starts this program once more, as a worker.
func startWorkerProcess(s *check.Scenario, command, queue string) *exec.Cmd {
	process := exec.Command(os.Args[0], command, queue, "--address", s.Address, "--namespace", s.Namespace)
	process.Stderr = os.Stderr
	_, err := process.StdinPipe()
	s.NoError(err)
	s.NoError(process.Start())
	return process
}

// parentGone is for workers of their own process: it ends when the process that started this one has gone, and with it the standard input.
func parentGone() <-chan any {
	gone := make(chan any)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	return gone
}

func killProcess(process *exec.Cmd) {
	_ = process.Process.Kill()
	_ = process.Wait()
}

func heartbeatResumeScenario(ctx context.Context, s *check.Scenario) {
	queue := s.TaskQueue + "-killed-" + uuid.NewString()
	process := startWorkerProcess(s, "heartbeat-worker", queue)
	killed := false
	kill := func() {
		if !killed {
			killed = true
			killProcess(process)
		}
	}
	defer kill()
	run := s.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: queue}, Resumable)
	s.Eventually("the first worker's seventh heartbeat is recorded", 3*time.Minute, func() bool {
		return recordedHeartbeat(ctx, s, run.GetID()) == 7
	})
	kill()
	second := newHeartbeatWorker(s.Client, queue)
	s.NoError(second.Start())
	defer second.Stop()
	s.Equal(check.Result[Resumed](ctx, s, run), Resumed{Attempt: 2, ResumedAt: 7, Processed: items - 7}, "result")
}

func recordedHeartbeat(ctx context.Context, s *check.Scenario, workflowID string) int {
	described, err := s.Client.DescribeWorkflowExecution(ctx, workflowID, "")
	s.NoError(err)
	if len(described.PendingActivities) == 0 || described.PendingActivities[0].HeartbeatDetails == nil {
		return 0
	}
	var index int
	s.NoError(converter.GetDefaultDataConverter().FromPayloads(described.PendingActivities[0].HeartbeatDetails, &index))
	return index
}
