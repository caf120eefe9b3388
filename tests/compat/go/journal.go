package main

import (
	"slices"
	"sync"
)

// journal is what activities note for the scenarios of the same process: things in order, by a key, usually the workflow's id.
type journal[T any] struct {
	mutex   sync.Mutex
	entries map[string][]T
}

func (j *journal[T]) add(key string, entry T) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.entries == nil {
		j.entries = map[string][]T{}
	}
	j.entries[key] = append(j.entries[key], entry)
}

func (j *journal[T]) of(key string) []T {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return slices.Clone(j.entries[key])
}
