#include "http/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <set>
#include <utility>

#include "http/session.h"

namespace lethe::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorValue = boost::system::error_code;

constexpr auto kRetryAccept = std::chrono::milliseconds(100);

class Server::Impl {
 public:
  Impl(const ServerOptions& options, std::vector<Route> routes)
      : options_(options), routes_(std::move(routes)) {}

  Status Listen() {
    ErrorValue error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) {
      return Error{ErrorCode::kUsage, "'" + options_.address + "' is no numeric address"};
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (!error) return {};
    return Error{ErrorCode::kUnavailable, "listening at " + options_.address + " port " +
                                              std::to_string(options_.port) + ": " +
                                              error.message()};
  }

  uint16_t port() const { return port_; }

  Status Run() {
    ErrorValue error;
    signals_.add(SIGINT, error);
    if (!error) signals_.add(SIGTERM, error);
    if (error) return Error{ErrorCode::kIo, "waiting for signals: " + error.message()};
    signals_.async_wait([this](ErrorValue stopped, int) {
      if (!stopped) BeginStop();
    });
    Accept();
    io_.run();
    return {};
  }

  void Stop() {
    asio::post(io_, [this] { BeginStop(); });
  }

 private:
  void Accept() {
    if (stopping_ || accepting_ || sessions_.size() >= options_.max_connections) return;
    accepting_ = true;
    acceptor_.async_accept([this](ErrorValue error, tcp::socket socket) {
      accepting_ = false;
      if (stopping_) return;
      if (error) return RetryAccept();
      auto session = std::make_shared<Session>(std::move(socket), options_, routes_,
                                               [this](Session* ended) { OnEnded(ended); });
      sessions_.insert(session.get());
      session->ReadRequest();
      Accept();
    });
  }

  // Out of descriptors, most likely: some may be free soon.
  void RetryAccept() {
    timer_.expires_after(kRetryAccept);
    timer_.async_wait([this](ErrorValue error) {
      if (!error) Accept();
    });
  }

  void OnEnded(Session* session) {
    if (ended_) return;
    sessions_.erase(session);
    if (stopping_ && sessions_.empty()) timer_.cancel();
    Accept();
  }

  void BeginStop() {
    if (std::exchange(stopping_, true)) return;
    ErrorValue ignored;
    acceptor_.close(ignored);
    signals_.cancel(ignored);
    timer_.cancel();
    const std::set<Session*> open = sessions_;  // Finish may end one
    for (Session* session : open) session->Finish();
    if (sessions_.empty()) return;
    timer_.expires_after(options_.grace);
    timer_.async_wait([this](ErrorValue error) {
      if (!error) io_.stop();
    });
  }

  struct EndMark {  // what still waits in `io_` is dropped after this
    bool& ended;
    ~EndMark() { ended = true; }
  };

  const ServerOptions options_;
  const std::vector<Route> routes_;
  std::set<Session*> sessions_;
  uint16_t port_ = 0;
  bool stopping_ = false;
  bool accepting_ = false;
  bool ended_ = false;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::signal_set signals_{io_};
  asio::steady_timer timer_{io_};
  EndMark end_mark_{ended_};
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::Listen(const ServerOptions& options, std::vector<Route> routes) {
  auto impl = std::make_unique<Impl>(options, std::move(routes));
  LETHE_TRY(impl->Listen());
  return Server(std::move(impl));
}

uint16_t Server::port() const { return impl_->port(); }
Status Server::Run() { return impl_->Run(); }
void Server::Stop() { impl_->Stop(); }

}  // namespace lethe::http
