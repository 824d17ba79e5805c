// lethe store serve: offers the store's objects to colleagues, read-only, over plain HTTP. Whoever
// fetches one holds it against the digest of a lock: nothing here has to be trusted.
// Exit codes: 0 stopped by SIGINT or SIGTERM, 1 failure, 2 usage, 5 the address cannot be used.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>

#include "apps/lethe/command.h"
#include "apps/lethe/store_arguments.h"
#include "base/file.h"
#include "base/strings.h"
#include "http/server.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string store;
  std::string listen = "127.0.0.1:8080";
  size_t connections = 64;
};

http::Response SendObject(const image::Store& store, const http::Parameters& parameters) {
  const auto digest = crypto::Sha256Digest::FromHex(parameters[1]);
  if (!digest || parameters[0] != parameters[1].substr(0, 2)) {
    return http::TextResponse(404, "not the SHA-256 of an object");
  }
  auto file = OpenFile(store.ObjectPath(*digest), O_RDONLY | O_NOFOLLOW);
  struct stat info {};
  if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return http::TextResponse(404, "this store does not have that object");
  }
  http::Response response;
  response.content_type = "application/octet-stream";
  response.etag = digest->Hex();
  response.file = std::move(*file);
  response.file_size = static_cast<uint64_t>(info.st_size);
  return response;
}

// Everything that this server answers.
std::vector<http::Route> RoutesOf(const image::Store& store) {
  return {
      // method, path, who may ask, answer: application/octet-stream
      {"GET", "/objects/{shard}/{sha256}", http::Access::kAnyone,
       [&store](const http::Parameters& p) { return SendObject(store, p); }},
  };
}

// "127.0.0.1:8080", "[::1]:0"
Result<http::ServerOptions> ParseListen(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : ParseUnsigned<uint16_t>(std::string_view(listen).substr(colon + 1));
  std::string host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    host.clear();
  }
  if (!port || host.empty()) {
    return Error{ErrorCode::kUsage,
                 "--listen '" + listen + "': allowed: 127.0.0.1:8080, [::1]:8080"};
  }
  http::ServerOptions options;
  options.address = host;
  options.port = *port;
  return options;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  auto server_options = LETHE_TRY(ParseListen(options.listen));
  server_options.max_connections = options.connections;
  const auto store = LETHE_TRY(OpenStore(options.store));
  auto server = LETHE_TRY(http::Server::Listen(server_options, RoutesOf(store)));
  const std::string url =
      fmt::format("http://{}:{}", BracketIpv6(server_options.address), server.port());
  if (global.json) {
    PrintJson(json::Object{{"url", url}, {"store", store.directory().string()}});
  } else {
    fmt::print("serving {} at {}\n", store.directory().string(), url);
  }
  std::fflush(stdout);
  LETHE_TRY(server.Run());
  return 0;
}

}  // namespace

Action DeclareStoreServe(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.footer(
      "A colleague builds with 'lethe image build --peer URL'. Stop with Ctrl-C: what is under way "
      "is\n"
      "finished first. With port 0 the system chooses; the address is printed.");
  app.add_option("--listen", options->listen, "numeric address and port")->capture_default_str();
  app.add_option("--connections", options->connections, "at the same time; more have to wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  AddStoreOption(app, options->store);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
