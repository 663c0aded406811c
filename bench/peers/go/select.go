// SPDX-License-Identifier: BSL-1.0

package main

import "time"

func select2(size sizes) []figure {
	a, b := sendShare(size, 0, 2), sendShare(size, 1, 2)
	sum := 0
	start := time.Now()
	for range size.count {
		select {
		case item := <-a:
			sum += int(item)
		case item := <-b:
			sum += int(item)
		}
	}
	elapsed := time.Since(start)
	checkItemSum(sum, size.count)
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}

func select4(size sizes) []figure {
	a, b := sendShare(size, 0, 4), sendShare(size, 1, 4)
	c, d := sendShare(size, 2, 4), sendShare(size, 3, 4)
	sum := 0
	start := time.Now()
	for range size.count {
		select {
		case item := <-a:
			sum += int(item)
		case item := <-b:
			sum += int(item)
		case item := <-c:
			sum += int(item)
		case item := <-d:
			sum += int(item)
		}
	}
	elapsed := time.Since(start)
	checkItemSum(sum, size.count)
	return []figure{{"ns", perOperation(elapsed, size.count)}}
}

// The channel on which a goroutine sends its share of the numbers up to count.
func sendShare(size sizes, share, shares int) <-chan int32 {
	items := make(chan int32, size.capacity)
	go func() {
		for i := share * size.count / shares; i < (share+1)*size.count/shares; i++ {
			items <- int32(i)
		}
	}()
	return items
}
