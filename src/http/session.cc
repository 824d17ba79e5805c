#include "http/session.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>

namespace lethe::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

constexpr uint32_t kMaxHeaderBytes = 8 << 10;
constexpr size_t kPieceBytes = 256 << 10;

Session::Session(Socket socket, const ServerOptions& options, const std::vector<Route>& routes,
                 std::function<void(Session*)> ended)
    : stream_(std::move(socket)),
      options_(options),
      routes_(routes),
      ended_(std::move(ended)),
      buffer_(kMaxHeaderBytes) {}

Session::~Session() { ended_(this); }

void Session::ReadRequest() {
  idle_ = true;
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(0);
  stream_.expires_after(options_.request_timeout);
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](Error error, size_t) { self->OnRequest(error); });
}

void Session::Finish() {
  last_ = true;
  if (idle_) Close();
}

void Session::OnRequest(Error error) {
  namespace http = beast::http;
  idle_ = false;
  if (!error && parser_->is_done()) {
    const auto& request = parser_->get();
    if (!request.keep_alive()) last_ = true;
    return Send(request, Answer(request));
  }
  last_ = true;
  if (!error || error == http::error::body_limit) {
    return Send({}, TextResponse(413, "a request has no body here"));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Send({}, TextResponse(431, "the request header is too large"));
  }
  // Only errors of the protocol are answered: the rest is a connection that ended, or took too
  // long.
  const Error protocol = http::make_error_code(http::error::bad_method);
  if (error.category() != protocol.category() || error == http::error::end_of_stream ||
      error == http::error::partial_message) {
    return Close();
  }
  Send({}, TextResponse(400, "not a request of HTTP/1.1"));
}

Response Session::Answer(const beast::http::request<EmptyBody>& request) {
  const std::string method(request.method_string());
  const std::string target(request.target());
  const MatchResult found = FindRoute(routes_, method, target);
  switch (found.match) {
    case Match::kNoPath:
      return TextResponse(404, "not found");
    case Match::kNoMethod: {
      Response refused = TextResponse(405, "allowed: " + found.allowed);
      allowed_ = found.allowed;
      return refused;
    }
    case Match::kFound:
      break;
  }
  switch (found.route->access) {
    case Access::kAnyone:
      break;
  }
  return found.route->handler(found.parameters);
}

void Session::SetRange(const beast::http::request<EmptyBody>& request, uint64_t size) {
  namespace http = beast::http;
  left_ = {0, size};
  if (response_.status != 200 || response_.etag.empty()) return;
  const std::string etag = '"' + response_.etag + '"';
  header_->set(http::field::etag, etag);
  header_->set(http::field::accept_ranges, "bytes");
  if (request[http::field::if_none_match] == etag) {
    header_->result(304);
    left_ = {};
    return;
  }
  const auto if_range = request.find(http::field::if_range);
  if (if_range != request.end() && if_range->value() != etag) return;
  const RangeResult range = ParseRange(request[http::field::range], size);
  if (range.answer == RangeAnswer::kWhole) return;
  const std::string total = "/" + std::to_string(size);
  left_ = range.part;
  if (range.answer == RangeAnswer::kUnsatisfiable) {
    header_->result(416);
    header_->set(http::field::content_range, "bytes *" + total);
    return;
  }
  header_->result(206);
  header_->set(http::field::content_range, "bytes " + std::to_string(left_.offset) + "-" +
                                               std::to_string(left_.offset + left_.size - 1) +
                                               total);
}

void Session::Send(const beast::http::request<EmptyBody>& request, Response response) {
  namespace http = beast::http;
  response_ = std::move(response);
  header_.emplace();
  header_->version(11);
  header_->result(response_.status);
  header_->set(http::field::content_type, response_.content_type);
  if (response_.status == 405) header_->set(http::field::allow, allowed_);
  SetRange(request, response_.file ? response_.file_size : response_.body.size());
  if (header_->result_int() != 304) header_->content_length(left_.size);
  header_->keep_alive(!last_);
  if (request.method() == http::verb::head) left_ = {};
  SendHeader();
}

void Session::SendHeader() {
  serializer_.emplace(*header_);
  stream_.expires_after(options_.write_timeout);
  beast::http::async_write_header(stream_, *serializer_,
                                  [self = shared_from_this()](Error error, size_t) {
                                    if (error) return self->Close();
                                    self->SendBody();
                                  });
}

void Session::SendBody() {
  if (left_.size == 0) return OnAnswered();
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(left_.size, kPieceBytes));
  piece_.resize(wanted);
  size_t got = 0;
  if (response_.file) {
    ssize_t n = 0;
    do {
      n = ::pread(response_.file.get(), piece_.data(), wanted, static_cast<off_t>(left_.offset));
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return Close();  // shorter than it was: the client sees that bytes are missing
    got = static_cast<size_t>(n);
  } else {
    got = response_.body.copy(piece_.data(), wanted, left_.offset);
  }
  left_.offset += got;
  left_.size -= got;
  stream_.expires_after(options_.write_timeout);
  asio::async_write(stream_, asio::buffer(piece_.data(), got),
                    [self = shared_from_this()](Error error, size_t) {
                      if (error) return self->Close();
                      self->SendBody();
                    });
}

void Session::OnAnswered() {
  response_ = {};
  if (last_) return Close();
  ReadRequest();
}

void Session::Close() {
  Error ignored;
  stream_.socket().shutdown(Socket::shutdown_both, ignored);
  stream_.close();
}

}  // namespace lethe::http
