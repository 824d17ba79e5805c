#include "http/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <thread>

#include "base/file.h"

namespace lethe::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A plain client, so that requests can be as wrong as they like.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  bool connected() const { return connected_; }
  void Say(std::string_view text) {
    (void)!::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  // What arrives until `count` bytes are there or the connection ends.
  std::string Hear(size_t count = SIZE_MAX) {
    std::string out;
    char buffer[65536];
    while (out.size() < count) {
      const ssize_t n = ::recv(fd_.get(), buffer, std::min(sizeof buffer, count - out.size()), 0);
      if (n <= 0) break;
      out.append(buffer, static_cast<size_t>(n));
    }
    return out;
  }
  std::string HearHeader() {
    std::string out;
    while (!out.ends_with("\r\n\r\n")) {
      const std::string next = Hear(1);
      if (next.empty()) break;
      out += next;
    }
    return out;
  }
  bool HearsWithin(milliseconds time) {
    const timeval limit{0, static_cast<suseconds_t>(time.count() * 1000)};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char byte = 0;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK) > 0;
  }

 private:
  Fd fd_;
  bool connected_ = false;
};

class ServerTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    std::vector<Route> routes = {
        {"GET", "/small", Access::kAnyone, [](const Parameters&) { return Small(); }},
        {"GET", "/files/{name}", Access::kAnyone, [this](const Parameters& p) { return File(p); }}};
    auto server = Server::Listen(options, std::move(routes));
    ASSERT_TRUE(server) << server.error().message;
    server_.emplace(std::move(*server));
    thread_ = std::thread([this] { EXPECT_TRUE(server_->Run()); });
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  ~ServerTest() override {
    if (server_) server_->Stop();
    Join();
  }

  static Response Small() {
    Response response = TextResponse(200, "0123456789");
    response.body.pop_back();
    response.etag = "tag";
    return response;
  }
  Response File(const Parameters& parameters) {
    Response response;
    auto fd = OpenFile(scratch_.path() / parameters[0], O_RDONLY);
    if (!fd) return TextResponse(404, "no such file");
    response.file = std::move(*fd);
    response.file_size = std::filesystem::file_size(scratch_.path() / parameters[0]);
    return response;
  }
  std::string Ask(const std::string& request) {
    Client client(server_->port());
    client.Say(request);
    return client.Hear();
  }
  static std::string Get(const std::string& target, const std::string& headers = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
  }

  ScratchDir scratch_ = ScratchDir::Create(testing::TempDir(), "http-").value();
  std::optional<Server> server_;
  std::thread thread_;
};

TEST_F(ServerTest, SendsWholeFiles) {
  std::string content;
  for (int i = 0; i < 300'000; ++i) content += std::to_string(i);
  ASSERT_TRUE(WriteFileAtomic(scratch_.path() / "big", content));
  Start();
  const std::string answer = Ask(Get("/files/big"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(content.size()) + "\r\n"),
            std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + content));
}

