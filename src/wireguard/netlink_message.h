// Netlink messages as bytes (netlink(7), linux/netlink.h): a writer, and readers that trust no
// length.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace lethe::wireguard {

class MessageWriter {
 public:
  MessageWriter(uint16_t type, uint16_t flags);

  // A fixed header of the family.
  template <typename T>
  void Struct(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Raw({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void Attribute(uint16_t type, std::string_view bytes);
  template <typename T>
  void Number(uint16_t type, T value) {
    static_assert(std::is_integral_v<T>);
    Attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
  }
  // Attributes up to End(what Begin returned) lie in it. Precondition of End: what lies in it has
  // fewer than 64 KiB.
  size_t Begin(uint16_t type);
  void End(size_t begin);

  size_t size() const { return bytes_.size(); }
  // The message, complete but for its sequence number. The writer is empty then.
  std::string Take();

 private:
  void Raw(std::string_view bytes);
  std::string bytes_;
};

template <typename T>
Result<T> ReadStruct(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T))
    return Error{ErrorCode::kMalformed, "a netlink message is too short"};
  T out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

// One piece and what follows it. kMalformed: a length that does not fit.
struct MessageView {
  nlmsghdr header{};
  std::string_view payload;
};
Result<MessageView> TakeMessage(std::string_view& bytes);

struct AttributeView {
  uint16_t type = 0;  // without the flags for nesting and byte order
  std::string_view payload;
};
Result<AttributeView> TakeAttribute(std::string_view& bytes);

}  // namespace lethe::wireguard
