// Where packages come from when the store lacks them: peers (colleagues' stores, `lethe store
// serve`), then mirrors. Every file is held against the digest of the lock, whoever sends it.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

#include "debian/mirrors.h"
#include "image/store.h"

namespace lethe::cli {

struct Sources {
  std::vector<std::string> peers;  // in the order in which they are asked
  debian::Mirrors mirrors;
};

// Declares --peer, which may be given several times.
CLI::Option* AddPeerOption(CLI::App& app, std::vector<std::string>& peers);

// The addresses without a trailing '/'. kUsage for what is not http or https.
Result<std::vector<std::string>> PeersFrom(const std::vector<std::string>& arguments);

// Asks one source after the other. One that lies, or that does not answer, is named by `warn` and
// the next one is asked; a source that often does is not asked again. Where none is left:
// kUntrusted if one lied, else kUnavailable if one did not answer, else kNotFound. `warn` is called
// from any thread, but never at the same time.
image::PackageFetcher MakeFetcher(Sources sources, std::function<void(const std::string&)> warn);

}  // namespace lethe::cli
