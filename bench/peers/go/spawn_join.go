// SPDX-License-Identifier: BSL-1.0

package main

import (
	"sync"
	"time"
)

func spawnJoinBatch(size sizes) []figure {
	results := make([]int, size.count)
	batch := func() {
		var all sync.WaitGroup
		all.Add(size.count)
		for i := range size.count {
			go func() {
				results[i] = i
				all.Done()
			}()
		}
		all.Wait()
		checkIndexSum(results)
		clear(results)
	}
	batch()
	start := time.Now()
	for range size.repeats {
		batch()
	}
	return []figure{{"ns", perOperation(time.Since(start), size.repeats*size.count)}}
}

func spawnJoinOne(size sizes) []figure {
	results := make([]int, size.count)
	start := time.Now()
	for i := range size.count {
		var one sync.WaitGroup
		one.Add(1)
		go func() {
			results[i] = i
			one.Done()
		}()
		one.Wait()
	}
	elapsed := time.Since(start)
	checkIndexSum(results)
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}

func checkIndexSum(results []int) {
	sum := 0
	for _, result := range results {
		sum += result
	}
	check(sum == len(results)*(len(results)-1)/2, "sum of the goroutines' results")
}
