#include "wireguard/device_message.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "wireguard/netlink_message.h"

namespace lethe::wireguard {
namespace {

constexpr size_t kBatchBytes = 60 << 10;  // of a message; attributes end at 64 KiB
constexpr size_t kAllowedPerPiece = 512;  // of a peer, in one message
constexpr size_t kPeerBytes = 160;        // at most, without its addresses
constexpr size_t kAllowedBytes = 48;      // at most, each
constexpr uint8_t kGenericVersion = 1;

std::string_view View(const Key& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

Result<Key> DecodeKey(std::string_view bytes) { return ReadStruct<Key>(bytes); }

template <typename T>
Result<T> DecodeNumber(std::string_view bytes) {
  return ReadStruct<T>(bytes);
}

MessageWriter Begin(const Target& target, uint8_t command, uint16_t flags) {
  MessageWriter out(target.family, static_cast<uint16_t>(NLM_F_REQUEST | flags));
  out.Struct(genlmsghdr{command, kGenericVersion, 0});
  out.Number<uint32_t>(WGDEVICE_A_IFINDEX, target.index);
  return out;
}

// One message that grows.
class Batch {
 public:
  Batch(const Target& target, const std::function<Status(std::string&)>& send)
      : target_(target), send_(send), writer_(Start(false)) {}

  void Flush() { writer_ = Start(true); }

  // So that what is added up to `bytes` lies in one message.
  Status Reserve(size_t bytes) {
    if (writer_.size() + bytes <= kBatchBytes) return {};
    return Send();
  }

  void Remove(const Key& key) {
    const size_t peer = writer_.Begin(0);
    writer_.Attribute(WGPEER_A_PUBLIC_KEY, View(key));
    writer_.Number<uint32_t>(WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
    writer_.End(peer);
    empty_ = false;
  }

  Status Set(const Peer& peer, std::span<const Prefix> allowed) {
    const auto first = allowed.first(std::min(allowed.size(), kAllowedPerPiece));
    Piece(peer, first, true);
    for (size_t at = first.size(); at < allowed.size(); at += kAllowedPerPiece) {
      const auto piece = allowed.subspan(at, std::min(allowed.size() - at, kAllowedPerPiece));
      LETHE_TRY(Reserve(kPeerBytes + piece.size() * kAllowedBytes));
      Piece(peer, piece, false);
    }
    return {};
  }

  Status Send() {
    if (empty_) return {};
    writer_.End(peers_);
    std::string bytes = writer_.Take();
    const Status sent = send_(bytes);
    Forget(bytes);
    LETHE_TRY(sent);
    writer_ = Start(false);
    return {};
  }

 private:
  MessageWriter Start(bool flush) {
    MessageWriter out = Begin(target_, WG_CMD_SET_DEVICE, NLM_F_ACK);
    if (flush) out.Number<uint32_t>(WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    peers_ = out.Begin(WGDEVICE_A_PEERS);
    empty_ = !flush;
    return out;
  }

  void Piece(const Peer& peer, std::span<const Prefix> allowed, bool first) {
    empty_ = false;
    const size_t begin = writer_.Begin(0);
    writer_.Attribute(WGPEER_A_PUBLIC_KEY, View(peer.public_key));
    if (first) {
      writer_.Number<uint32_t>(WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
      writer_.Attribute(WGPEER_A_PRESHARED_KEY, View(peer.preshared_key));
    }
    const size_t list = writer_.Begin(WGPEER_A_ALLOWEDIPS);
    for (const Prefix& prefix : allowed) {
      const size_t one = writer_.Begin(0);
      writer_.Number<uint16_t>(WGALLOWEDIP_A_FAMILY, prefix.v6 ? AF_INET6 : AF_INET);
      writer_.Attribute(WGALLOWEDIP_A_IPADDR,
                        {reinterpret_cast<const char*>(prefix.address.data()), prefix.bits() / 8});
      writer_.Number<uint8_t>(WGALLOWEDIP_A_CIDR_MASK, prefix.length);
      writer_.End(one);
    }
    writer_.End(list);
    writer_.End(begin);
  }

  Target target_;
  const std::function<Status(std::string&)>& send_;
  size_t peers_ = 0;
  bool empty_ = true;
  MessageWriter writer_;
};

size_t BytesOf(const Peer& peer) {
  return kPeerBytes + std::min<size_t>(peer.count, kAllowedPerPiece) * kAllowedBytes;
}

}  // namespace

std::string EncodeFamilyQuestion() {
  MessageWriter out(GENL_ID_CTRL, NLM_F_REQUEST);
  out.Struct(genlmsghdr{CTRL_CMD_GETFAMILY, kGenericVersion, 0});
  out.Attribute(CTRL_ATTR_FAMILY_NAME, {WG_GENL_NAME, sizeof WG_GENL_NAME});
  return out.Take();
}

Result<uint16_t> DecodeFamily(std::string_view payload) {
  (void)LETHE_TRY(ReadStruct<genlmsghdr>(payload));
  payload.remove_prefix(GENL_HDRLEN);
  while (!payload.empty()) {
    const auto attribute = LETHE_TRY(TakeAttribute(payload));
    if (attribute.type == CTRL_ATTR_FAMILY_ID) return DecodeNumber<uint16_t>(attribute.payload);
  }
  return Error{ErrorCode::kMalformed, "an answer about a netlink family has no number"};
}

std::string EncodeIdentity(const Target& target, const Identity& identity) {
  MessageWriter out = Begin(target, WG_CMD_SET_DEVICE, NLM_F_ACK);
  out.Attribute(WGDEVICE_A_PRIVATE_KEY, View(identity.private_key));
  out.Number<uint16_t>(WGDEVICE_A_LISTEN_PORT, identity.listen_port);
  return out.Take();
}

std::string EncodeDump(const Target& target) {
  return Begin(target, WG_CMD_GET_DEVICE, NLM_F_DUMP).Take();
}

Status EncodeChange(const Target& target, const Change& change, const PeerList& list,
                    const std::function<Status(std::string&)>& send) {
  Batch batch(target, send);
  if (change.flush) batch.Flush();
  for (const Key& key : change.remove) {
    LETHE_TRY(batch.Reserve(kPeerBytes));
    batch.Remove(key);
  }
  for (const Key& key : change.set) {
    const Peer* peer = list.Find(key);
    if (peer == nullptr) continue;
    LETHE_TRY(batch.Reserve(BytesOf(*peer)));
    LETHE_TRY(batch.Set(*peer, list.AllowedOf(*peer)));
  }
  for (const Key& key : change.forget) {
    const Peer* peer = list.Find(key);
    LETHE_TRY(batch.Reserve(kPeerBytes + (peer == nullptr ? 0 : BytesOf(*peer))));
    batch.Remove(key);
    if (peer != nullptr) LETHE_TRY(batch.Set(*peer, list.AllowedOf(*peer)));
  }
  return batch.Send();
}

namespace {

Result<Milliseconds> DecodeTime(std::string_view bytes) {
  struct KernelTime {
    int64_t seconds;
    int64_t nanoseconds;
  };
  const auto time = LETHE_TRY(ReadStruct<KernelTime>(bytes));
  constexpr int64_t kYear9999 = 253'402'300'799;
  if (time.seconds < 0 || time.seconds > kYear9999)
    return Error{ErrorCode::kMalformed, "a time of the kernel is none"};
  return Milliseconds(time.seconds * 1000 + time.nanoseconds / 1'000'000);
}

Result<PeerReport> DecodePeer(std::string_view bytes) {
  PeerReport out;
  bool has_key = false;
  while (!bytes.empty()) {
    const auto [type, payload] = LETHE_TRY(TakeAttribute(bytes));
    if (type == WGPEER_A_PUBLIC_KEY) {
      out.public_key = LETHE_TRY(DecodeKey(payload));
      has_key = true;
    } else if (type == WGPEER_A_PRESHARED_KEY) {
      out.preshared_key = LETHE_TRY(DecodeKey(payload));
    } else if (type == WGPEER_A_LAST_HANDSHAKE_TIME) {
      out.last_handshake = LETHE_TRY(DecodeTime(payload));
    } else if (type == WGPEER_A_ENDPOINT) {
      out.observed = true;
    } else if (type == WGPEER_A_RX_BYTES || type == WGPEER_A_TX_BYTES) {
      if (LETHE_TRY(DecodeNumber<uint64_t>(payload)) != 0) out.observed = true;
    } else if (type == WGPEER_A_ALLOWEDIPS) {
      out.allowed = payload;
    }
  }
  if (!has_key) return Error{ErrorCode::kMalformed, "a peer of the kernel has no key"};
  if (out.last_handshake.count() != 0) out.observed = true;
  return out;
}

}  // namespace

Status DecodePeers(std::string_view payload, const std::function<Status(const PeerReport&)>& each) {
  (void)LETHE_TRY(ReadStruct<genlmsghdr>(payload));
  payload.remove_prefix(GENL_HDRLEN);
  while (!payload.empty()) {
    auto attribute = LETHE_TRY(TakeAttribute(payload));
    if (attribute.type != WGDEVICE_A_PEERS) continue;
    while (!attribute.payload.empty()) {
      const auto peer = LETHE_TRY(TakeAttribute(attribute.payload));
      LETHE_TRY(each(LETHE_TRY(DecodePeer(peer.payload))));
    }
  }
  return {};
}

Status DecodeAllowed(std::string_view bytes, std::vector<Prefix>& to) {
  while (!bytes.empty()) {
    auto one = LETHE_TRY(TakeAttribute(bytes)).payload;
    Prefix prefix;
    size_t address_bytes = 0;
    while (!one.empty()) {
      const auto [type, payload] = LETHE_TRY(TakeAttribute(one));
      if (type == WGALLOWEDIP_A_FAMILY) {
        prefix.v6 = LETHE_TRY(DecodeNumber<uint16_t>(payload)) == AF_INET6;
      } else if (type == WGALLOWEDIP_A_IPADDR) {
        address_bytes = std::min(payload.size(), prefix.address.size());
        std::memcpy(prefix.address.data(), payload.data(), address_bytes);
      } else if (type == WGALLOWEDIP_A_CIDR_MASK) {
        prefix.length = LETHE_TRY(DecodeNumber<uint8_t>(payload));
      }
    }
    if (address_bytes != prefix.bits() / 8 || prefix.length > prefix.bits())
      return Error{ErrorCode::kMalformed, "an allowed address of the kernel is none"};
    to.push_back(prefix);
  }
  return {};
}

}  // namespace lethe::wireguard
