// SPDX-License-Identifier: BSL-1.0

package main

import (
	"sync"
	"time"
)

func sleep(size sizes) []figure {
	overshoot := make([]int64, size.count*size.repeats)
	var all sync.WaitGroup
	all.Add(size.count)
	cpu := cpuTime()
	start := time.Now()
	for task := range size.count {
		go func() {
			defer all.Done()
			for turn := range size.repeats {
				wanted := sleepLength(size, task, turn)
				before := time.Now()
				time.Sleep(wanted)
				overshoot[task*size.repeats+turn] = int64(time.Since(before) - wanted)
			}
		}()
	}
	all.Wait()
	elapsed := time.Since(start)
	cpu = cpuTime() - cpu

	p99 := percentile(overshoot, 0.99)
	check(overshoot[0] >= 0, "a sleep ended early")
	return []figure{{"p99_us", p99 / 1e3}, {"cpu_ms", cpu.Seconds() * 1e3}, {"wall_ms", elapsed.Seconds() * 1e3}}
}

// The same lengths in every peer, spread evenly over the range.
func sleepLength(size sizes, task, turn int) time.Duration {
	span := size.maxSleep - size.minSleep + 1
	return time.Duration(size.minSleep+(task*7919+turn*104729)%span) * time.Microsecond
}
