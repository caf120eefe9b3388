package main

// Workflows that call Nexus operations, and the handlers that serve them: at once, or with a workflow of their own.

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"go.temporal.io/api/history/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/temporalnexus"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pawl.dev/compat/check"
)

var callingScenarios = map[string]check.Func{
	"nexus-operation": nexusOperationScenario,
	"nexus-failure":   nexusFailureScenario,
	"nexus-cancel":    nexusCancelScenario,
}

const shopName = "shop"

// Purchase is what a caller wants done: How says what becomes of it.
type Purchase struct {
	ID  string
	How string
}

var asked journal[bool]

var priceOperation = nexus.NewSyncOperation("price",
	func(ctx context.Context, order Purchase, _ nexus.StartOperationOptions) (int, error) {
		asked.add(order.ID, true)
		attempt := len(asked.of(order.ID))
		switch {
		case order.How == "busy" && attempt < 3:
			return 0, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeUnavailable, "busy")
		case order.How == "unknown":
			return 0, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeNotFound, "no such order")
		case order.How == "fail":
			return 0, nexus.NewOperationFailedError("not for sale")
		case order.How == "slow":
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return attempt, nil
	})

var deliverOperation = temporalnexus.NewWorkflowRunOperation("deliver", Delivery,
	func(_ context.Context, order Purchase, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
		return client.StartWorkflowOptions{ID: deliveryID(order.ID)}, nil
	})

func deliveryID(callerID string) string { return "delivery-" + callerID }

// Delivery is what a handler starts for an order.
func Delivery(ctx workflow.Context, order Purchase) (string, error) {
	switch order.How {
	case "fail":
		return "", temporal.NewApplicationError("nobody at home", "Undelivered", "here")
	case "wait":
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return "", err
		}
	}
	err := workflow.Sleep(ctx, 100*time.Millisecond)
	return order.ID + " delivered", err
}

// Call is what a caller does.
type Call struct {
	Endpoint     string
	Order        Purchase
	Cancellation workflow.NexusOperationCancellationType
	Seconds      int
}

func AskPrice(ctx workflow.Context, call Call) (price int, err error) {
	options := workflow.NexusOperationOptions{ScheduleToCloseTimeout: time.Duration(call.Seconds) * time.Second}
	shop := workflow.NewNexusClient(call.Endpoint, shopName)
	err = shop.ExecuteOperation(ctx, priceOperation, call.Order, options).Get(ctx, &price)
	return
}

func HaveDelivered(ctx workflow.Context, call Call) (delivered string, err error) {
	shop := workflow.NewNexusClient(call.Endpoint, shopName)
	err = shop.ExecuteOperation(ctx, deliverOperation, call.Order, workflow.NexusOperationOptions{}).Get(ctx, &delivered)
	return
}

// CancelDelivery cancels the operation once it has started, and tells when it hears that it is over.
func CancelDelivery(ctx workflow.Context, call Call) (string, error) {
	cancellable, cancel := workflow.WithCancel(ctx)
	shop := workflow.NewNexusClient(call.Endpoint, shopName)
	options := workflow.NexusOperationOptions{CancellationType: call.Cancellation}
	delivery := shop.ExecuteOperation(cancellable, deliverOperation, call.Order, options)
	if err := delivery.GetNexusOperationExecution().Get(ctx, nil); err != nil {
		return "", err
	}
	cancel()
	var cancelled *temporal.CanceledError
	if err := delivery.Get(ctx, nil); !errors.As(err, &cancelled) {
		return "not cancelled", err
	}
	if call.Cancellation == workflow.NexusOperationCancellationTypeTryCancel {
		// Whoever ends at once may be gone before the request to cancel is.
		return "cancelled", workflow.Sleep(ctx, time.Second)
	}
	return "cancelled", nil
}

func registerCalling(w worker.Worker) {
	for _, each := range []any{Delivery, AskPrice, HaveDelivered, CancelDelivery} {
		w.RegisterWorkflow(each)
	}
	shop := nexus.NewService(shopName)
	if err := shop.Register(priceOperation, deliverOperation); err != nil {
		panic(err)
	}
	w.RegisterNexusService(shop)
}

// makeEndpoint makes one for the shared worker's queue.
func makeEndpoint(ctx context.Context, s *check.Scenario) string {
	name := "go-" + s.Name + "-" + s.TaskQueue
	worker := &nexuspb.EndpointTarget_Worker{Namespace: s.Namespace, TaskQueue: s.TaskQueue}
	target := &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{Worker: worker}}
	request := &operatorservice.CreateNexusEndpointRequest{Spec: &nexuspb.EndpointSpec{Name: name, Target: target}}
	_, err := s.Client.OperatorService().CreateNexusEndpoint(ctx, request)
	s.NoError(err)
	return name
}

func startCaller(ctx context.Context, s *check.Scenario, caller any, how string, call Call) client.WorkflowRun {
	id := s.NewID("-" + how)
	call.Order = Purchase{ID: id, How: how}
	return s.StartWith(ctx, client.StartWorkflowOptions{ID: id}, caller, call)
}

