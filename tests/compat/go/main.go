// Command compat runs scenarios of the official Go SDK against a server.
//
//	compat list
//	compat scenario NAME... --address 127.0.0.1:7233 --namespace default
//
// It runs the scenarios at once, with one worker for all of them, and prints one line of JSON for each as it ends:
// {"scenario": NAME, "ok": true, "ms": 12, "workflows": [IDS]} or {"scenario": NAME, "ok": false, "error": TEXT, ...}.
// The exit code is 0 when all of them are ok.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"pawl.dev/compat/check"
	"pawl.dev/compat/longrunning"
)

var scenarios = map[string]check.Func{}

func init() {
	for _, each := range []map[string]check.Func{
		runningScenarios, messagingScenarios, endingScenarios, observingScenarios, heartbeatScenarios,
		outlastingScenarios, patternScenarios, dispatchScenarios, standaloneScenarios, callingScenarios, controllingScenarios,
		versionScenarios, longrunning.Scenarios, afterwards,
	} {
		maps.Copy(scenarios, each)
	}
}

// quiet is a logger for programs in which failures are part of the scenarios: what the SDK logs of them is noise.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

type outcome struct {
	Scenario  string   `json:"scenario"`
	OK        bool     `json:"ok"`
	Error     string   `json:"error,omitempty"`
	Ms        int64    `json:"ms"`
	Workflows []string `json:"workflows"`
}

func runScenario(s *check.Scenario) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	began := time.Now()
	text := "no such scenario"
	if run, known := scenarios[s.Name]; known {
		text = s.Run(ctx, run)
	}
	return outcome{s.Name, text == "", text, time.Since(began).Milliseconds(), s.WorkflowIDs}
}

// registerAll registers what the shared worker does.
func registerAll(shared worker.Worker) {
	for _, workflow := range []any{
		SequenceAndParallel, Retrying, Rejected, TimingOut, Local, Timers, Approval,
		Basket, Busy, Cancellable, Obedient, Failing, FailOnce, Observed, Steps, Outlasting,
	} {
		shared.RegisterWorkflow(workflow)
	}
	for _, activity := range []any{
		Double, FailTwice, Reject, Hang, AlwaysFail, LocalSquare, RequestHumanApproval,
		Pause, ReserveForLong, Compensate, Refuse, Step, FailForNow, Mark,
	} {
		shared.RegisterActivity(activity)
	}
	registerPatterns(shared)
	registerDispatching(shared)
	registerStandalone(shared)
	registerCalling(shared)
	registerControlling(shared)
	longrunning.Register(shared)
}

func runScenarios(c client.Client, names []string, address, namespace string) bool {
	queue := "go-" + uuid.NewString()
	// Often, so that cancellation is soon seen and a heartbeat is not late on a busy machine.
	shared := worker.New(c, queue, worker.Options{MaxHeartbeatThrottleInterval: 200 * time.Millisecond})
	registerAll(shared)
	if err := shared.Start(); err != nil {
		log.Fatal(err)
	}
	outcomes := make(chan outcome)
	run := func(name string) {
		s := &check.Scenario{Name: name, Client: c, Address: address, Namespace: namespace, TaskQueue: queue}
		outcomes <- runScenario(s)
	}
	go func() {
		var running sync.WaitGroup
		var last []string
		for _, name := range names {
			if afterwards[name] != nil {
				last = append(last, name)
				continue
			}
			running.Go(func() { run(name) })
		}
		running.Wait()
		for _, name := range last {
			run(name)
		}
		close(outcomes)
	}()
	ok := true
	for each := range outcomes {
		line, err := json.Marshal(each)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
		ok = ok && each.OK
	}
	shared.Stop()
	return ok
}

// arguments splits the command line, where options come after names.
func arguments() (names []string, options map[string]string) {
	options = map[string]string{"--address": "127.0.0.1:7233", "--namespace": "default"}
	for rest := os.Args[1:]; len(rest) > 0; rest = rest[1:] {
		if !strings.HasPrefix(rest[0], "--") {
			names = append(names, rest[0])
		} else if len(rest) > 1 {
			options[rest[0]] = rest[1]
			rest = rest[1:]
		}
	}
	return
}

func main() {
	names, options := arguments()
	if len(names) == 0 {
		log.Fatal("what to do? list, or scenario NAME...")
	}
	command, names := names[0], names[1:]
	if command == "list" {
		for name := range scenarios {
			fmt.Println(name)
		}
		return
	}
	c, err := client.Dial(client.Options{
		HostPort: options["--address"], Namespace: options["--namespace"], Logger: quiet{},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	switch command {
	case "uncached-worker":
		err = runUncachedWorker(c, names[0])
	case "answer":
		err = answer(context.Background(), c, options["--namespace"], names)
	case "torture-worker":
		err = runTortureWorker(c, names[0])
	case "torture-replay":
		err = replayTorture(context.Background(), c)
	case "heartbeat-worker":
		err = newHeartbeatWorker(c, names[0]).Run(parentGone())
	default:
		if !runScenarios(c, names, options["--address"], options["--namespace"]) {
			os.Exit(1)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}
