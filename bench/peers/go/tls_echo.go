// SPDX-License-Identifier: BSL-1.0

package main

import (
	"crypto/tls"
	"fmt"
)

func tlsEcho(size sizes) []figure {
	pair, err := tls.LoadX509KeyPair(size.certificate, size.key)
	if err != nil {
		fail("%v", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	listener, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", size.port), config)
	if err != nil {
		fail("%v", err)
	}
	return serve(listener)
}
