// One attempt at one server: a state machine that takes bytes and the time, and gives bytes. Pure:
// sockets, clocks and random numbers are its caller's. What comes in is a stranger's until a key
// says otherwise: it is bounded, judged and, where it is nothing, dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lethe::prober {

using Time = std::chrono::microseconds;  // monotonic, from any point on

// What an attempt gets from outside.
struct World {
  std::function<std::string(size_t bytes)> random;
  std::chrono::nanoseconds wall_ahead{0};  // the wall clock (Unix) less the monotonic one
};

// Why a server is not ready: one of these, always.
enum class Reason {
  kReady,
  kNoAnswer,              // nothing came back at all
  kRefused,               // the port is closed
  kUnreachable,           // no way to the address
  kHandshakeFailed,       // it answered, and did not agree
  kCertificateUntrusted,  // the server's certificate or its signature does not hold
  kAuthFailed,            // it does not take our credentials
  kNoAddress,             // it gave no inner address that we can use
  kNoRoundTrip,           // the tunnel stood, and nothing came back through it
  kMalformedAnswer,       // what came back is not the protocol
  kTimeout,               // it answered, and did not finish in time
};
inline constexpr Reason kReasons[] = {
    Reason::kReady,           Reason::kNoAnswer,        Reason::kRefused,
    Reason::kUnreachable,     Reason::kHandshakeFailed, Reason::kCertificateUntrusted,
    Reason::kAuthFailed,      Reason::kNoAddress,       Reason::kNoRoundTrip,
    Reason::kMalformedAnswer, Reason::kTimeout};

std::string_view ToString(Reason reason);

// One socket to the server's address.
struct Channel {
  bool stream = false;  // TCP; else UDP
  uint16_t port = 0;
};

struct Output {
  size_t channel = 0;
  std::string bytes;
};

struct Verdict {
  Reason reason = Reason::kReady;
  std::string detail;  // in our words: nothing of the credentials, nothing that the server wrote
  std::optional<Time> handshake;   // until the tunnel stood
  std::optional<Time> round_trip;  // of the request that was answered
};

// What all protocols keep: what is to be sent, and sent again, and how it went.
class Progress {
 public:
  using Make = std::function<std::vector<Output>(Time now)>;

  void Begin(Time now) { begun_ = now; }
  void Send(size_t channel, std::string bytes) { output_.push_back({channel, std::move(bytes)}); }
  // Sends what `make` gives now, and again after 0.5, 1, 2, 4… s, until Arrived.
  void Repeat(Time now, Make make);
  // The same without the first: what is sent now was sent.
  void RepeatLater(Time now, Make make);
  void Arrived() { make_ = nullptr; }
  // The next time at which Wake does something.
  std::optional<Time> wake_at() const;
  void Wake(Time now);

  // A packet came that is one of the protocol, or is none.
  void Heard() { heard_ = true; }
  void Malformed() { malformed_ = true; }

  // What it means where, from here on, nothing comes any more.
  void SilenceMeans(Reason reason, std::string detail) {
    silence_ = Verdict{.reason = reason, .detail = std::move(detail)};
  }
  void Established(Time now);
  void RequestSent(Time now) { request_sent_ = now; }
  void Answered(Time now);
  // The first verdict stays.
  void Fail(Reason reason, std::string detail);
  // The time is over, or a stream was closed: which reason that is depends on how far it came.
  void Expire();
  void Closed();
  const std::optional<Verdict>& verdict() const { return verdict_; }
  bool established() const { return handshake_.has_value(); }

  std::vector<Output> TakeOutput() { return std::exchange(output_, {}); }

 private:
  std::vector<Output> output_;
  Make make_;
  Time interval_{0}, due_{0};
  Time begun_{0}, request_sent_{0};
  std::optional<Time> handshake_;
  bool heard_ = false, malformed_ = false;
  std::optional<Verdict> silence_;
  std::optional<Verdict> verdict_;
};

// Begin once; then Take and Wake until progress() has a verdict; then Leave once, whatever the
// verdict, and again Take and Wake until left().
class Attempt {
 public:
  virtual ~Attempt() = default;
  virtual std::vector<Channel> channels() const = 0;
  virtual void Begin(Time now) = 0;
  // A datagram, or the next piece of a stream.
  virtual void Take(size_t channel, std::string_view bytes, Time now) = 0;
  virtual void Wake(Time now) { progress_.Wake(now); }
  // Tells the server that we go, as far as we came.
  virtual void Leave(Time now) = 0;
  // Whether nothing of us is left there, as far as one can know.
  virtual bool left() const = 0;

  Progress& progress() { return progress_; }

 protected:
  Progress progress_;
};

}  // namespace lethe::prober
