#include "hostile_l2tp.h"

#include <algorithm>
#include <random>

#include "apps/lethe-prober/run.h"
#include "frames.h"
#include "probe/bytes.h"
#include "prober/target.h"

namespace lethe::lab {
namespace {

constexpr prober::Time kPatience = std::chrono::seconds(5);  // a tunnel that is confused stays so

// RFC 2661 3.1: what a receiver looks at first, of control messages and of data.
constexpr size_t kControlHead = 12, kDataHead = 6, kLengthAt = 2, kNumberAt = 8,
                 kTypeAt = 18;  // behind the head of the first attribute

bool IsControl(std::string_view message) {
  return (static_cast<unsigned char>(message[0]) & 0x80) != 0;
}

std::string Number(uint64_t value) {
  std::string out;
  probe::AppendBigEndian(out, value, 2);
  return out;
}

// Half of them get past the head.
std::string MalformedMessage(std::string_view message, std::mt19937& generator) {
  const bool control = IsControl(message);
  const size_t head = control ? kControlHead : kDataHead;
  if (generator() % 2 == 0) return Malformed(std::string(message), generator);
  std::string out = std::string(message.substr(0, head)) +
                    Malformed(std::string(message.substr(head)), generator);
  if (control) out.replace(kLengthAt, 2, Number(out.size()));
  return out;
}

bool Is(std::string_view message, Message wanted) {
  return IsControl(message) && message.size() >= kTypeAt + 2 &&
         probe::BigEndian(message, kTypeAt, 2) == static_cast<uint16_t>(wanted);
}

Result<Nonsense> Run(const std::string& text, Nonsense& out, const prober::Tamper& tamper) {
  const auto target = LETHE_TRY(prober::ParseTarget("hostile", text, "hostile.toml"));
  std::vector<prober::Job> jobs;
  jobs.push_back(
      {prober::L2tpAttempt(std::get<prober::L2tpCredentials>(target.credentials), target.address,
                           target.port, target.round_trip, prober::TheWorld(), tamper),
       target.address, kPatience});
  out.outcome = prober::RunAll(std::move(jobs)).at(0).reason;
  return out;
}

}  // namespace

Result<Nonsense> TalkNonsense(const std::string& target, size_t first, size_t of_each,
                              uint32_t seed) {
  Nonsense out;
  std::mt19937 generator(seed);
  return Run(target, out, [&](std::string_view message) {
    std::vector<std::string> sent;
    if (out.messages++ >= first) {
      for (size_t i = 0; i < of_each; ++i) sent.push_back(MalformedMessage(message, generator));
    }
    out.malformed += sent.size();
    sent.emplace_back(message);
    return sent;
  });
}

Result<Nonsense> TalkOutOfTurn(const std::string& target, Message after,
                               const std::vector<Message>& messages, bool mandatory) {
  Nonsense out;
  const bool ahead = after == Message::kSccrq;
  return Run(target, out, [&](std::string_view message) {
    ++out.messages;
    std::vector<std::string> sent = {std::string(message)};
    if (!Is(message, after)) return sent;
    uint64_t number = probe::BigEndian(message, kNumberAt, 2);
    for (const Message other : messages) {
      std::string& said = sent.emplace_back(message);
      said.replace(kTypeAt, 2, Number(static_cast<uint16_t>(other)));
      if (!ahead) said.replace(kNumberAt, 2, Number(++number));
      if (!mandatory) said[kControlHead] = static_cast<char>(said[kControlHead] & 0x7f);
    }
    out.malformed += messages.size();
    if (ahead) std::rotate(sent.begin(), sent.begin() + 1, sent.end());
    return sent;
  });
}

}  // namespace lethe::lab
