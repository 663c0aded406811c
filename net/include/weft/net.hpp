// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/buffered.hpp>
#include <weft/net/copy.hpp>
#include <weft/net/descriptor.hpp>
#include <weft/net/endpoint.hpp>
#include <weft/net/error.hpp>
#include <weft/net/framed.hpp>
#include <weft/net/on_accept.hpp>
#include <weft/net/pipe.hpp>
#include <weft/net/process.hpp>
#include <weft/net/readiness.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/server.hpp>
#include <weft/net/signals.hpp>
#include <weft/net/split.hpp>
#include <weft/net/stream.hpp>
#include <weft/net/tcp.hpp>
#include <weft/net/udp.hpp>
#include <weft/net/unix.hpp>
