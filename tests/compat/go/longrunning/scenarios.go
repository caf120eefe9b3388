package longrunning

// What the document promises: activities resume where they were, and clean up when they are cancelled.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var Scenarios = map[string]check.Func{
	"seed-progress":     progressScenario,
	"seed-cancellation": cancellationScenario,
	"seed-batch":        batchScenario,
}

// Register gives a worker all that the scenarios need.
func Register(registry worker.Registry) {
	registry.RegisterWorkflow(ProcessFile)
	registry.RegisterWorkflow(ProcessFileOrCleanUp)
	registry.RegisterWorkflow(ProcessAll)
	registry.RegisterActivity(ProcessLargeFile)
	registry.RegisterActivity(ProcessLargeFileOrCleanUp)
	registry.RegisterActivity(ProcessBatch)
}

func withHeartbeat(ctx workflow.Context, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    timeout,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond},
	})
}

func ProcessFile(ctx workflow.Context, filePath string) error {
	ctx = withHeartbeat(ctx, 30*time.Second)
	return workflow.ExecuteActivity(ctx, ProcessLargeFile, filePath).Get(ctx, nil)
}

func ProcessFileOrCleanUp(ctx workflow.Context, filePath string) error {
	ctx = withHeartbeat(ctx, 10*time.Second)
	return workflow.ExecuteActivity(ctx, ProcessLargeFileOrCleanUp, filePath).Get(ctx, nil)
}

func ProcessAll(ctx workflow.Context, itemIDs []string) (result BatchResult, err error) {
	ctx = withHeartbeat(ctx, 5*time.Second)
	err = workflow.ExecuteActivity(ctx, ProcessBatch, itemIDs).Get(ctx, &result)
	return
}

func seen(workflowID string) []string {
	world.Lock()
	defer world.Unlock()
	return slices.Clone(world.seen[workflowID])
}

func lines(from, to int) (names []string) {
	for number := from; number < to; number++ {
		names = append(names, fmt.Sprintf("line %d", number))
	}
	return names
}

// writeLines gives the path of a new file, and what removes it.
func writeLines(s *check.Scenario, count int) (path string, remove func()) {
	folder, err := os.MkdirTemp("", "compat-")
	s.NoError(err)
	path = filepath.Join(folder, "lines.txt")
	s.NoError(os.WriteFile(path, []byte(strings.Join(lines(0, count), "\n")), 0o600))
	return path, func() { _ = os.RemoveAll(folder) }
}

func progressScenario(ctx context.Context, s *check.Scenario) {
	path, remove := writeLines(s, 450)
	defer remove()
	run := s.Start(ctx, ProcessFile, path)
	s.NoError(run.Get(ctx, nil))
	// The 251st line fails. The retry resumes after the 200 lines of the last heartbeat.
	s.Equal(seen(run.GetID()), append(lines(0, 251), lines(200, 450)...), "lines")
	started := s.One(s.Events(ctx, run.GetID(), ""), "ActivityTaskStarted").GetActivityTaskStartedEventAttributes()
	s.Equal(started.Attempt, int32(2), "attempt")
	s.Equal(started.LastFailure.Message, "the disk has gone", "last failure")
}

func cancellationScenario(ctx context.Context, s *check.Scenario) {
	path, remove := writeLines(s, 240)
	defer remove()
	run := s.Start(ctx, ProcessFileOrCleanUp, path)
	s.Eventually("some lines are processed", time.Minute, func() bool { return len(seen(run.GetID())) > 5 })
	s.NoError(s.Client.CancelWorkflow(ctx, run.GetID(), ""))
	check.ErrorAs[*temporal.CanceledError](s, run.Get(ctx, nil))
	world.Lock()
	defer world.Unlock()
	s.True(world.cleanedUp[run.GetID()], "the activity cleans up")
	s.True(len(world.seen[run.GetID()]) < 240, "the file was not read to its end")
}

func batchScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, ProcessAll, []string{"a", "bad-1", "b", "stuck", "c", "bad-2", "d"})
	s.Equal(check.Result[BatchResult](ctx, s, run), BatchResult{ProcessedCount: 5, FailedCount: 2}, "result")
	// The first attempt gets stuck and misses its heartbeat; the second goes on with the item after the last heartbeat.
	s.Equal(seen(run.GetID()), []string{"a", "bad-1", "b", "stuck", "stuck", "c", "bad-2", "d"}, "items")
	started := s.One(s.Events(ctx, run.GetID(), ""), "ActivityTaskStarted").GetActivityTaskStartedEventAttributes()
	s.Equal(started.Attempt, int32(2), "attempt")
	s.Equal(started.LastFailure.Message, "activity Heartbeat timeout", "last failure")
}
