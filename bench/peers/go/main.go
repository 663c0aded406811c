// SPDX-License-Identifier: BSL-1.0

// The bench shapes of ../../README.md on goroutines: SHAPE --workers N --count N [--repeats N] ...
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
)

type sizes struct {
	count    int
	repeats  int
	minSleep int
	maxSleep int
	port     int
	capacity int
	payload  string

	workers     int
	certificate string
	key         string
}

type figure struct {
	metric string
	value  float64
}

var shapes = map[string]func(sizes) []figure{
	"yield":             yield,
	"spawn_join_batch":  spawnJoinBatch,
	"spawn_join_one":    spawnJoinOne,
	"wakeup":            wakeup,
	"sleep":             sleep,
	"skynet":            skynet,
	"parked":            parked,
	"echo":              echo,
	"udp_echo":          udpEcho,
	"tls_echo":          tlsEcho,
	"chan_seq":          channelSequence,
	"chan_pingpong":     channelPingPong,
	"chan_spsc":         channelSpsc,
	"chan_mpsc":         channelMpsc,
	"chan_mpmc":         channelMpmc,
	"select2":           select2,
	"select4":           select4,
	"mutex_uncontended": mutexUncontended,
	"mutex_contended":   mutexContended,
	"skynet_channels":   skynetChannels,
	"sieve":             sieve,
}

func main() {
	fmt.Println("version go", strings.TrimPrefix(runtime.Version(), "go"))
	if len(os.Args) < 2 || os.Args[1] == "version" {
		return
	}
	name := os.Args[1]
	shape, known := shapes[name]
	if !known {
		fail("there is no shape %q", name)
	}

	var size sizes
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	flags.IntVar(&size.workers, "workers", 1, "GOMAXPROCS")
	flags.IntVar(&size.count, "count", 0, "fibers or operations")
	flags.IntVar(&size.repeats, "repeats", 0, "batches, or sleeps of each fiber")
	flags.IntVar(&size.minSleep, "min-us", 0, "shortest sleep")
	flags.IntVar(&size.maxSleep, "max-us", 0, "longest sleep")
	flags.IntVar(&size.port, "port", 0, "port of the server, 0: any")
	flags.IntVar(&size.capacity, "capacity", 0, "of the channels, 0: rendezvous")
	flags.StringVar(&size.payload, "payload", "int", "what an item of chan_spsc is: int, 64 or unique")
	flags.StringVar(&size.certificate, "certificate", "", "of tls_echo, a PEM file")
	flags.StringVar(&size.key, "key", "", "of tls_echo, a PEM file")
	_ = flags.Parse(os.Args[2:])
	runtime.GOMAXPROCS(size.workers)

	line := fmt.Sprintf("result %s go workers=%d", name, size.workers)
	for _, f := range shape(size) {
		line += fmt.Sprintf(" %s=%g", f.metric, f.value)
	}
	fmt.Println(line)
}

func check(right bool, what string) {
	if !right {
		fail("wrong result: %s", what)
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "go: "+format+"\n", arguments...)
	os.Exit(1)
}
