#include "apps/lethe/package_fetcher.h"

#include "fetch/fetch.h"

namespace lethe::cli {

image::PackageFetcher FetcherFrom(debian::Mirrors mirrors) {
  return [mirrors = std::move(mirrors)](const recipe::LockedFile& package,
                                        const std::filesystem::path& to) -> Status {
    Error last{ErrorCode::kNotFound, "no mirror for " + package.path};
    bool trouble = false;
    for (const std::string& base : mirrors.Of(package.archive)) {
      Status status =
          fetch::Download(base + "/" + package.path, to, {package.size, package.sha256});
      if (status) return status;
      if (trouble && status.error().code == ErrorCode::kNotFound) continue;
      trouble = status.error().code != ErrorCode::kNotFound;
      last = std::move(status).error();
    }
    return last;
  };
}

}  // namespace lethe::cli
