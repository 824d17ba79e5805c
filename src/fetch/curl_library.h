// libcurl, loaded when something is fetched: with the two dozen libraries that it brings along it
// is half of a program's start, and most commands fetch nothing.
#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace lethe::fetch {

// Functions of libcurl under their own names, without "curl_".
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_reset) easy_reset;
  CURLcode (*easy_setopt)(CURL*, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL*, CURLINFO, ...);
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_strerror) easy_strerror;
};

// Loaded and initialised by the first call. kUnavailable, with the Debian package, where it is not
// installed.
Result<const CurlLibrary*> LoadCurl();

}  // namespace lethe::fetch
