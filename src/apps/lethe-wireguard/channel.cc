#include "apps/lethe-wireguard/channel.h"

#include <sys/stat.h>

#include <cstring>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/packet.h"
#include "json/json.h"

namespace lethe::wireguard {
namespace {

constexpr size_t kMaxRequest = 4096;

Result<PeerAction> ParseRequest(std::string_view bytes) {
  const auto value = LETHE_TRY(json::Parse(bytes, {kMaxRequest, 2, 4}));
  const json::Object* object = value.AsObject();
  const json::Value* action = value.Find("action");
  if (object != nullptr && object->size() == 1 && action != nullptr) {
    if (*action == json::Value("add")) return PeerAction::kAdd;
    if (*action == json::Value("remove")) return PeerAction::kRemove;
    if (*action == json::Value("replace-all")) return PeerAction::kReplaceAll;
  }
  return Error{ErrorCode::kMalformed, "a request is not one of add, remove, replace-all"};
}

// From its beginning, wherever the descriptor stands. A pipe could keep this program waiting.
Result<std::string> ReadPeerFile(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return IoError("looking at", "the file of peers");
  if (!S_ISREG(info.st_mode)) return Error{ErrorCode::kMalformed, "the file of peers is no file"};
  if (static_cast<uint64_t>(info.st_size) > kMaxPeerFileBytes) {
    return Error{ErrorCode::kMalformed,
                 "the file of peers has more than " + std::to_string(kMaxPeerFileBytes) + " bytes"};
  }
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got =
        ::pread(fd, text.data() + have, text.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return IoError("reading", "the file of peers");
    if (got == 0) break;  // it became shorter
    have += static_cast<size_t>(got);
  }
  text.resize(have);
  return text;
}

Result<size_t> Handle(const Packet& packet, PeerStore& store) {
  const PeerAction action = LETHE_TRY(ParseRequest(packet.bytes));
  if (!packet.descriptor)
    return Error{ErrorCode::kMalformed, "a request comes without the file of peers"};
  std::string text = LETHE_TRY(ReadPeerFile(packet.descriptor.get()));
  auto size = store.Change(action, text);
  Forget(text);
  return size;
}

std::string AnswerOf(const Result<size_t>& result) {
  if (result) return json::Write(json::Object{{"ok", true}, {"peers", *result}});
  return json::Write(json::Object{{"error", json::Object{{"code", ToString(result.error().code)},
                                                         {"message", result.error().message}}}});
}

}  // namespace

Result<Channels> TakeChannels() {
  Channels out;
  out.notify = LETHE_TRY(TakeDescriptor("LETHE_NOTIFY_FD"));
  out.counter = LETHE_TRY(TakeDescriptor("LETHE_COUNTER_FD"));
  out.peers = LETHE_TRY(TakeDescriptor("LETHE_PEERS_FD"));
  return out;
}

Status AnswerOne(int peers, PeerStore& store) {
  auto packet = ReceivePacket(peers, kMaxRequest);
  if (packet && !packet->has_value()) return {};
  if (packet && (*packet)->bytes.empty() && !(*packet)->descriptor)
    return Error{ErrorCode::kUnavailable, "the manager is gone"};
  if (!packet && packet.error().code == ErrorCode::kUnavailable) return packet.error();
  const Result<size_t> result = packet ? Handle(**packet, store) : Result<size_t>(packet.error());
  return SendPacket(peers, AnswerOf(result));
}

}  // namespace lethe::wireguard
