package main

import (
	"context"
	"errors"
	"flag"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load says how hard and how long to drive the server. With seconds, a closed loop runs at full concurrency and what ends inside the
// window counts; warm-up before it and the drain after it do not. With count, exactly that many operations run after the warm-up and
// the time until the last one ended counts.
type load struct {
	concurrency int
	count       int
	seconds     float64
	warmup      float64
}

func loadFlags(flags *flag.FlagSet, concurrency int, seconds float64, counted string) *load {
	l := &load{}
	flags.IntVar(&l.concurrency, "concurrency", concurrency, "operations at once")
	flags.Float64Var(&l.seconds, "seconds", seconds, "length of the measured window")
	flags.Float64Var(&l.warmup, "warmup", 2, "seconds of the same load before the window")
	flags.IntVar(&l.count, counted, 0, "measure this many instead of a window")
	return l
}

// measured is what one closed loop saw. The rate of any counter over the window is (end - start) / seconds.
type measured struct {
	seconds   float64
	latencies []time.Duration
	counted   int64 // growth of the counter handed to run, inside the window
	total     int64 // operations done in all, warm-up and drain included
}

// patience is how long operations may take to end that were under way when the window closed.
const patience = 2 * time.Minute

var errOverdue = errors.New("the server kept operations waiting for minutes after the load had ended")

func (m measured) perSecond(n int64) float64 { return float64(n) / m.seconds }

// run drives operation in a closed loop. counter is read at both ends of the window; nil counts finished operations.
func (l *load) run(ctx context.Context, counter *atomic.Int64, operation func(context.Context) error) (measured, error) {
	var finished atomic.Int64
	if counter == nil {
		counter = &finished
	}
	if l.count > 0 {
		return l.runCount(ctx, counter, &finished, operation)
	}
	return l.runWindow(ctx, counter, &finished, operation)
}

func (l *load) runWindow(ctx context.Context, counter, finished *atomic.Int64, operation func(context.Context) error) (measured, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, seconds(l.warmup+l.seconds)+patience, errOverdue)
	defer cancel()
	opened := time.Now().Add(seconds(l.warmup))
	closes := opened.Add(seconds(l.seconds))
	var before, after int64
	atOpen := time.AfterFunc(time.Until(opened), func() { before = counter.Load() })
	atClose := make(chan struct{})
	time.AfterFunc(time.Until(closes), func() { after = counter.Load(); close(atClose) })
	defer atOpen.Stop()
	latencies, err := inParallel(ctx, l.concurrency, func(int64) bool { return time.Now().Before(closes) }, finished, operation,
		func(end time.Time) bool { return !end.Before(opened) && end.Before(closes) })
	if err != nil {
		return measured{}, err
	}
	<-atClose
	return measured{seconds: l.seconds, latencies: latencies, counted: after - before, total: finished.Load()}, nil
}

func (l *load) runCount(ctx context.Context, counter, finished *atomic.Int64, operation func(context.Context) error) (measured, error) {
	warm := time.Now().Add(seconds(l.warmup))
	// At least one operation warms up, however short the time.
	warming := func(i int64) bool { return i == 0 || time.Now().Before(warm) }
	if _, err := inParallel(ctx, l.concurrency, warming, finished, operation, nil); err != nil {
		return measured{}, err
	}
	began, before := time.Now(), counter.Load()
	counting := func(i int64) bool { return i < int64(l.count) }
	latencies, err := inParallel(ctx, l.concurrency, counting, finished, operation, func(time.Time) bool { return true })
	if err != nil {
		return measured{}, err
	}
	return measured{seconds: time.Since(began).Seconds(), latencies: latencies, counted: counter.Load() - before, total: finished.Load()}, nil
}

// inParallel repeats operation at the given concurrency while more says so, and returns the latencies of those that keep wants. The
// first error ends the loop.
func inParallel(ctx context.Context, concurrency int, more func(i int64) bool, finished *atomic.Int64,
	operation func(context.Context) error, keep func(end time.Time) bool) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var started atomic.Int64
	var group sync.WaitGroup
	perWorker := make([][]time.Duration, concurrency)
	for w := range concurrency {
		group.Go(func() {
			for more(started.Add(1)-1) && ctx.Err() == nil {
				began := time.Now()
				if err := operation(ctx); err != nil {
					cancel(err)
					return
				}
				end := time.Now()
				finished.Add(1)
				if keep != nil && keep(end) {
					perWorker[w] = append(perWorker[w], end.Sub(began))
				}
			}
		})
	}
	group.Wait()
	return slices.Concat(perWorker...), context.Cause(ctx)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// spread is a distribution in milliseconds.
type spread struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func spreadOf(latencies []time.Duration) (spread, error) {
	if len(latencies) == 0 {
		return spread{}, errors.New("nothing ended inside the window; make it longer")
	}
	slices.Sort(latencies)
	at := func(q float64) float64 {
		// The nearest rank: the smallest value that at least q of all are not above.
		rank := int(q*float64(len(latencies))+0.999999) - 1
		return float64(latencies[max(0, min(rank, len(latencies)-1))].Microseconds()) / 1000
	}
	return spread{Count: len(latencies), P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: at(1)}, nil
}
