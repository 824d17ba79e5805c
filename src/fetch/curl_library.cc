#include "fetch/curl_library.h"

#include <dlfcn.h>

#include <string>
#include <type_traits>

namespace lethe::fetch {
namespace {

constexpr const char* kLibrary = "libcurl.so.4";

Result<CurlLibrary> Load() {
  void* const handle = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return Error{ErrorCode::kUnavailable,
                 std::string("loading ") + kLibrary + " (package libcurl4): " + ::dlerror()};
  }
  CurlLibrary out{};
  Status status;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    if (function == nullptr)
      status = Error{ErrorCode::kUnavailable, std::string(kLibrary) + " has no " + name};
  };
  find(out.global_init, "curl_global_init");
  find(out.easy_init, "curl_easy_init");
  find(out.easy_cleanup, "curl_easy_cleanup");
  find(out.easy_reset, "curl_easy_reset");
  find(out.easy_setopt, "curl_easy_setopt");
  find(out.easy_getinfo, "curl_easy_getinfo");
  find(out.easy_perform, "curl_easy_perform");
  find(out.easy_strerror, "curl_easy_strerror");
  LETHE_TRY(status);
  LETHE_ASSERT(out.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  return out;
}

}  // namespace

Result<const CurlLibrary*> LoadCurl() {
  static const Result<CurlLibrary> library = Load();  // stays loaded: threads may hold handles
  if (!library) return library.error();
  return &*library;
}

}  // namespace lethe::fetch
