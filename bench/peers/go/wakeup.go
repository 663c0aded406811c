// SPDX-License-Identifier: BSL-1.0

package main

import "time"

// Go publishes no park and unpark: a rendezvous channel is its most direct way to them.
func wakeup(size sizes) []figure {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for turn := range ping {
			pong <- turn
		}
		close(pong)
	}()
	start := time.Now()
	for turn := range size.count {
		ping <- turn
		check(<-pong == turn, "turn that came back")
	}
	elapsed := time.Since(start)
	close(ping)
	<-pong
	return []figure{{"ns", perOperation(elapsed, 2*size.count)}}
}
