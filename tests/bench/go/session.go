package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
)

// session is one connection to the server under test and the names this process uses there. Every process has a task queue and a
// prefix for workflow ids of its own, so that runs on one server never meet.
type session struct {
	client    client.Client
	namespace string
	queue     string
	prefix    string
	pollers   int
	ids       atomic.Int64
}

// target holds the flags that every scenario has.
type target struct {
	address   string
	namespace string
	pollers   int
	plain     bool
}

func targetFlags(flags *flag.FlagSet) *target {
	t := &target{}
	flags.StringVar(&t.address, "address", "127.0.0.1:7233", "host and port of the server")
	flags.StringVar(&t.namespace, "namespace", "default", "namespace to run in")
	flags.IntVar(&t.pollers, "pollers", 10, "polls that the worker keeps open, for workflow and for activity tasks each")
	flags.BoolVar(&t.plain, "plain", false, "do not compress requests, which the SDK does unless it is told not to")
	return t
}

func (t *target) open() (*session, error) {
	options := client.Options{HostPort: t.address, Namespace: t.namespace, Logger: errorsOnly()}
	if t.plain {
		options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	c, err := client.Dial(options)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	prefix := "bench-" + hex.EncodeToString(random)
	return &session{client: c, namespace: t.namespace, queue: prefix, prefix: prefix, pollers: t.pollers}, nil
}

// openWithWorker also starts a worker; the function ends both.
func (t *target) openWithWorker() (*session, func(), error) {
	s, err := t.open()
	if err != nil {
		return nil, nil, err
	}
	w, err := s.startWorker(worker.Options{})
	if err != nil {
		s.client.Close()
		return nil, nil, err
	}
	return s, func() { w.Stop(); s.client.Close() }, nil
}

// errorsOnly keeps the SDK's log out of the measurement, but not its errors.
func errorsOnly() log.Logger {
	return log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
}

// startWorker runs a worker of all workflows and activities of this program on the session's task queue.
func (s *session) startWorker(options worker.Options) (worker.Worker, error) {
	options.MaxConcurrentWorkflowTaskPollers = s.pollers
	options.MaxConcurrentActivityTaskPollers = s.pollers
	w := worker.New(s.client, s.queue, options)
	w.RegisterWorkflow(sequence)
	w.RegisterWorkflow(parallel)
	w.RegisterWorkflow(untilSignals)
	w.RegisterWorkflow(untilAnswered)
	w.RegisterWorkflow(untilUpdates)
	w.RegisterWorkflow(family)
	w.RegisterWorkflow(childEcho)
	w.RegisterWorkflow(chatter)
	w.RegisterWorkflow(untilMoment)
	w.RegisterActivity(echo)
	w.RegisterActivity(askOutside)
	return w, w.Start()
}

func (s *session) start(ctx context.Context, workflow any, args ...any) (client.WorkflowRun, error) {
	id := fmt.Sprintf("%s-%d", s.prefix, s.ids.Add(1))
	return s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: s.queue}, workflow, args...)
}

// size says what the server counted for one closed run: its events, and its durable state transitions as the server itself defines them.
type size struct {
	HistoryLength    int64 `json:"historyLength"`
	StateTransitions int64 `json:"stateTransitions"`
}

func (s *session) sizeOf(ctx context.Context, run client.WorkflowRun) (size, error) {
	described, err := s.client.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
	if err != nil {
		return size{}, err
	}
	info := described.GetWorkflowExecutionInfo()
	return size{HistoryLength: info.GetHistoryLength(), StateTransitions: info.GetStateTransitionCount()}, nil
}

// ownCpuSeconds is what this process (client and worker) has used since it started.
func ownCpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return (time.Duration(usage.Utime.Nano()) + time.Duration(usage.Stime.Nano())).Seconds()
}
