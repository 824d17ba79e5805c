// One connection of a server. Private to this module: includes Boost.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "http/range.h"
#include "http/route.h"
#include "http/server.h"

namespace lethe::http {

// Lives as long as it waits for something. Everything runs on the server's one thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  Session(Socket socket, const ServerOptions& options, const std::vector<Route>& routes,
          std::function<void(Session*)> ended);
  ~Session();

  void ReadRequest();
  // Ends at once when no request is under way, else after its answer.
  void Finish();

 private:
  using Error = boost::beast::error_code;
  using EmptyBody = boost::beast::http::empty_body;

  void OnRequest(Error error);
  Response Answer(const boost::beast::http::request<EmptyBody>& request);
  void Send(const boost::beast::http::request<EmptyBody>& request, Response response);
  void SetRange(const boost::beast::http::request<EmptyBody>& request, uint64_t size);
  void SendHeader();
  void SendBody();
  void OnAnswered();
  void Close();

  boost::beast::tcp_stream stream_;
  const ServerOptions& options_;
  const std::vector<Route>& routes_;
  std::function<void(Session*)> ended_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<EmptyBody>> parser_;
  std::optional<boost::beast::http::response<EmptyBody>> header_;
  std::optional<boost::beast::http::response_serializer<EmptyBody>> serializer_;
  Response response_;
  std::string allowed_;  // methods, of a 405
  ByteRange left_;       // of the content, still to be sent
  std::vector<char> piece_;
  bool idle_ = true;   // no byte of a request has been answered
  bool last_ = false;  // the connection ends after this answer
};

}  // namespace lethe::http
