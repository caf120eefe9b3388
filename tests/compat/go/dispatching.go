package main

// How activities come to workers, are held back, taken away, and tried again.

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var dispatchScenarios = map[string]check.Func{
	"cancellation-types":     cancellationTypesScenario,
	"next-retry-delay":       nextRetryDelayScenario,
	"local-activity-long":    localActivityLongScenario,
	"local-activity-backoff": localActivityBackoffScenario,
	"rate-limit":             rateLimitScenario,
	"eager-activity":         eagerActivityScenario,
	"worker-shutdown":        workerShutdownScenario,
	"worker-session":         workerSessionScenario,
}

func registerDispatching(w worker.Registry) {
	for _, each := range []any{CancelTypes, Delayed, LocalNap, LocalBackoff} {
		w.RegisterWorkflow(each)
	}
	for _, each := range []any{CleanUpSlowly, AskForDelay} {
		w.RegisterActivity(each)
	}
}

// When activities did something, by workflow id and what it was.
var deedTimes journal[time.Time]

func noteTime(ctx context.Context, deed string) activity.Info {
	info := activity.GetInfo(ctx)
	deedTimes.add(info.WorkflowExecution.ID+"/"+deed, time.Now())
	return info
}

func deedDone(s *check.Scenario, id, deed string) {
	s.Eventually("the activity has "+deed, time.Minute, func() bool { return len(deedTimes.of(id+"/"+deed)) == 1 })
}

// What activities may do, by workflow id and what it is: they wait for it, so that nothing hangs on who is faster.
var allowed journal[bool]

func CleanUpSlowly(ctx context.Context) error {
	id := noteTime(ctx, "begun").WorkflowExecution.ID
	for len(allowed.of(id+"/finished")) == 0 {
		activity.RecordHeartbeat(ctx)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			for len(allowed.of(id+"/cleaned up")) == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			noteTime(ctx, "cleaned up")
			return ctx.Err()
		}
	}
	noteTime(ctx, "finished")
	return nil
}

const goOn = "go on"

// How a workflow cancels its activity. To abandon one is, in this SDK, not to cancel its context.
const (
	tryCancel  = "try to cancel"
	waitCancel = "wait for the cancellation"
	abandon    = "abandon"
)

func CancelTypes(ctx workflow.Context, how string) (string, error) {
	options := workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		WaitForCancellation: how == waitCancel,
	}
	cancellable, cancel := workflow.WithCancel(ctx)
	scope := cancellable
	if how == abandon {
		scope, _ = workflow.NewDisconnectedContext(cancellable)
	}
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(scope, options), CleanUpSlowly)
	told := workflow.GetSignalChannel(ctx, goOn)
	told.Receive(ctx, nil)
	cancel()
	if how == abandon {
		told.Receive(ctx, nil)
		return "cancelled", nil
	}
	var cancelled *temporal.CanceledError
	if err := future.Get(ctx, nil); !errors.As(err, &cancelled) {
		return "not cancelled", err
	}
	return "cancelled", nil
}

func cancellationTypesScenario(ctx context.Context, s *check.Scenario) {
	for _, each := range []struct {
		how, end               string
		endsBefore             bool
		requested, cancelEvent int
	}{
		{tryCancel, "cleaned up", false, 1, 0},
		{waitCancel, "cleaned up", true, 1, 1},
		{abandon, "finished", true, 0, 0},
	} {
		run := s.Start(ctx, CancelTypes, each.how)
		id := run.GetID()
		deedDone(s, id, "begun")
		s.NoError(s.Client.SignalWorkflow(ctx, id, "", goOn, nil))
		if each.how == abandon {
			s.Eventually("the workflow has abandoned the activity", time.Minute, func() bool {
				return check.Count(s.Events(ctx, id, ""), "WorkflowTaskCompleted") == 2
			})
		}
		if each.how != tryCancel {
			allowed.add(id+"/"+each.end, true)
		}
		if each.how == abandon {
			deedDone(s, id, each.end)
			s.NoError(s.Client.SignalWorkflow(ctx, id, "", goOn, nil))
		}
		s.Equal(check.Result[string](ctx, s, run), "cancelled", each.how)
		s.Equal(len(deedTimes.of(id+"/"+each.end)) == 1, each.endsBefore, each.how+": the activity ends first")
		allowed.add(id+"/"+each.end, true)
		deedDone(s, id, each.end)
		events := s.Events(ctx, id, "")
		s.Equal(check.Count(events, "ActivityTaskCancelRequested"), each.requested, each.how+": requests")
		s.Equal(check.Count(events, "ActivityTaskCanceled"), each.cancelEvent, each.how+": cancellations")
	}
}

