// SPDX-License-Identifier: BSL-1.0

package main

import (
	"fmt"
	"net"
)

func echo(size sizes) []figure {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", size.port))
	if err != nil {
		fail("%v", err)
	}
	return serve(listener)
}

func serve(listener net.Listener) []figure {
	fmt.Println("listening on", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail("%v", err)
		}
		go echoBack(connection)
	}
}

func echoBack(connection net.Conn) {
	defer connection.Close()
	var buffer [4096]byte
	for {
		got, err := connection.Read(buffer[:])
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:got]); err != nil {
			return
		}
	}
}
