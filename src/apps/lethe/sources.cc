#include "apps/lethe/sources.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "fetch/fetch.h"

namespace lethe::cli {
namespace {

// A peer is near, and others hold the same: it is not waited for.
constexpr fetch::Limits kPeerLimits{.connect_timeout = std::chrono::seconds(3),
                                    .stall_timeout = std::chrono::seconds(5)};

// How often a source may fail before it is not asked again. A peer that does not answer is as good
// as none; a mirror that does not answer may be the only one that has a file.
struct Patience {
  int faults;
  bool silence_counts;
  fetch::Limits limits;
};
constexpr Patience kForPeers{1, false, kPeerLimits};
constexpr Patience kForMirrors{3, true, {}};

// What the sources did so far, told by their addresses.
class Record {
 public:
  explicit Record(std::function<void(const std::string&)> warn) : warn_(std::move(warn)) {}

  // The last fault of a source that is not to be asked any more.
  std::optional<Error> GivenUp(const std::string& base, int faults) {
    const std::lock_guard lock(mutex_);
    const auto it = faults_.find(base);
    if (it == faults_.end() || it->second.count < faults) return {};
    return it->second.last;
  }
  void Fault(const std::string& base, int faults, const Error& error) {
    const std::lock_guard lock(mutex_);
    const auto [it, added] = faults_.try_emplace(base, Faults{0, error});
    Faults& so_far = it->second;
    // Of several threads' faults the worst stays.
    if (so_far.last.code != ErrorCode::kUntrusted) so_far.last = error;
    ++so_far.count;
    if (so_far.count > faults || !warn_) return;
    warn_(error.message + (so_far.count == faults ? "; not asked again" : ""));
  }

 private:
  struct Faults {
    int count;
    Error last;
  };
  std::mutex mutex_;
  std::map<std::string, Faults> faults_;
  std::function<void(const std::string&)> warn_;
};

// The worst answer so far: a lie counts more than silence, silence more than "not found".
class Worst {
 public:
  void Add(Error error) {
    if (!error_ || Rank(error.code) > Rank(error_->code)) error_ = std::move(error);
  }
  Error Take(const std::string& path) {
    if (error_) return std::move(*error_);
    return Error{ErrorCode::kNotFound, "no source for " + path};
  }

 private:
  static int Rank(ErrorCode code) {
    if (code == ErrorCode::kNotFound) return 0;
    return code == ErrorCode::kUntrusted ? 2 : 1;
  }
  std::optional<Error> error_;
};

}  // namespace

CLI::Option* AddPeerOption(CLI::App& app, std::vector<std::string>& peers) {
  return app.add_option("--peer", peers,
                        "address of a colleague's 'lethe store serve', asked before the mirrors");
}

Result<std::vector<std::string>> PeersFrom(const std::vector<std::string>& arguments) {
  std::vector<std::string> peers = arguments;
  for (std::string& peer : peers) {
    if (!peer.starts_with("http://") && !peer.starts_with("https://")) {
      return Error{ErrorCode::kUsage, "peer '" + peer + "': allowed: http, https"};
    }
    while (peer.ends_with('/')) peer.pop_back();
  }
  return peers;
}

image::PackageFetcher MakeFetcher(Sources sources, std::function<void(const std::string&)> warn) {
  auto record = std::make_shared<Record>(std::move(warn));
  return [sources = std::move(sources), record](const recipe::LockedFile& package,
                                                const std::filesystem::path& to) -> Status {
    Worst worst;
    const fetch::Expected expected{package.size, package.sha256};
    // Nothing where the next source has to be asked.
    const auto ask = [&](const std::string& base, const std::string& path,
                         const Patience& patience) -> std::optional<Status> {
      auto fault = record->GivenUp(base, patience.faults);
      if (!fault) {
        Status status = fetch::Download(base + path, to, expected, patience.limits);
        if (status || status.error().code == ErrorCode::kIo) return status;
        fault = std::move(status).error();
        if (fault->code != ErrorCode::kNotFound) record->Fault(base, patience.faults, *fault);
      }
      if (patience.silence_counts || fault->code != ErrorCode::kUnavailable)
        worst.Add(std::move(*fault));
      return {};
    };
    const std::string hex = package.sha256.Hex();
    for (const std::string& peer : sources.peers) {
      const std::string path = "/objects/" + hex.substr(0, 2) + "/" + hex;
      if (auto status = ask(peer, path, kForPeers)) return *status;
    }
    for (const std::string& mirror : sources.mirrors.Of(package.archive)) {
      if (auto status = ask(mirror, "/" + package.path, kForMirrors)) return *status;
    }
    return worst.Take(package.path);
  };
}

}  // namespace lethe::cli
