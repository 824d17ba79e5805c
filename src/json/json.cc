#include "json/json.h"

#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace lethe::json {
namespace {

using Library = nlohmann::json;

// Builds a Value from the library's events; refuses what the library tolerates.
class Builder : public nlohmann::json_sax<Library> {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool b) override { return Add(b); }
  bool number_integer(number_integer_t i) override { return Add(static_cast<int64_t>(i)); }
  bool number_unsigned(number_unsigned_t u) override {
    if (u > static_cast<uint64_t>(INT64_MAX)) return Fail("an integer beyond 64 bits");
    return Add(static_cast<int64_t>(u));
  }
  bool number_float(number_float_t d, const string_t& text) override {
    // The library turns an integer that fits no 64 bits into a float: that would lose digits.
    if (text.find_first_of(".eE") == string_t::npos) return Fail("an integer beyond 64 bits");
    return Add(d);
  }
  bool string(string_t& s) override { return Add(std::move(s)); }
  bool binary(binary_t&) override { return Fail("binary data"); }
  bool start_object(size_t) override { return Push(Value(Object{})); }
  bool end_object() override { return Pop(); }
  bool start_array(size_t) override { return Push(Value(Array{})); }
  bool end_array() override { return Pop(); }
  bool key(string_t& k) override {
    auto& object = const_cast<Object&>(*stack_.back().AsObject());
    if (object.contains(k)) return Fail("the key \"" + Printable(k) + "\" twice");
    keys_.back() = std::move(k);
    return true;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    if (error_.empty()) error_ = "not JSON at byte " + std::to_string(position);
    return false;
  }

  const std::string& error() const { return error_; }
  Value Take() { return std::move(root_); }

 private:
  bool Fail(std::string what) {
    error_ = std::move(what);
    return false;
  }
  bool Count() {
    return ++values_ <= limits_.max_values ||
           Fail("more than " + std::to_string(limits_.max_values) + " values");
  }
  bool Push(Value container) {
    if (!Count()) return false;
    if (stack_.size() >= limits_.max_depth) {
      return Fail("nested deeper than " + std::to_string(limits_.max_depth));
    }
    stack_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool Pop() {
    Value done = std::move(stack_.back());
    stack_.pop_back();
    keys_.pop_back();
    return Place(std::move(done));
  }
  bool Add(Value value) { return Count() && Place(std::move(value)); }
  bool Place(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().AsArray() != nullptr) {
      const_cast<Array&>(*stack_.back().AsArray()).push_back(std::move(value));
    } else {
      const_cast<Object&>(*stack_.back().AsObject()).emplace(keys_.back(), std::move(value));
    }
    return true;
  }

  Limits limits_;
  std::vector<Value> stack_;
  size_t values_ = 0;
  std::vector<std::string> keys_;  // the pending key of each open container
  Value root_;
  std::string error_;
};

void Indent(std::string& out, int depth) { out.append(static_cast<size_t>(depth) * 2, ' '); }

void WriteString(const std::string& s, std::string& out) {
  out += Library(s).dump(-1, ' ', false, Library::error_handler_t::replace);
}

// depth < 0 writes canonically on one line.
void WriteTo(const Value& value, int depth, std::string& out) {
  const bool pretty = depth >= 0;
  const int inner = pretty ? depth + 1 : -1;
  const auto separate = [&](bool first) {
    if (!first) out += ',';
    if (pretty) {
      out += '\n';
      Indent(out, inner);
    }
  };
  const auto close = [&](char bracket, bool empty) {
    if (pretty && !empty) {
      out += '\n';
      Indent(out, depth);
    }
    out += bracket;
  };
  if (const auto* array = value.AsArray()) {
    out += '[';
    bool first = true;
    for (const auto& element : *array) {
      separate(std::exchange(first, false));
      WriteTo(element, inner, out);
    }
    close(']', array->empty());
  } else if (const auto* object = value.AsObject()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : *object) {
      separate(std::exchange(first, false));
      WriteString(key, out);
      out += pretty ? ": " : ":";
      WriteTo(member, inner, out);
    }
    close('}', object->empty());
  } else if (const auto* s = value.AsString()) {
    WriteString(*s, out);
  } else if (const auto* i = value.AsInteger()) {
    out += std::to_string(*i);
  } else if (const auto* d = value.AsDouble()) {
    out += Library(*d).dump();
  } else if (const auto* b = value.AsBool()) {
    out += *b ? "true" : "false";
  } else {
    out += "null";
  }
}

}  // namespace

const Value* Value::Find(std::string_view key) const {
  const Object* object = AsObject();
  if (object == nullptr) return nullptr;
  const auto it = object->find(key);
  return it == object->end() ? nullptr : &it->second;
}

Result<Value> Parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error{ErrorCode::kMalformed,
                 "JSON larger than " + std::to_string(limits.max_bytes) + " bytes"};
  }
  Builder builder(limits);
  if (!Library::sax_parse(text.begin(), text.end(), &builder)) {
    return Error{ErrorCode::kMalformed, "parsing JSON: " + builder.error()};
  }
  return builder.Take();
}

std::string Write(const Value& value) {
  std::string out;
  WriteTo(value, -1, out);
  return out;
}

std::string WritePretty(const Value& value) {
  std::string out;
  WriteTo(value, 0, out);
  out += '\n';
  return out;
}

}  // namespace lethe::json
