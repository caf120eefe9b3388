// Package check is what a scenario is given, and how it says what it expects: like a test, it stops at the first thing that does not hold.
package check

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// Scenario is one of them while it runs.
type Scenario struct {
	Name      string
	Client    client.Client
	Address   string
	Namespace string
	// TaskQueue is the queue of the shared worker.
	TaskQueue string
	// WorkflowIDs are those that it has used so far.
	WorkflowIDs []string
}

// Func runs a scenario. It returns when all that it expects holds.
type Func func(ctx context.Context, s *Scenario)

type failure struct{ text string }

// Run runs it and gives the text of what did not hold, with the stack, or "".
func (s *Scenario) Run(ctx context.Context, run Func) (text string) {
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case failure:
			text = problem.text + "\n" + string(debug.Stack())
		default:
			text = fmt.Sprintf("panic: %v\n%s", problem, debug.Stack())
		}
	}()
	run(ctx, s)
	return ""
}

// Failf ends the scenario.
func (s *Scenario) Failf(format string, arguments ...any) {
	panic(failure{fmt.Sprintf(format, arguments...)})
}

func (s *Scenario) NoError(err error) {
	if err != nil {
		s.Failf("unexpected %T: %v", err, err)
	}
}

func (s *Scenario) Equal(actual, expected any, what string) {
	if !reflect.DeepEqual(actual, expected) {
		s.Failf("%s: expected %#v, got %#v", what, expected, actual)
	}
}

func (s *Scenario) True(condition bool, what string) {
	if !condition {
		s.Failf("not so: %s", what)
	}
}

// ErrorAs gives the first error of that type in the chain of err.
func ErrorAs[E error](s *Scenario, err error) E {
	var found E
	if !errors.As(err, &found) {
		s.Failf("expected a %T, got %T: %v", found, err, err)
	}
	return found
}

// Eventually asks until the answer is yes.
func (s *Scenario) Eventually(what string, within time.Duration, check func() bool) {
	giveUp := time.Now().Add(within)
	for !check() {
		if time.Now().After(giveUp) {
			s.Failf("not within %v: %s", within, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Scenario) NewID(suffix string) string {
	id := "go-" + s.Name + suffix + "-" + uuid.NewString()
	s.WorkflowIDs = append(s.WorkflowIDs, id)
	return id
}

// Announce says that the workflows so far have started, and what tokens there are; it goes on when whoever runs this says so with a line.
func (s *Scenario) Announce(tokens ...[]byte) {
	line, err := json.Marshal(map[string]any{
		"scenario": s.Name, "running": true, "workflows": s.WorkflowIDs, "tokens": tokens,
	})
	s.NoError(err)
	fmt.Println(string(line))
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	s.NoError(err)
}

// Start starts a workflow with a new id on the shared worker's queue.
func (s *Scenario) Start(ctx context.Context, workflow any, arguments ...any) client.WorkflowRun {
	return s.StartWith(ctx, client.StartWorkflowOptions{}, workflow, arguments...)
}

// StartWith fills in the id and the queue where the options have none.
func (s *Scenario) StartWith(
	ctx context.Context, options client.StartWorkflowOptions, workflow any, arguments ...any,
) client.WorkflowRun {
	if options.ID == "" {
		options.ID = s.NewID("")
	}
	if options.TaskQueue == "" {
		options.TaskQueue = s.TaskQueue
	}
	run, err := s.Client.ExecuteWorkflow(ctx, options, workflow, arguments...)
	s.NoError(err)
	return run
}

// Result waits for the end of a workflow that completes.
func Result[T any](ctx context.Context, s *Scenario, run client.WorkflowRun) T {
	var result T
	s.NoError(run.Get(ctx, &result))
	return result
}

// Events is the whole history of a run; event ids are checked to be 1..n.
func (s *Scenario) Events(ctx context.Context, workflowID, runID string) []*history.HistoryEvent {
	var events []*history.HistoryEvent
	pages := s.Client.GetWorkflowHistory(ctx, workflowID, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for pages.HasNext() {
		event, err := pages.Next()
		s.NoError(err)
		events = append(events, event)
		s.Equal(event.EventId, int64(len(events)), "event id")
	}
	return events
}

// Names are the types of the events, like "WorkflowExecutionStarted".
func Names(events []*history.HistoryEvent) []string {
	var names []string
	for _, event := range events {
		names = append(names, event.EventType.String())
	}
	return names
}

func Count(events []*history.HistoryEvent, name string) int {
	count := 0
	for _, each := range Names(events) {
		if each == name {
			count++
		}
	}
	return count
}

// One gives the one event of that name.
func (s *Scenario) One(events []*history.HistoryEvent, name string) *history.HistoryEvent {
	s.Equal(Count(events, name), 1, "number of "+name+" in "+strings.Join(Names(events), " "))
	for _, event := range events {
		if event.EventType.String() == name {
			return event
		}
	}
	panic("unreachable")
}

// Status is that of the latest run.
func (s *Scenario) Status(ctx context.Context, workflowID string) enums.WorkflowExecutionStatus {
	described, err := s.Client.DescribeWorkflowExecution(ctx, workflowID, "")
	s.NoError(err)
	return described.WorkflowExecutionInfo.Status
}