func replayCallers(ctx context.Context, s *check.Scenario, runs ...client.WorkflowRun) {
	replayer := worker.NewWorkflowReplayer()
	for _, each := range []any{AskPrice, HaveDelivered, CancelDelivery} {
		replayer.RegisterWorkflow(each)
	}
	for _, run := range runs {
		events := s.Events(ctx, run.GetID(), "")
		s.NoError(replayer.ReplayWorkflowHistory(quiet{}, &history.History{Events: events}))
	}
}

func nexusOperationScenario(ctx context.Context, s *check.Scenario) {
	call := Call{Endpoint: makeEndpoint(ctx, s), Seconds: 60}
	simple := startCaller(ctx, s, AskPrice, "done", call)
	s.Equal(check.Result[int](ctx, s, simple), 1, "what a handler answers")
	names := check.Names(s.Events(ctx, simple.GetID(), ""))
	s.Equal(names[4:6], []string{"NexusOperationScheduled", "NexusOperationCompleted"}, "events")
	busy := startCaller(ctx, s, AskPrice, "busy", call)
	s.Equal(check.Result[int](ctx, s, busy), 3, "attempts until a busy handler answers")

	delivered := startCaller(ctx, s, HaveDelivered, "done", call)
	id := delivered.GetID()
	s.Equal(check.Result[string](ctx, s, delivered), id+" delivered", "what the handler's workflow returns")
	linked := s.One(s.Events(ctx, id, ""), "NexusOperationStarted").Links[0].GetWorkflowEvent()
	s.Equal(linked.WorkflowId, deliveryID(id), "the workflow that the caller's event links to")
	start := s.Events(ctx, deliveryID(id), "")[0].GetWorkflowExecutionStartedEventAttributes()
	back := start.CompletionCallbacks[0].Links[0].GetWorkflowEvent()
	s.Equal(back.WorkflowId, id, "the workflow that the handler's links to")
	replayCallers(ctx, s, simple, busy, delivered)
}

// operationCause gives the cause of the operation's failure that a workflow fails with.
func operationCause[E error](ctx context.Context, s *check.Scenario, run client.WorkflowRun) E {
	return check.ErrorAs[E](s, check.ErrorAs[*temporal.NexusOperationError](s, run.Get(ctx, nil)).Unwrap())
}

func nexusFailureScenario(ctx context.Context, s *check.Scenario) {
	call := Call{Endpoint: makeEndpoint(ctx, s), Seconds: 60}
	refused := startCaller(ctx, s, AskPrice, "unknown", call)
	failed := startCaller(ctx, s, AskPrice, "fail", call)
	undelivered := startCaller(ctx, s, HaveDelivered, "fail", call)
	call.Seconds = 2
	slow := startCaller(ctx, s, AskPrice, "slow", call)
	handler := operationCause[*nexus.HandlerError](ctx, s, refused)
	s.Equal(handler.Type, nexus.HandlerErrorTypeNotFound, "the handler's error")
	application := operationCause[*temporal.ApplicationError](ctx, s, failed)
	s.True(strings.Contains(application.Error(), "not for sale"), "the operation's error: "+application.Error())
	application = operationCause[*temporal.ApplicationError](ctx, s, undelivered)
	var where string
	s.NoError(application.Details(&where))
	s.Equal([]string{application.Type(), where}, []string{"Undelivered", "here"}, "the failure of the workflow")
	operationCause[*temporal.TimeoutError](ctx, s, slow)
}

func nexusCancelScenario(ctx context.Context, s *check.Scenario) {
	call := Call{Endpoint: makeEndpoint(ctx, s)}
	kinds := []workflow.NexusOperationCancellationType{
		workflow.NexusOperationCancellationTypeWaitCompleted, workflow.NexusOperationCancellationTypeWaitRequested,
		workflow.NexusOperationCancellationTypeTryCancel, workflow.NexusOperationCancellationTypeAbandon,
	}
	var runs []client.WorkflowRun
	for _, kind := range kinds {
		call.Cancellation = kind
		runs = append(runs, startCaller(ctx, s, CancelDelivery, "wait", call))
	}
	for index, kind := range kinds {
		id := runs[index].GetID()
		s.Equal(check.Result[string](ctx, s, runs[index]), "cancelled", "the caller")
		events := s.Events(ctx, id, "")
		requests := 1
		if kind == workflow.NexusOperationCancellationTypeAbandon {
			requests = 0
		}
		s.Equal(check.Count(events, "NexusOperationCancelRequested"), requests, "requests to cancel")
		if kind == workflow.NexusOperationCancellationTypeWaitCompleted {
			s.One(events, "NexusOperationCanceled")
		}
		if requests == 0 {
			s.NoError(s.Client.TerminateWorkflow(ctx, deliveryID(id), "", "abandoned"))
		} else {
			err := s.Client.GetWorkflow(ctx, deliveryID(id), "").Get(ctx, nil)
			check.ErrorAs[*temporal.CanceledError](s, err)
		}
	}
	replayCallers(ctx, s, runs...)
	s.Eventually("the end of the handler's workflow is told", time.Minute, func() bool {
		described, err := s.Client.DescribeWorkflowExecution(ctx, deliveryID(runs[0].GetID()), "")
		s.NoError(err)
		return described.Callbacks[0].Attempt == 1
	})
}