func AskForDelay(ctx context.Context) (int32, error) {
	attempt := noteTime(ctx, "tried").Attempt
	if attempt == 1 {
		return 0, temporal.NewApplicationErrorWithOptions(
			"not before a second from now", "Delayed", temporal.ApplicationErrorOptions{NextRetryDelay: time.Second},
		)
	}
	return attempt, nil
}

func Delayed(ctx workflow.Context) (attempt int32, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Hour},
	})
	err = workflow.ExecuteActivity(ctx, AskForDelay).Get(ctx, &attempt)
	return
}

func nextRetryDelayScenario(ctx context.Context, s *check.Scenario) {
	run := s.Start(ctx, Delayed)
	s.Equal(check.Result[int32](ctx, s, run), int32(2), "the attempt that succeeded")
	tried := deedTimes.of(run.GetID() + "/tried")
	s.True(tried[1].Sub(tried[0]) >= time.Second, "the second attempt waits for a second")
}

func takeNap(ctx context.Context, duration time.Duration) (int, error) {
	id := noteTime(ctx, "napped").WorkflowExecution.ID
	time.Sleep(duration)
	return len(deedTimes.of(id + "/napped")), nil
}

func LocalNap(ctx workflow.Context, duration time.Duration) (naps int, err error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	err = workflow.ExecuteLocalActivity(ctx, takeNap, duration).Get(ctx, &naps)
	return
}

func localActivityLongScenario(ctx context.Context, s *check.Scenario) {
	run := s.StartWith(ctx, client.StartWorkflowOptions{WorkflowTaskTimeout: 12 * time.Second}, LocalNap, 13*time.Second)
	s.Equal(check.Result[int](ctx, s, run), 1, "how often it ran")
	events := s.Events(ctx, run.GetID(), "")
	s.Equal(check.Count(events, "WorkflowTaskTimedOut"), 0, "workflow tasks that timed out")
	s.Equal(check.Count(events, "MarkerRecorded"), 1, "markers")
	s.True(check.Count(events, "WorkflowTaskCompleted") >= 2, "several workflow tasks of 12 s held a local activity of 13 s")
}

func tryLocally(ctx context.Context) (int32, error) {
	attempt := noteTime(ctx, "tried").Attempt
	if attempt == 1 {
		return 0, errors.New("once more, much later")
	}
	return attempt, nil
}

func LocalBackoff(ctx workflow.Context) (attempt int32, err error) {
	// This SDK waits by itself for as long as the workflow task has time.
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 6 * time.Second},
	})
	err = workflow.ExecuteLocalActivity(ctx, tryLocally).Get(ctx, &attempt)
	return
}

func localActivityBackoffScenario(ctx context.Context, s *check.Scenario) {
	run := s.StartWith(ctx, client.StartWorkflowOptions{WorkflowTaskTimeout: 5 * time.Second}, LocalBackoff)
	s.Equal(check.Result[int32](ctx, s, run), int32(2), "the attempt that succeeded")
	tried := deedTimes.of(run.GetID() + "/tried")
	s.True(tried[1].Sub(tried[0]) >= 6*time.Second, "the second attempt waits")
	events := s.Events(ctx, run.GetID(), "")
	for name, count := range map[string]int{"TimerStarted": 1, "TimerFired": 1, "MarkerRecorded": 2} {
		s.Equal(check.Count(events, name), count, name)
	}
}

func Tick(ctx context.Context) error {
	noteTime(ctx, "ticked")
	return nil
}

func Ticking(ctx workflow.Context, ticks int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var futures []workflow.Future
	for range ticks {
		futures = append(futures, workflow.ExecuteActivity(ctx, Tick))
	}
	for _, future := range futures {
		if err := future.Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func rateLimitScenario(ctx context.Context, s *check.Scenario) {
	queue := s.TaskQueue + "-limited-" + uuid.NewString()
	w := worker.New(s.Client, queue, worker.Options{TaskQueueActivitiesPerSecond: 5})
	w.RegisterWorkflow(Ticking)
	w.RegisterActivity(Tick)
	s.NoError(w.Start())
	defer w.Stop()
	run := s.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: queue}, Ticking, 20)
	s.NoError(run.Get(ctx, nil))
	ticked := deedTimes.of(run.GetID() + "/ticked")
	s.Equal(len(ticked), 20, "ticks")
	// Five may come at once, the other fifteen at five a second.
	s.True(ticked[19].Sub(ticked[0]) > 2500*time.Millisecond, "20 ticks take their time")
}

func EagerTick(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToStartTimeout: 2 * time.Second, StartToCloseTimeout: 10 * time.Second,
	})
	err := workflow.ExecuteActivity(ctx, Tick).Get(ctx, nil)
	var late *temporal.TimeoutError
	if errors.As(err, &late) {
		return "timed out", nil
	}
	return "ticked", err
}

