#include "fetch/fetch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <functional>
#include <memory>

#include "base/file.h"
#include "fetch/curl_library.h"

namespace lethe::fetch {
namespace {

constexpr long kMaxRedirects = 5;
constexpr long kMinBytesPerSecond = 1024;

using Sink = std::function<Status(std::string_view)>;

struct Receiver {
  const Sink& sink;
  Status status;
};

size_t Receive(char* data, size_t size, size_t count, void* context) {
  Receiver& receiver = *static_cast<Receiver*>(context);
  receiver.status = receiver.sink({data, size * count});
  return receiver.status ? size * count : 0;
}

// "fetching <address>", without user and password: messages end up in logs of builders.
std::string Fetching(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return "fetching " + url;
  const size_t begin = scheme + 3;
  const size_t at = url.substr(begin, url.find('/', begin) - begin).rfind('@');
  if (at == std::string::npos) return "fetching " + url;
  return "fetching " + url.substr(0, begin) + url.substr(begin + at + 1);
}

Error Translate(const CurlLibrary& library, CURL* curl, CURLcode code, const char* detail) {
  long status = 0;
  library.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    if (status == 404 || status == 410) return Error{ErrorCode::kNotFound, "not found"};
    return Error{ErrorCode::kUnavailable, "the server answers " + std::to_string(status)};
  }
  if (code == CURLE_FILE_COULDNT_READ_FILE) return Error{ErrorCode::kNotFound, "not found"};
  if (code == CURLE_URL_MALFORMAT) return Error{ErrorCode::kMalformed, "no address"};
  return Error{ErrorCode::kUnavailable, *detail != '\0' ? detail : library.easy_strerror(code)};
}

Status Perform(const std::string& url, const Limits& limits, const Sink& sink) {
  if (!IsAddress(url)) {
    return Error{ErrorCode::kMalformed, "allowed: addresses of http, https and file"};
  }
  const CurlLibrary& library = *LETHE_TRY(LoadCurl());
  // One handle per thread keeps its connections open from one file to the next.
  thread_local const std::unique_ptr<CURL, void (*)(CURL*)> curl(library.easy_init(),
                                                                 library.easy_cleanup);
  LETHE_ASSERT(curl != nullptr);
  library.easy_reset(curl.get());
  const auto set = [&](CURLoption option, auto value) {
    LETHE_ASSERT(library.easy_setopt(curl.get(), option, value) == CURLE_OK);
  };
  Receiver receiver{sink, {}};
  char detail[CURL_ERROR_SIZE] = "";
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https,file");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, kMaxRedirects);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, kMinBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall_timeout.count()));
  set(CURLOPT_USERAGENT, "lethe");
  set(CURLOPT_ERRORBUFFER, detail);
  set(CURLOPT_WRITEFUNCTION, Receive);
  set(CURLOPT_WRITEDATA, &receiver);
  const CURLcode code = library.easy_perform(curl.get());
  LETHE_TRY(std::move(receiver.status));
  if (code == CURLE_OK) return {};
  return Translate(library, curl.get(), code, detail);
}

// Holds what arrives against what is expected.
class Verifier {
 public:
  explicit Verifier(const Expected& expected) : expected_(expected) {}

  Status Add(std::string_view piece) {
    size_ += piece.size();
    if (size_ > expected_.size) {
      return Error{ErrorCode::kUntrusted,
                   "larger than the expected " + std::to_string(expected_.size) + " bytes"};
    }
    hash_.Update(piece);
    return {};
  }

  Status Finish() {
    if (size_ != expected_.size) {
      return Error{ErrorCode::kUntrusted,
                   std::to_string(size_) + " bytes, expected " + std::to_string(expected_.size)};
    }
    const std::string got = hash_.Finish().Hex();
    if (got == expected_.sha256.Hex()) return {};
    return Error{ErrorCode::kUntrusted,
                 "its SHA-256 is " + got + ", expected " + expected_.sha256.Hex()};
  }

 private:
  Expected expected_;
  uint64_t size_ = 0;
  crypto::Sha256 hash_;
};

Status DownloadTo(int fd, const std::string& name, const std::string& url, const Expected& expected,
                  const Limits& limits) {
  Verifier verifier(expected);
  LETHE_TRY(Perform(url, limits, [&](std::string_view piece) -> Status {
    LETHE_TRY(verifier.Add(piece));
    return WriteAll(fd, piece, name);
  }));
  return verifier.Finish();
}

}  // namespace

bool IsAddress(const std::string& url) {
  return url.starts_with("http://") || url.starts_with("https://") || url.starts_with("file:/");
}

Result<std::string> Get(const std::string& url, const Limits& limits) {
  std::string body;
  LETHE_TRY_IN(Perform(url, limits,
                       [&](std::string_view piece) -> Status {
                         if (piece.size() > limits.max_bytes - body.size()) {
                           return Error{ErrorCode::kMalformed,
                                        "more than " + std::to_string(limits.max_bytes) + " bytes"};
                         }
                         body += piece;
                         return {};
                       }),
               Fetching(url));
  return body;
}

Result<std::string> Get(const std::string& url, const Expected& expected, const Limits& limits) {
  std::string body;
  Verifier verifier(expected);
  LETHE_TRY_IN(Perform(url, limits,
                       [&](std::string_view piece) -> Status {
                         LETHE_TRY(verifier.Add(piece));
                         body += piece;
                         return {};
                       }),
               Fetching(url));
  LETHE_TRY_IN(verifier.Finish(), Fetching(url));
  return body;
}

Status Download(const std::string& url, const std::filesystem::path& to, const Expected& expected,
                const Limits& limits) {
  std::string partial = to.string() + ".XXXXXX";
  const Fd fd(::mkostemp(partial.data(), O_CLOEXEC));
  // A missing folder is no missing package: callers take kNotFound for "gone from this mirror".
  if (!fd) return Error{ErrorCode::kIo, IoError("creating", partial).message};
  Status status = DownloadTo(fd.get(), partial, url, expected, limits);
  if (status && ::fchmod(fd.get(), 0644) != 0) status = IoError("changing the mode of", partial);
  if (status && ::rename(partial.c_str(), to.c_str()) != 0) status = IoError("renaming to", to);
  if (status) return {};
  ::unlink(partial.c_str());
  return status.error().In(Fetching(url));
}

}  // namespace lethe::fetch
