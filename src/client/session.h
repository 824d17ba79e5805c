// The client guest's state: its uplink, at most one connection, what passed on the cable. It does
// what a request asks and answers as docs/formats/client-channel.md says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "client/plan.h"
#include "client/request.h"
#include "client/said.h"
#include "client/watch.h"
#include "json/json.h"

namespace lethe::client {

class Session {
 public:
  // One line, without its end; the answer has none either.
  std::string Answer(std::string_view line);

 private:
  using Reply = Result<json::Object>;
  Result<Reply, Refused> Do(const Request& request);

  Reply Do(const UplinkRequest& request);
  Reply Do(const ConnectRequest& request);
  Reply Do(const DisconnectRequest& request);
  Reply Do(const StatusRequest& request);
  Reply Do(const ResolveRequest& request);
  Reply Do(const PingRequest& request);
  Reply Do(const FetchRequest& request);
  Reply Do(const CapturesRequest& request);

  // Null where the request is possible now.
  const char* WhyNotNow(const Request& request) const;

  Reply Connect();
  Result<Outcome> Start();
  Result<Outcome> StartWireGuard();
  Result<Outcome> StartIke();
  // Waits until the client's words decide, or the client ends.
  Outcome AwaitWords(std::chrono::steady_clock::time_point deadline);
  std::string Log() const;
  void Stop();
  Result<std::vector<std::string>> InnerAddresses() const;

  struct Connection {
    ConnectRequest request;
    Plan plan;
    std::optional<ChildProcess> daemon, second_daemon;
    std::string said;  // by programs that have ended
    Outcome outcome = Outcome::kConnecting;
  };

  std::optional<UplinkRequest> uplink_;
  std::optional<Connection> connection_;
  std::string last_log_;  // of the connection before
  std::unique_ptr<Watch> watch_;
};

}  // namespace lethe::client
