// SPDX-License-Identifier: BSL-1.0

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func parked(size sizes) []figure {
	gate := make(chan struct{})
	var waiting, woken atomic.Int64
	var all sync.WaitGroup
	all.Add(size.count)

	resident := residentBytes()
	start := time.Now()
	for range size.count {
		go func() {
			waiting.Add(1)
			<-gate
			woken.Add(1)
			all.Done()
		}()
	}
	for waiting.Load() != int64(size.count) {
		runtime.Gosched()
	}
	created := time.Since(start)
	resident = residentBytes() - resident

	start = time.Now()
	for range size.count {
		gate <- struct{}{}
	}
	all.Wait()
	wake := time.Since(start)
	check(woken.Load() == int64(size.count), "number woken")
	return []figure{
		{"bytes", resident / float64(size.count)},
		{"create_ns", perOperation(created, size.count)},
		{"wake_ns", perOperation(wake, size.count)},
	}
}
