// SPDX-License-Identifier: BSL-1.0

package main

import "time"

func channelSequence(size sizes) []figure {
	items := make(chan int32, size.capacity)
	sum := 0
	start := time.Now()
	for i := range size.count {
		items <- int32(i)
		sum += int(<-items)
	}
	elapsed := time.Since(start)
	checkItemSum(sum, size.count)
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}

func channelPingPong(size sizes) []figure {
	ping, pong := make(chan int32), make(chan int32)
	go func() {
		for turn := range ping {
			pong <- turn
		}
		close(pong)
	}()
	start := time.Now()
	for turn := range size.count {
		ping <- int32(turn)
		check(<-pong == int32(turn), "turn that came back")
	}
	elapsed := time.Since(start)
	close(ping)
	<-pong
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}
