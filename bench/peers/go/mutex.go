// SPDX-License-Identifier: BSL-1.0

package main

import (
	"sync"
	"time"
)

func mutexUncontended(size sizes) []figure { return mutexSections(size, 1) }
func mutexContended(size sizes) []figure   { return mutexSections(size, 100) }

func mutexSections(size sizes, goroutines int) []figure {
	var lock sync.Mutex
	sections := 0
	var all sync.WaitGroup
	all.Add(goroutines)
	start := time.Now()
	for i := range goroutines {
		go func() {
			for j := i * size.count / goroutines; j < (i+1)*size.count/goroutines; j++ {
				lock.Lock()
				sections++
				lock.Unlock()
			}
			all.Done()
		}()
	}
	all.Wait()
	elapsed := time.Since(start)
	check(sections == size.count, "number of sections")
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}
