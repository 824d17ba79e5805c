#include "wireguard/netlink_message.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace lethe::wireguard {
namespace {

size_t Aligned(size_t size) { return (size + NLA_ALIGNTO - 1) & ~size_t{NLA_ALIGNTO - 1}; }

void DropAligned(std::string_view& bytes, size_t size) {
  bytes.remove_prefix(std::min(bytes.size(), Aligned(size)));
}

}  // namespace

MessageWriter::MessageWriter(uint16_t type, uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  Struct(header);
}

void MessageWriter::Raw(std::string_view bytes) {
  bytes_.append(bytes);
  bytes_.resize(Aligned(bytes_.size()));
}

void MessageWriter::Attribute(uint16_t type, std::string_view bytes) {
  LETHE_ASSERT(bytes.size() + NLA_HDRLEN <= std::numeric_limits<uint16_t>::max());
  Struct(nlattr{static_cast<uint16_t>(bytes.size() + NLA_HDRLEN), type});
  Raw(bytes);
}

size_t MessageWriter::Begin(uint16_t type) {
  const size_t begin = bytes_.size();
  Attribute(static_cast<uint16_t>(type | NLA_F_NESTED), {});
  return begin;
}

void MessageWriter::End(size_t begin) {
  const size_t size = bytes_.size() - begin;
  LETHE_ASSERT(size <= std::numeric_limits<uint16_t>::max());
  const auto length = static_cast<uint16_t>(size);
  std::memcpy(bytes_.data() + begin, &length, sizeof length);
}

std::string MessageWriter::Take() {
  const auto length = static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &length, sizeof length);
  return std::move(bytes_);
}

Result<MessageView> TakeMessage(std::string_view& bytes) {
  MessageView out;
  out.header = LETHE_TRY(ReadStruct<nlmsghdr>(bytes));
  if (out.header.nlmsg_len < sizeof(nlmsghdr) || out.header.nlmsg_len > bytes.size())
    return Error{ErrorCode::kMalformed, "a netlink message has a wrong length"};
  out.payload = bytes.substr(sizeof(nlmsghdr), out.header.nlmsg_len - sizeof(nlmsghdr));
  DropAligned(bytes, out.header.nlmsg_len);
  return out;
}

Result<AttributeView> TakeAttribute(std::string_view& bytes) {
  const auto header = LETHE_TRY(ReadStruct<nlattr>(bytes));
  if (header.nla_len < sizeof(nlattr) || header.nla_len > bytes.size())
    return Error{ErrorCode::kMalformed, "a netlink attribute has a wrong length"};
  AttributeView out{static_cast<uint16_t>(header.nla_type & NLA_TYPE_MASK),
                    bytes.substr(sizeof(nlattr), header.nla_len - sizeof(nlattr))};
  DropAligned(bytes, header.nla_len);
  return out;
}

}  // namespace lethe::wireguard
