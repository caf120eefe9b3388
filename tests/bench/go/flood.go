package main

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"time"
)

// flooding is the report of the scenario flood.
type flooding struct {
	// Workflows whose activity ended inside the window, per second.
	WorkflowsPerSecond float64 `json:"workflowsPerSecond"`
	StartsPerSecond    float64 `json:"startsPerSecond"`
	// Of all starts, 0 to 1: those that ended with an error.
	Refused   float64 `json:"refused"`
	ClientCpu float64 `json:"clientCpuSeconds"`
}

// flood starts workflows at a fixed rate, whatever becomes of them, while the worker works as fast as it can: more load than a server can carry.
func flood(ctx context.Context, flags *flag.FlagSet, args []string) (any, error) {
	at, l := targetFlags(flags), loadFlags(flags, 0, 10, "unused")
	rate := flags.Int("rate", 1000, "starts per second")
	patience := flags.Duration("patience", 5*time.Second, "how long a start is waited for")
	flags.Parse(args)
	s, end, err := at.openWithWorker()
	if err != nil {
		return nil, err
	}
	defer end()
	var started, refused atomic.Int64
	var group sync.WaitGroup
	opened := time.Now().Add(seconds(l.warmup))
	closes := opened.Add(seconds(l.seconds))
	var before int64
	atOpen := time.AfterFunc(time.Until(opened), func() { before = activitiesDone.Load() })
	defer atOpen.Stop()
	began, due := time.Now(), 0
	for time.Now().Before(closes) && ctx.Err() == nil {
		for wanted := int(time.Since(began).Seconds() * float64(*rate)); due < wanted; due++ {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, *patience)
				defer cancel()
				started.Add(1)
				if _, err := s.start(ctx, sequence, 1, payload); err != nil {
					refused.Add(1)
				}
			})
		}
		time.Sleep(2 * time.Millisecond)
	}
	done := activitiesDone.Load() - before
	group.Wait()
	return flooding{
		WorkflowsPerSecond: float64(done) / l.seconds,
		StartsPerSecond:    float64(started.Load()) / (l.warmup + l.seconds),
		Refused:            float64(refused.Load()) / float64(max(1, started.Load())),
		ClientCpu:          ownCpuSeconds(),
	}, nil
}
