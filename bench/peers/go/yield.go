// SPDX-License-Identifier: BSL-1.0

package main

import (
	"runtime"
	"sync"
	"time"
)

func yield(size sizes) []figure {
	var yields [2]int
	var both sync.WaitGroup
	both.Add(2)
	start := time.Now()
	for i := range yields {
		go func() {
			defer both.Done()
			done := 0
			for ; done < size.count; done++ {
				runtime.Gosched()
			}
			yields[i] = done
		}()
	}
	both.Wait()
	elapsed := time.Since(start)
	check(yields[0]+yields[1] == 2*size.count, "number of yields")
	return []figure{{"ns", perOperation(elapsed, 2*size.count)}}
}
