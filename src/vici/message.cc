#include "vici/message.h"

#include <optional>

namespace lethe::vici {
namespace {

constexpr uint8_t kCommandRequest = 0, kCommandResponse = 1, kCommandUnknown = 2;
constexpr size_t kMaxDepth = 8;

enum Element : uint8_t {
  kSectionStart = 1,
  kSectionEnd = 2,
  kKeyValue = 3,
  kListStart = 4,
  kListItem = 5,
  kListEnd = 6
};

void AppendBigEndian(std::string& out, size_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

// Takes texts of a length that stands before them off the front.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  bool done() const { return rest_.empty(); }
  std::optional<uint8_t> Byte() {
    if (rest_.empty()) return {};
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  std::optional<std::string_view> Text(int length_bytes) {
    size_t length = 0;
    for (int i = 0; i < length_bytes; ++i) {
      const auto byte = Byte();
      if (!byte) return {};
      length = length << 8 | *byte;
    }
    if (length > rest_.size()) return {};
    const auto text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return text;
  }

 private:
  std::string_view rest_;
};

Error Malformed(const char* what) {
  return Error{ErrorCode::kMalformed, std::string("an answer of charon: ") + what};
}

class Parser {
 public:
  explicit Parser(std::string_view elements) : reader_(elements) {}

  Result<std::map<std::string, std::string>> Parse() {
    while (!reader_.done()) LETHE_TRY(One());
    if (!sections_.empty() || list_) return Malformed("ends inside a section");
    return std::move(values_);
  }

 private:
  Status One() {
    const uint8_t element = *reader_.Byte();
    if (list_) return InList(element);
    switch (element) {
      case kSectionStart: {
        const auto name = reader_.Text(1);
        if (!name) return Malformed("is cut off");
        if (sections_.size() == kMaxDepth) return Malformed("is nested too deep");
        sections_.push_back(std::string(*name) + ".");
        return {};
      }
      case kSectionEnd:
        if (sections_.empty()) return Malformed("ends a section that did not begin");
        sections_.pop_back();
        return {};
      case kKeyValue: {
        const auto key = reader_.Text(1);
        const auto value = key ? reader_.Text(2) : std::nullopt;
        if (!value) return Malformed("is cut off");
        values_[Prefixed(*key)] = *value;
        return {};
      }
      case kListStart: {
        const auto name = reader_.Text(1);
        if (!name) return Malformed("is cut off");
        list_ = Prefixed(*name);
        items_ = 0;
        return {};
      }
      default:
        return Malformed("has an unknown element");
    }
  }

  Status InList(uint8_t element) {
    if (element == kListEnd) {
      values_[*list_] = std::to_string(items_);
      list_.reset();
      return {};
    }
    if (element != kListItem) return Malformed("has something else in a list");
    if (!reader_.Text(2)) return Malformed("is cut off");
    ++items_;
    return {};
  }

  std::string Prefixed(std::string_view name) const {
    std::string out;
    for (const std::string& section : sections_) out += section;
    return out + std::string(name);
  }

  Reader reader_;
  std::vector<std::string> sections_;
  std::optional<std::string> list_;  // its name, while its items are read
  size_t items_ = 0;
  std::map<std::string, std::string> values_;
};

}  // namespace

std::string WriteRequest(std::string_view command, const Arguments& arguments) {
  std::string body(1, static_cast<char>(kCommandRequest));
  AppendBigEndian(body, command.size(), 1);
  body += command;
  for (const auto& [key, value] : arguments) {
    body += static_cast<char>(kKeyValue);
    AppendBigEndian(body, key.size(), 1);
    body += key;
    AppendBigEndian(body, value.size(), 2);
    body += value;
  }
  std::string out;
  AppendBigEndian(out, body.size(), kLengthBytes);
  return out + body;
}

Result<size_t> ReadLength(std::string_view bytes) {
  if (bytes.size() != kLengthBytes) return Malformed("is cut off");
  size_t length = 0;
  for (const char byte : bytes) length = length << 8 | static_cast<uint8_t>(byte);
  if (length == 0) return Malformed("is empty");
  if (length > kMaxMessage) return Malformed("is too long");
  return length;
}

Result<std::map<std::string, std::string>> ReadResponse(std::string_view message) {
  if (message.empty()) return Malformed("is empty");
  const auto kind = static_cast<uint8_t>(message[0]);
  if (kind == kCommandUnknown)
    return Error{ErrorCode::kUnavailable, "charon does not know the command"};
  if (kind != kCommandResponse) return Malformed("is no answer");
  return Parser(message.substr(1)).Parse();
}

}  // namespace lethe::vici