TEST_F(ServerTest, SendsRanges) {
  Start();
  std::string answer = Ask(Get("/small", "Range: bytes=2-4\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 206 ")) << answer;
  EXPECT_NE(answer.find("Content-Range: bytes 2-4/10\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n234")) << answer;
  answer = Ask(Get("/small", "Range: bytes=10-\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 416 ")) << answer;
  EXPECT_NE(answer.find("Content-Range: bytes */10\r\n"), std::string::npos) << answer;
  // A range of a content that is no longer this one: all of it.
  answer = Ask(Get("/small", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  answer = Ask(Get("/small", "Range: bytes=2-4\r\nIf-Range: \"tag\"\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 206 ")) << answer;
}

TEST_F(ServerTest, AnswersHeadAndUnchangedWithoutContent) {
  Start();
  std::string answer = Ask("HEAD /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 10\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("ETag: \"tag\"\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  answer = Ask(Get("/small", "If-None-Match: \"tag\"\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 304 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(ServerTest, KeepsConnectionsOpen) {
  Start();
  Client client(server_->port());
  const std::string request = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    client.Say(request + request);  // two at once
    for (int j = 0; j < 2; ++j) {
      EXPECT_TRUE(client.HearHeader().starts_with("HTTP/1.1 200 "));
      EXPECT_EQ(client.Hear(10), "0123456789");
    }
  }
}

TEST_F(ServerTest, RefusesWhatItDoesNotKnow) {
  Start();
  EXPECT_TRUE(Ask(Get("/other")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(Ask(Get("/files/none")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(Ask(Get("/files/../../../etc/passwd")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(Ask(Get("/files/..")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(Ask(Get("/files/%2e%2e%2fpasswd")).starts_with("HTTP/1.1 404 "));
  const std::string refused = Ask("PUT /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 ")) << refused;
  EXPECT_NE(refused.find("Allow: GET, HEAD\r\n"), std::string::npos) << refused;
  EXPECT_TRUE(Ask("\x16\x03\x01 nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  for (const char* body : {"Content-Length: 5", "Transfer-Encoding: chunked"}) {
    const std::string request = "GET /small HTTP/1.1\r\nHost: x\r\n" + std::string(body);
    EXPECT_TRUE(Ask(request + "\r\n\r\n").starts_with("HTTP/1.1 413 ")) << body;
  }
  EXPECT_TRUE(
      Ask(Get("/small", "X: " + std::string(9000, 'x') + "\r\n")).starts_with("HTTP/1.1 431 "));
}

TEST_F(ServerTest, GivesSlowClientsUp) {
  ASSERT_TRUE(WriteFileAtomic(scratch_.path() / "big", std::string(64 << 20, 'x')));
  ServerOptions options;
  options.request_timeout = milliseconds(300);
  options.write_timeout = milliseconds(300);
  Start(options);
  Client silent(server_->port());
  EXPECT_EQ(silent.Hear(), "");
  Client dripping(server_->port());
  const auto start = steady_clock::now();
  for (int i = 0; i < 100 && steady_clock::now() - start < milliseconds(2000); ++i) {
    dripping.Say("G");
    std::this_thread::sleep_for(milliseconds(50));
    if (i == 20) break;
  }
  EXPECT_EQ(dripping.Hear(), "");
  Client unread(server_->port());
  unread.Say(Get("/files/big"));
  std::this_thread::sleep_for(milliseconds(1500));
  EXPECT_LT(unread.Hear().size(), size_t{64} << 20);
}

TEST_F(ServerTest, LetsMoreConnectionsWait) {
  ServerOptions options;
  options.max_connections = 1;
  Start(options);
  std::optional<Client> first(server_->port());
  first->Say("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(first->HearHeader().starts_with("HTTP/1.1 200 "));
  Client second(server_->port());
  second.Say(Get("/small"));
  EXPECT_FALSE(second.HearsWithin(milliseconds(300)));
  first.reset();
  EXPECT_TRUE(second.HearsWithin(milliseconds(5000)));
}

TEST_F(ServerTest, FinishesAnswersWhenItStops) {
  ASSERT_TRUE(WriteFileAtomic(scratch_.path() / "big", std::string(64 << 20, 'x')));
  Start();
  Client busy(server_->port());
  busy.Say("GET /files/big HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(busy.HearHeader().starts_with("HTTP/1.1 200 "));
  Client idle(server_->port());
  idle.Say("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(idle.HearHeader().starts_with("HTTP/1.1 200 "));
  const uint16_t port = server_->port();
  server_->Stop();
  EXPECT_EQ(idle.Hear(), "0123456789");  // and then the end
  EXPECT_EQ(busy.Hear().size(), size_t{64} << 20);
  Join();
  EXPECT_FALSE(Client(port).connected());
}

TEST_F(ServerTest, EndsThoughAClientDoesNotRead) {
  ASSERT_TRUE(WriteFileAtomic(scratch_.path() / "big", std::string(64 << 20, 'x')));
  ServerOptions options;
  options.grace = milliseconds(300);
  Start(options);
  Client stuck(server_->port());
  stuck.Say("GET /files/big HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(stuck.HearHeader().starts_with("HTTP/1.1 200 "));
  const auto start = steady_clock::now();
  server_->Stop();
  Join();
  EXPECT_LT(steady_clock::now() - start, milliseconds(5000));
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  Start();
  EXPECT_EQ(Server::Listen({.address = "localhost"}, {}).error().code, ErrorCode::kUsage);
  const auto taken = Server::Listen({.port = server_->port()}, {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Server::Listen({.address = "192.0.2.1"}, {}).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace lethe::http
