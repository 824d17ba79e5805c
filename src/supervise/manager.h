// The VPN process manager: starts services in their order, keeps them up, answers on the control
// socket, and ends with all of them. It says nothing itself but counts and reasons to who asks.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "supervise/control_server.h"
#include "supervise/runner.h"
#include "supervise/service_set.h"

namespace lethe::supervise {

struct ManagerOptions {
  std::filesystem::path services;  // folder of service files
  std::filesystem::path socket = kDefaultSocket;
  bool discard_meter = false;
  // Called once, when every service has settled: it is ready, done, or has failed.
  std::function<void()> on_settled;
};

class Manager {
 public:
  // Reads the services, makes their control groups, listens. Nothing is started yet. Every error of
  // a service file is kMalformed with its place.
  static Result<std::unique_ptr<Manager>> Create(ManagerOptions options);
  ~Manager();

  // Returns when SIGTERM or SIGINT came and every service is stopped.
  Status Run();

 private:
  struct Asker;
  explicit Manager(ManagerOptions options, EventLoop loop);

  Status WatchSignals();
  void OnSignal();
  void ReapChildren();
  void Shutdown();
  void StopNext();
  void Settle();
  bool StartWaiting();
  void TellWatchers();
  std::optional<Time> Next() const;

  Runner* Find(std::string_view name);
  bool IsNeeded(const Runner& runner) const;
  void OnRequest(ControlServer::ConnectionId id, Packet packet);
  Status Handle(ControlServer::ConnectionId id, const Request& request, Fd descriptor);
  Status HandleService(ControlServer::ConnectionId id, const Request& request);
  Status Reload(ControlServer::ConnectionId id, const Request& request);
  Status Swap(std::vector<Service> services, std::vector<std::string>& changed);
  void Watch(ControlServer::ConnectionId id);
  std::optional<std::string> Outcome(Verb verb, const std::string& name);
  void AnswerSettled();

  ManagerOptions options_;
  EventLoop loop_;
  Surroundings surroundings_;
  std::vector<std::unique_ptr<Runner>> runners_;  // each after those it starts after
  std::vector<std::unique_ptr<Runner>> leaving_;  // no file any more; go when they are stopped
  std::unique_ptr<ControlServer> server_;
  std::vector<Asker> askers_;
  std::vector<ControlServer::ConnectionId> watchers_;
  std::map<std::string, std::pair<State, Reason>> told_;  // to watchers
  Fd signals_;
  bool settled_ = false;
  std::optional<Time> ending_;  // when what still runs is killed
};

}  // namespace lethe::supervise
