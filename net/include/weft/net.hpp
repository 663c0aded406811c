// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/descriptor.hpp>
#include <weft/net/endpoint.hpp>
#include <weft/net/error.hpp>
#include <weft/net/readiness.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/tcp.hpp>
