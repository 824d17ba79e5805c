// The one error type that crosses module borders: a closed set of codes and a sentence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lethe {

// Each code maps to one process exit code (ExitCode below). Malformed input and untrusted input are
// different answers and are never merged.
enum class ErrorCode {
  kMalformed,    // the bytes do not follow their format
  kUntrusted,    // well-formed, but a digest, signature or rule refuses it
  kExpired,      // well-formed and once valid
  kNotFound,     // a named thing does not exist
  kConflict,     // two inputs contradict each other (a lock that does not fit its recipe)
  kUnavailable,  // a source cannot deliver now: mirror, package gone, missing kernel feature
  kIo,           // the operating system refused
  kUsage,        // the command line is wrong
};

struct Error {
  ErrorCode code;
  std::string message;  // what was being done and the offending value; lower case, no full stop

  // The same error with context in front: "reading x: <message>".
  [[nodiscard]] Error In(std::string_view context) const {
    return Error{code, std::string(context) + ": " + message};
  }
};

// 0 is success; 1 failure, 2 usage, 3 rejected, 4 malformed, 5 unavailable.
constexpr int ExitCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return 4;
    case ErrorCode::kUntrusted:
    case ErrorCode::kExpired:
      return 3;
    case ErrorCode::kUnavailable:
      return 5;
    case ErrorCode::kUsage:
      return 2;
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kIo:
      return 1;
  }
  return 1;
}

constexpr std::string_view ToString(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kUntrusted:
      return "untrusted";
    case ErrorCode::kExpired:
      return "expired";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kUsage:
      return "usage";
  }
  return "unknown";
}

// The code of that name.
constexpr std::optional<ErrorCode> ParseErrorCode(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kUsage); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (ToString(code) == name) return code;
  }
  return {};
}

}  // namespace lethe
