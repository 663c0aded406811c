// SPDX-License-Identifier: BSL-1.0

package main

import (
	"sync"
	"time"
)

type block [16]int32

func channelSpsc(size sizes) []figure { return channelStream(size, 1, 1) }
func channelMpsc(size sizes) []figure { return channelStream(size, 4, 1) }
func channelMpmc(size sizes) []figure { return channelStream(size, 4, 4) }

// The loops are written out for each payload: Go does not inline what a generic function calls.
func channelStream(size sizes, senders, receivers int) []figure {
	switch size.payload {
	case "int":
		items := make(chan int32, size.capacity)
		send := func(first, last int) {
			for i := first; i < last; i++ {
				items <- int32(i)
			}
		}
		receive := func() (sum int) {
			for item := range items {
				sum += int(item)
			}
			return sum
		}
		return stream(size, senders, receivers, send, func() { close(items) }, receive)
	case "64":
		items := make(chan block, size.capacity)
		send := func(first, last int) {
			for i := first; i < last; i++ {
				items <- block{int32(i)}
			}
		}
		receive := func() (sum int) {
			for item := range items {
				sum += int(item[0])
			}
			return sum
		}
		return stream(size, senders, receivers, send, func() { close(items) }, receive)
	case "unique":
		items := make(chan *int32, size.capacity)
		send := func(first, last int) {
			for i := first; i < last; i++ {
				item := int32(i)
				items <- &item
			}
		}
		receive := func() (sum int) {
			for item := range items {
				sum += int(*item)
			}
			return sum
		}
		return stream(size, senders, receivers, send, func() { close(items) }, receive)
	}
	fail("there is no payload %q", size.payload)
	return nil
}

// Sends the numbers up to count, each once; send does so for [first, last), receive adds up until the end.
func stream(size sizes, senders, receivers int, send func(first, last int), end func(), receive func() int) []figure {
	var sending, receiving sync.WaitGroup
	sending.Add(senders)
	receiving.Add(receivers)
	sums := make([]int, receivers)
	start := time.Now()
	for i := range receivers {
		go func() {
			sums[i] = receive()
			receiving.Done()
		}()
	}
	for i := range senders {
		go func() {
			send(i*size.count/senders, (i+1)*size.count/senders)
			sending.Done()
		}()
	}
	sending.Wait()
	end()
	receiving.Wait()
	elapsed := time.Since(start)
	total := 0
	for _, sum := range sums {
		total += sum
	}
	checkItemSum(total, size.count)
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}

func checkItemSum(sum, count int) {
	check(sum == count*(count-1)/2, "sum of the items")
}
