// SPDX-License-Identifier: BSL-1.0

package main

import "time"

func skynetChannels(size sizes) []figure {
	start := time.Now()
	result := make(chan int)
	go sendNode(0, size.count, result)
	sum := <-result
	elapsed := time.Since(start)
	checkItemSum(sum, size.count)
	return []figure{{"ms", elapsed.Seconds() * 1e3}, {"peak_mb", peakMegabytes()}}
}

func sendNode(first, leaves int, result chan<- int) {
	if leaves == 1 {
		result <- first
		return
	}
	sums := make(chan int)
	for i := range 10 {
		go sendNode(first+i*leaves/10, leaves/10, sums)
	}
	total := 0
	for range 10 {
		total += <-sums
	}
	result <- total
}
