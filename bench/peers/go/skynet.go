// SPDX-License-Identifier: BSL-1.0

package main

import (
	"sync"
	"time"
)

func skynet(size sizes) []figure {
	start := time.Now()
	sum := skynetNode(0, size.count)
	elapsed := time.Since(start)
	check(sum == size.count*(size.count-1)/2, "sum of the leaves")
	return []figure{{"ms", elapsed.Seconds() * 1e3}, {"peak_mb", peakMegabytes()}}
}

func skynetNode(first, leaves int) int {
	if leaves == 1 {
		return first
	}
	var sums [10]int
	var children sync.WaitGroup
	children.Add(10)
	for i := range sums {
		go func() {
			sums[i] = skynetNode(first+i*leaves/10, leaves/10)
			children.Done()
		}()
	}
	children.Wait()
	total := 0
	for _, sum := range sums {
		total += sum
	}
	return total
}
