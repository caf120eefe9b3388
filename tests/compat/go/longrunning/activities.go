// Package longrunning holds the programs of the document on long-running activities: progress, cancellation, complex progress.
package longrunning

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// The outside world of these activities: what they have seen, and whether they cleaned up, by workflow id.
var world struct {
	sync.Mutex
	seen      map[string][]string
	cleanedUp map[string]bool
}

func note(workflowID, thing string) (times int) {
	world.Lock()
	defer world.Unlock()
	if world.seen == nil {
		world.seen = map[string][]string{}
	}
	for _, each := range world.seen[workflowID] {
		if each == thing {
			times++
		}
	}
	world.seen[workflowID] = append(world.seen[workflowID], thing)
	return times
}

// The document's processLine takes the line only; whose line it is comes with the context here.
func processLine(ctx context.Context, line string) {
	times := note(activity.GetInfo(ctx).WorkflowExecution.ID, line)
	// As a machine fails in the middle, once.
	if line == "line 250" && times == 0 {
		panic("the disk has gone")
	}
}

func cleanupResources(ctx context.Context) {
	world.Lock()
	defer world.Unlock()
	if world.cleanedUp == nil {
		world.cleanedUp = map[string]bool{}
	}
	world.cleanedUp[activity.GetInfo(ctx).WorkflowExecution.ID] = true
}

func ProcessLargeFile(ctx context.Context, filePath string) error {
	startLine := 0
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &startLine); err != nil {
			return err
		}
	}

	file, err := os.Open(filePath)
	if err != nil {
		return err
	}
	defer file.Close()

	scanner := bufio.NewScanner(file)
	currentLine := 0
	for scanner.Scan() {
		if currentLine < startLine {
			currentLine++
			continue
		}

		processLine(ctx, scanner.Text())
		currentLine++

		if currentLine%100 == 0 {
			activity.RecordHeartbeat(ctx, currentLine)
		}
	}
	return scanner.Err()
}

// ProcessLargeFileOrCleanUp is as shown, except that it skips up to the line it had reached without counting it down, so that its
// heartbeats go on from there.
func ProcessLargeFileOrCleanUp(ctx context.Context, filePath string) error {
	startLine := 0
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &startLine); err != nil {
			return err
		}
	}

	file, err := os.Open(filePath)
	if err != nil {
		return err
	}
	defer file.Close()

	scanner := bufio.NewScanner(file)
	currentLine := 0
	for scanner.Scan() {
		if currentLine < startLine {
			currentLine++
			continue
		}

		activity.RecordHeartbeat(ctx, currentLine)

		// Check if the Activity has been cancelled
		select {
		case <-ctx.Done():
			cleanupResources(ctx)
			return ctx.Err()
		default:
		}

		processLine(ctx, scanner.Text())
		time.Sleep(20 * time.Millisecond)
		currentLine++
	}
	return scanner.Err()
}

func processItem(ctx context.Context, itemID string) error {
	info := activity.GetInfo(ctx)
	note(info.WorkflowExecution.ID, itemID)
	if strings.HasPrefix(itemID, "bad") {
		return errors.New(itemID + " cannot be processed")
	}
	if itemID == "stuck" && info.Attempt == 1 {
		<-ctx.Done()
	}
	return nil
}

type ProgressState struct {
	ProcessedCount  int    `json:"processedCount"`
	FailedCount     int    `json:"failedCount"`
	LastProcessedID string `json:"lastProcessedId"`
}

type BatchResult struct {
	ProcessedCount int `json:"processedCount"`
	FailedCount    int `json:"failedCount"`
}

func ProcessBatch(ctx context.Context, itemIDs []string) (BatchResult, error) {
	progress := ProgressState{}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &progress); err != nil {
			return BatchResult{}, err
		}
	}

	startIndex := 0
	if progress.LastProcessedID != "" {
		for i, id := range itemIDs {
			if id == progress.LastProcessedID {
				startIndex = i + 1
				break
			}
		}
	}

	for i := startIndex; i < len(itemIDs); i++ {
		itemID := itemIDs[i]

		if err := processItem(ctx, itemID); err != nil {
			progress.FailedCount++
		} else {
			progress.ProcessedCount++
		}

		progress.LastProcessedID = itemID
		activity.RecordHeartbeat(ctx, progress)
	}

	return BatchResult{
		ProcessedCount: progress.ProcessedCount,
		FailedCount:    progress.FailedCount,
	}, nil
}
