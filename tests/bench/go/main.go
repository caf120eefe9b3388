// Command bench drives a server that speaks Temporal's API through the official Go SDK, as client and as worker in one process, and
// prints one JSON line with what it measured. The same program drives Pawl and the reference server, so that only the server differs.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// A scenario reads its own flags, runs, and returns what is printed as JSON.
type scenario struct {
	about string
	run   func(ctx context.Context, flags *flag.FlagSet, args []string) (any, error)
}

var scenarios = map[string]scenario{
	"throughput": {"workflows of one activity, many at once", throughput},
	"latency":    {"workflows of one activity, one at a time", latency},
	"steps":      {"workflows of sequential activities", steps},
	"fanout":     {"workflows of parallel activities", fanout},
	"heartbeat":  {"many running activities that heartbeat", heartbeat},
	"signals":    {"signals to open workflows", signals},
	"updates":    {"updates of open workflows", updates},
	"family":     {"workflows of parallel children", children},
	"history":    {"reads and replays a long history", longHistory},
	"flood":      {"starts workflows faster than a server can carry", flood},
	"timers":     {"many timers that are due at one moment", timers},
	"open-idle":  {"starts workflows that stay open, waiting for a signal", openIdle},
	"first-ok":   {"waits for a server to come up and times its first answers", firstOk},
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	name := os.Args[1]
	chosen, ok := scenarios[name]
	if !ok {
		usage()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	result, err := chosen.run(ctx, flag.NewFlagSet(name, flag.ExitOnError), os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: bench <scenario> --address HOST:PORT [flags]")
	for name, s := range scenarios {
		fmt.Fprintf(os.Stderr, "  %-11s %s\n", name, s.about)
	}
	os.Exit(2)
}
