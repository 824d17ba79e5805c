#include "fetch/fetch.h"

#include <curl/curl.h>
#include <fcntl.h>

#include <functional>
#include <memory>

#include "base/file.h"

namespace lethe::fetch {
namespace {

using Sink = std::function<bool(std::string_view)>;

size_t Receive(char* data, size_t size, size_t count, void* sink) {
  return (*static_cast<Sink*>(sink))({data, size * count}) ? size * count : 0;
}

void InitOnce() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  LETHE_ASSERT(initialised == CURLE_OK);
}

Error Translate(CURLcode code, long status, const std::string& url, bool too_large, const Limits& limits) {
  if (too_large) {
    return Error{ErrorCode::kMalformed, "fetching " + url + ": more than " + std::to_string(limits.max_bytes) + " bytes"};
  }
  if (status == 404 || status == 410 || code == CURLE_FILE_COULDNT_READ_FILE) {
    return Error{ErrorCode::kNotFound, "fetching " + url + ": not found"};
  }
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    return Error{ErrorCode::kUnavailable, "fetching " + url + ": the server answers " + std::to_string(status)};
  }
  return Error{ErrorCode::kUnavailable, "fetching " + url + ": " + curl_easy_strerror(code)};
}

Status Transfer(const std::string& url, const Limits& limits, const Sink& write) {
  InitOnce();
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  LETHE_ASSERT(curl != nullptr);
  uint64_t received = 0;
  bool too_large = false;
  Sink sink = [&](std::string_view piece) {
    received += piece.size();
    too_large = received > limits.max_bytes;
    return !too_large && write(piece);
  };
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect_timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall_timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "lethe");
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Receive);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &sink);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return {};
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return Translate(code, status, url, too_large, limits);
}

}  // namespace

Result<std::string> Get(const std::string& url, const Limits& limits) {
  std::string body;
  LETHE_TRY(Transfer(url, limits, [&](std::string_view piece) {
    body += piece;
    return true;
  }));
  return body;
}

Status Download(const std::string& url, const std::filesystem::path& to, const Limits& limits) {
  const std::filesystem::path partial = to.string() + ".partial";
  const Fd fd = LETHE_TRY(OpenFile(partial, O_CREAT | O_TRUNC | O_WRONLY));
  Status written;
  Status transferred = Transfer(url, limits, [&](std::string_view piece) {
    written = WriteAll(fd.get(), piece, partial.string());
    return written.has_value();
  });
  if (!written || !transferred) {
    (void)RemoveTree(partial);
    return written ? std::move(transferred) : std::move(written);
  }
  std::error_code error;
  std::filesystem::rename(partial, to, error);
  if (error) return Error{ErrorCode::kIo, "renaming to " + to.string() + ": " + error.message()};
  return {};
}

}  // namespace lethe::fetch
