// SPDX-License-Identifier: BSL-1.0

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

func perOperation(elapsed time.Duration, operations int) float64 {
	return float64(elapsed.Nanoseconds()) / float64(operations)
}

func percentile(samples []int64, share float64) float64 {
	slices.Sort(samples)
	return float64(samples[int(share*float64(len(samples)-1))])
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func residentBytes() float64 { return processStatus("VmRSS:") }

func peakMegabytes() float64 { return processStatus("VmHWM:") / 1e6 }

func processStatus(field string) float64 {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), field)
	var kibibytes float64
	_, _ = fmt.Sscan(rest, &kibibytes)
	return kibibytes * 1024
}
