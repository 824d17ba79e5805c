// JSON (RFC 8259): a strict reader with limits and a writer whose output is canonical (sorted keys,
// no white space, shortest escapes), so that equal values have equal bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace lethe::json {

class Value;
using Array = std::vector<Value>;
using Object = std::map<std::string, Value, std::less<>>;  // byte order of the UTF-8 keys

// One JSON value. Integers are kept exact; a number with fraction or exponent is a double.
class Value {
 public:
  Value() : data_(nullptr) {}
  Value(std::nullptr_t) : data_(nullptr) {}
  Value(bool b) : data_(b) {}
  Value(double d) : data_(d) {}
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Value(T i)
      : data_(static_cast<int64_t>(i)) {}
  Value(const char* s) : data_(std::string(s)) {}
  Value(std::string_view s) : data_(std::string(s)) {}
  Value(std::string s) : data_(std::move(s)) {}
  Value(Array a) : data_(std::move(a)) {}
  Value(Object o) : data_(std::move(o)) {}

  // Null where the value has another type.
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const int64_t* AsInteger() const { return std::get_if<int64_t>(&data_); }
  const double* AsDouble() const { return std::get_if<double>(&data_); }
  const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  const Array* AsArray() const { return std::get_if<Array>(&data_); }
  const Object* AsObject() const { return std::get_if<Object>(&data_); }
  bool IsNull() const { return std::holds_alternative<std::nullptr_t>(data_); }

  // Member of an object; null where this is no object or has no such key.
  const Value* Find(std::string_view key) const;

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object> data_;
};

struct Limits {
  size_t max_bytes = 64U << 20;
  size_t max_depth = 32;
  size_t max_values = 2'000'000;  // each takes some 60 bytes, however short it is written
};

// kMalformed (with the byte offset) for anything outside RFC 8259, a duplicate key, invalid UTF-8,
// trailing bytes, an integer outside int64, or more than the limits.
Result<Value> Parse(std::string_view text, const Limits& limits = {});

// Canonical: one line, sorted keys, no white space.
std::string Write(const Value& value);

// For people and for line-wise diffs: the same order, indented by two spaces, '\n' at the end.
std::string WritePretty(const Value& value);

}  // namespace lethe::json
