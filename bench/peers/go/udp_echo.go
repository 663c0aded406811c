// SPDX-License-Identifier: BSL-1.0

package main

import (
	"fmt"
	"net"
)

// A goroutine for each of GOMAXPROCS, on one socket.
func udpEcho(size sizes) []figure {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: size.port})
	if err != nil {
		fail("%v", err)
	}
	fmt.Println("listening on", socket.LocalAddr())
	for i := 1; i < size.workers; i++ {
		go echoDatagrams(socket)
	}
	echoDatagrams(socket)
	return nil
}

func echoDatagrams(socket *net.UDPConn) {
	var buffer [2048]byte
	for {
		got, from, err := socket.ReadFromUDPAddrPort(buffer[:])
		if err != nil {
			fail("%v", err)
		}
		if _, err := socket.WriteToUDPAddrPort(buffer[:got], from); err != nil {
			fail("%v", err)
		}
	}
}
