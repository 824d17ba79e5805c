// The asking side of the control socket.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "supervise/control.h"

namespace lethe::supervise {

// Sends one request (`descriptor` -1: none) and hands each answer to `on_answer` until it returns
// false. kUnavailable: nobody listens, or it closed before an answer.
Status Ask(const std::filesystem::path& socket, const Request& request, int descriptor,
           const std::function<bool(const json::Value&)>& on_answer);

// An answer that is an error, as one.
Status CheckAnswer(const json::Value& answer);

}  // namespace lethe::supervise
