#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/parallel.h"

namespace lethe::fetch {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

std::string Found(const std::string& location) {
  return "HTTP/1.1 302 Found\r\nLocation: " + location +
         "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

// An HTTP server on loopback with fixed raw answers by path. Paths below /stall get their answer
// and then silence.
class Server {
 public:
  explicit Server(std::map<std::string, std::string> answers) : answers_(std::move(answers)) {
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), plain, length), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), plain, &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Loop(); });
  }
  ~Server() {
    stop_ = true;
    thread_.join();
  }

  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int requests() const { return requests_; }

 private:
  void Loop() {
    while (!stop_) {
      pollfd waiting{listener_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      Answer(Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    }
  }

  void Answer(Fd connection) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = ::recv(connection.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return;
      request.append(buffer, static_cast<size_t>(n));
    }
    ++requests_;
    const std::string path = request.substr(4, request.find(' ', 4) - 4);
    const auto answer = answers_.find(path);
    const std::string text =
        answer == answers_.end()
            ? "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone"
            : answer->second;
    (void)::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (path.starts_with("/stall")) silent_.push_back(std::move(connection));
  }

  std::map<std::string, std::string> answers_;
  Fd listener_;
  uint16_t port_ = 0;
  std::vector<Fd> silent_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

constexpr const char* kBody = "twelve bytes";

Expected ExpectedOf(const std::string& body) { return {body.size(), crypto::Sha256Of(body)}; }

ErrorCode CodeOf(const Status& status) {
  EXPECT_FALSE(status);
  return status ? ErrorCode::kUsage : status.error().code;
}

ErrorCode CodeOf(const Result<std::string>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::kUsage : result.error().code;
}

size_t FilesIn(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

class FetchTest : public testing::Test {
 protected:
  ScratchDir scratch_ = *ScratchDir::Create(testing::TempDir(), "fetch-");
};

TEST_F(FetchTest, GetsTheBody) {
  const Server server({{"/a", Ok(kBody)}});
  EXPECT_EQ(*Get(server.Url("/a")), kBody);
  EXPECT_EQ(*Get(server.Url("/a"), ExpectedOf(kBody)), kBody);
}

TEST_F(FetchTest, GetsAFileAddress) {
  ASSERT_TRUE(WriteFileAtomic(scratch_.path() / "x", kBody));
  EXPECT_EQ(*Get("file://" + scratch_.path().string() + "/x"), kBody);
  EXPECT_EQ(CodeOf(Get("file://" + scratch_.path().string() + "/y")), ErrorCode::kNotFound);
}

TEST_F(FetchTest, AcceptsExactlyTheLimit) {
  const Server server({{"/a", Ok(kBody)}});
  EXPECT_TRUE(Get(server.Url("/a"), {.max_bytes = 12}));
  EXPECT_EQ(CodeOf(Get(server.Url("/a"), {.max_bytes = 11})), ErrorCode::kMalformed);
}

TEST_F(FetchTest, StopsReadingBeyondTheLimitWithoutContentLength) {
  const Server server(
      {{"/a", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(1 << 20, 'x')}});
  EXPECT_EQ(CodeOf(Get(server.Url("/a"), {.max_bytes = 1000})), ErrorCode::kMalformed);
}

TEST_F(FetchTest, TellsMissingFromUnavailable) {
  const Server server({{"/410", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"},
                       {"/500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
                       {"/403", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
                       {"/noise", "this is no HTTP\r\n\r\n"},
                       {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbroken off"}});
  EXPECT_EQ(CodeOf(Get(server.Url("/404"))), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(Get(server.Url("/410"))), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(Get(server.Url("/500"))), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(Get(server.Url("/403"))), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(Get(server.Url("/noise"))), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(Get(server.Url("/short"))), ErrorCode::kUnavailable);
}

TEST_F(FetchTest, RefusedConnectionIsUnavailable) {
  std::string url;
  {
    const Server server({});
    url = server.Url("/a");
  }
  EXPECT_EQ(CodeOf(Get(url)), ErrorCode::kUnavailable);
}

TEST_F(FetchTest, GivesUpOnASilentServer) {
  const Server server({{"/stall/begin", ""},
                       {"/stall/middle", "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhalf"}});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(CodeOf(Get(server.Url("/stall/begin"), {.stall_timeout = 1s})),
            ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(Download(server.Url("/stall/middle"), scratch_.path() / "x", ExpectedOf(kBody),
                            {.stall_timeout = 1s})),
            ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
  EXPECT_EQ(FilesIn(scratch_.path()), 0U);
}

TEST_F(FetchTest, FollowsFewRedirectsAndNoneToFiles) {
  ASSERT_TRUE(WriteFileAtomic(scratch_.path() / "secret", kBody));
  const Server server({{"/a", Found("/b")},
                       {"/b", Ok(kBody)},
                       {"/loop", Found("/loop")},
                       {"/file", Found("file://" + scratch_.path().string() + "/secret")}});
  EXPECT_EQ(*Get(server.Url("/a")), kBody);
  const int before = server.requests();
  EXPECT_EQ(CodeOf(Get(server.Url("/loop"))), ErrorCode::kUnavailable);
  EXPECT_EQ(server.requests() - before, 6);
  EXPECT_EQ(CodeOf(Get(server.Url("/file"))), ErrorCode::kUnavailable);
}

TEST_F(FetchTest, RefusesOtherAddresses) {
  for (const char* url : {"", "/etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/",
                          "scp://127.0.0.1/a", "-o", "http:/127.0.0.1", "http://"}) {
    EXPECT_EQ(CodeOf(Get(url)), ErrorCode::kMalformed) << url;
  }
}

TEST_F(FetchTest, NamesTheAddressWithoutPassword) {
  const Server server({});
  std::string url = server.Url("/a@b");
  url.insert(7, "me:hidden@");
  const auto result = Get(url);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "fetching " + server.Url("/a@b") + ": not found");
}

TEST_F(FetchTest, DownloadsTheExpectedBytes) {
  const Server server({{"/a", Ok(kBody)}, {"/empty", Ok("")}});
  const fs::path to = scratch_.path() / "x";
  ASSERT_TRUE(WriteFileAtomic(to, "older"));
  ASSERT_TRUE(Download(server.Url("/a"), to, ExpectedOf(kBody)));
  EXPECT_EQ(*ReadFile(to), kBody);
  ASSERT_TRUE(Download(server.Url("/empty"), to, ExpectedOf("")));
  EXPECT_EQ(*ReadFile(to), "");
  EXPECT_EQ(FilesIn(scratch_.path()), 1U);
}

TEST_F(FetchTest, RefusesOtherBytesAndLeavesNothing) {
  const Server server({{"/other", Ok("twelve BYTES")},
                       {"/short", Ok("twelve byte")},
                       {"/long", Ok("twelve bytes!")},
                       {"/endless", "HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'x')}});
  for (const char* path : {"/other", "/short", "/long", "/endless"}) {
    EXPECT_EQ(CodeOf(Download(server.Url(path), scratch_.path() / "x", ExpectedOf(kBody))),
              ErrorCode::kUntrusted)
        << path;
    EXPECT_EQ(CodeOf(Get(server.Url(path), ExpectedOf(kBody))), ErrorCode::kUntrusted) << path;
  }
  EXPECT_EQ(CodeOf(Download(server.Url("/404"), scratch_.path() / "x", ExpectedOf(kBody))),
            ErrorCode::kNotFound);
  EXPECT_EQ(FilesIn(scratch_.path()), 0U);
}

TEST_F(FetchTest, FailedDownloadKeepsTheOlderFile) {
  const Server server({{"/other", Ok("twelve BYTES")}});
  const fs::path to = scratch_.path() / "x";
  ASSERT_TRUE(WriteFileAtomic(to, "older"));
  EXPECT_FALSE(Download(server.Url("/other"), to, ExpectedOf(kBody)));
  EXPECT_EQ(*ReadFile(to), "older");
}

TEST_F(FetchTest, NamesAFolderThatCannotBeWritten) {
  const Server server({{"/a", Ok(kBody)}});
  EXPECT_EQ(CodeOf(Download(server.Url("/a"), scratch_.path() / "no" / "x", ExpectedOf(kBody))),
            ErrorCode::kIo);
  ASSERT_TRUE(MakeDirectories(scratch_.path() / "folder" / "full"));
  EXPECT_EQ(CodeOf(Download(server.Url("/a"), scratch_.path() / "folder", ExpectedOf(kBody))),
            ErrorCode::kIo);
  EXPECT_EQ(FilesIn(scratch_.path()), 1U);
}

TEST_F(FetchTest, DownloadsOneFileFromSeveralThreads) {
  const std::string body(200000, 'x');
  const Server server({{"/a", Ok(body)}});
  const fs::path to = scratch_.path() / "x";
  EXPECT_TRUE(
      ParallelFor(16, 4, [&](size_t) { return Download(server.Url("/a"), to, ExpectedOf(body)); }));
  EXPECT_EQ(*ReadFile(to), body);
  EXPECT_EQ(FilesIn(scratch_.path()), 1U);
}

}  // namespace
}  // namespace lethe::fetch