func eagerActivityScenario(ctx context.Context, s *check.Scenario) {
	for outcome, disabled := range map[string]bool{"ticked": false, "timed out": true} {
		queue := s.TaskQueue + "-eager-" + uuid.NewString()
		// From now on the queue itself gives no activity to anybody.
		_, err := s.Client.WorkflowService().UpdateTaskQueueConfig(ctx, &workflowservice.UpdateTaskQueueConfigRequest{
			Namespace:     s.Namespace,
			TaskQueue:     queue,
			TaskQueueType: enums.TASK_QUEUE_TYPE_ACTIVITY,
			UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{
				RateLimit: &taskqueue.RateLimit{RequestsPerSecond: 0},
			},
		})
		s.NoError(err)
		w := worker.New(s.Client, queue, worker.Options{DisableEagerActivities: disabled})
		w.RegisterWorkflow(EagerTick)
		w.RegisterActivity(Tick)
		s.NoError(w.Start())
		run := s.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: queue}, EagerTick)
		result := check.Result[string](ctx, s, run)
		w.Stop()
		s.Equal(result, outcome, "an activity of a queue that gives none")
	}
}

// Left is what one attempt leaves to the next.
type Left struct {
	Attempt int32
	Details string
}

func UntilShutdown(ctx context.Context) (Left, error) {
	info := activity.GetInfo(ctx)
	if info.Attempt > 1 {
		left := Left{Attempt: info.Attempt}
		return left, activity.GetHeartbeatDetails(ctx, &left.Details)
	}
	noteTime(ctx, "begun")
	<-activity.GetWorkerStopChannel(ctx)
	activity.RecordHeartbeat(ctx, "half way")
	return Left{}, errors.New("the worker is shutting down")
}

func OutlivesWorker(ctx workflow.Context) (left Left, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond},
	})
	err = workflow.ExecuteActivity(ctx, UntilShutdown).Get(ctx, &left)
	return
}

func workerShutdownScenario(ctx context.Context, s *check.Scenario) {
	queue := s.TaskQueue + "-shut-down-" + uuid.NewString()
	start := func() worker.Worker {
		w := worker.New(s.Client, queue, worker.Options{WorkerStopTimeout: 10 * time.Second})
		w.RegisterWorkflow(OutlivesWorker)
		w.RegisterActivity(UntilShutdown)
		s.NoError(w.Start())
		return w
	}
	first := start()
	run := s.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: queue}, OutlivesWorker)
	deedDone(s, run.GetID(), "begun")
	first.Stop()
	second := start()
	defer second.Stop()
	s.Equal(check.Result[Left](ctx, s, run), Left{2, "half way"}, "the second attempt")
}

// Host says on which of the workers in this process an activity runs.
type Host struct{ name string }

func (h Host) Where(ctx context.Context) (string, error) {
	noteTime(ctx, h.name)
	return h.name, nil
}

const whereActivity = "Where"

// InSession runs its activities on one worker, whichever that is, and then outside of the session.
func InSession(ctx workflow.Context) ([]string, error) {
	ctx = withTimeout(ctx)
	session, err := workflow.CreateSession(ctx, &workflow.SessionOptions{
		CreationTimeout: time.Minute, ExecutionTimeout: time.Minute, HeartbeatTimeout: 10 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	var hosts []string
	for range 5 {
		var host string
		if err := workflow.ExecuteActivity(session, whereActivity).Get(session, &host); err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	workflow.CompleteSession(session)
	return hosts, nil
}

func workerSessionScenario(ctx context.Context, s *check.Scenario) {
	queue := s.TaskQueue + "-session-" + uuid.NewString()
	for _, name := range []string{"first", "second"} {
		w := worker.New(s.Client, queue, worker.Options{EnableSessionWorker: true, MaxConcurrentSessionExecutionSize: 1})
		w.RegisterWorkflow(InSession)
		w.RegisterActivityWithOptions(Host{name}.Where, activity.RegisterOptions{Name: whereActivity})
		s.NoError(w.Start())
		defer w.Stop()
	}
	// Each of the two has room for one session, so that four workflows wait for each other.
	var runs []client.WorkflowRun
	for range 4 {
		runs = append(runs, s.StartWith(ctx, client.StartWorkflowOptions{TaskQueue: queue}, InSession))
	}
	for _, run := range runs {
		hosts := check.Result[[]string](ctx, s, run)
		s.Equal(len(hosts), 5, "activities of a session")
		for _, host := range hosts {
			s.Equal(host, hosts[0], "every activity of a session runs on one worker")
		}
	}
}
