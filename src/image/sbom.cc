#include "image/sbom.h"

#include <ctime>

#include "base/strings.h"
#include "json/json.h"

namespace lethe::image {
namespace {

constexpr const char* kNoAssertion = "NOASSERTION";

// SPDX 2.3 clause 3.2.3: letters, digits, '.' and '-'.
std::string SpdxId(const std::string& kind, const std::string& name) {
  std::string id = "SPDXRef-" + kind + "-";
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '.' || c == '-';
    id += plain ? std::string(1, c) : "-" + std::to_string(static_cast<int>(c)) + "-";
  }
  return id;
}

// Package URL (purl-spec): '+', ':' and '~' of Debian versions are percent-encoded.
std::string Percent(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '+') {
      out += "%2B";
    } else if (c == ':') {
      out += "%3A";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Date(uint64_t epoch_unix_s) {
  const auto time = static_cast<time_t>(epoch_unix_s);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

// `built` is the package in the image; null for one that is not in it.
json::Value PackageEntry(const std::string& id, const recipe::LockedPackage& package,
                         const ManifestPackage* built) {
  const bool patched = built != nullptr && !built->patches.empty();
  const std::string& version = patched ? built->version : package.version;
  const std::string purl = "pkg:deb/debian/" + Percent(package.name) + "@" + Percent(version) +
                           "?arch=" + package.architecture;
  std::string source_info =
      "built from the Debian source package " + package.source + " " + package.source_version;
  if (patched) source_info += " with the patches " + Join(built->patches, ", ") + " of the recipe";
  return json::Object{
      {"SPDXID", id},
      {"name", package.name},
      {"versionInfo", version},
      {"supplier", patched ? kNoAssertion : "Organization: Debian"},
      {"downloadLocation", kNoAssertion},
      {"filesAnalyzed", false},
      {"licenseConcluded", kNoAssertion},
      {"licenseDeclared", kNoAssertion},
      {"copyrightText", kNoAssertion},
      {"sourceInfo", source_info},
      {"checksums", json::Array{json::Object{
                        {"algorithm", "SHA256"},
                        {"checksumValue", patched ? built->sha256.Hex() : package.sha256.Hex()}}}},
      {"externalRefs", json::Array{json::Object{{"referenceCategory", "PACKAGE-MANAGER"},
                                                {"referenceType", "purl"},
                                                {"referenceLocator", purl}}}},
  };
}

json::Value Relationship(const std::string& from, const char* type, const std::string& to) {
  return json::Object{
      {"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

}  // namespace

std::string WriteSbom(const Manifest& manifest, const recipe::Lock& lock, uint64_t epoch_unix_s) {
  const std::string image = "SPDXRef-Image";
  json::Array packages{json::Object{{"SPDXID", image},
                                    {"name", manifest.image_id},
                                    {"versionInfo", manifest.image_version},
                                    {"primaryPackagePurpose", "OPERATING-SYSTEM"},
                                    {"downloadLocation", kNoAssertion},
                                    {"filesAnalyzed", false},
                                    {"licenseConcluded", kNoAssertion},
                                    {"licenseDeclared", kNoAssertion},
                                    {"copyrightText", kNoAssertion}}};
  json::Array relationships{Relationship("SPDXRef-DOCUMENT", "DESCRIBES", image)};
  std::map<std::string, const ManifestPackage*> in_image;
  for (const ManifestPackage& package : manifest.packages) in_image[package.name] = &package;
  for (const recipe::LockedPackage& package : lock.packages) {
    const std::string id = SpdxId("Package", package.name + "-" + package.architecture);
    const auto built = in_image.find(package.name);
    packages.push_back(
        PackageEntry(id, package, built == in_image.end() ? nullptr : built->second));
    if (built != in_image.end()) relationships.push_back(Relationship(image, "CONTAINS", id));
    if (package.in.contains(recipe::PackageSet::kTools) ||
        package.in.contains(recipe::PackageSet::kCompilers) ||
        package.in.contains(recipe::PackageSet::kSources) || built == in_image.end()) {
      relationships.push_back(Relationship(id, "BUILD_TOOL_OF", image));
    }
  }
  const std::string name = manifest.image_id + "-" + manifest.image_version;
  const crypto::Sha256Digest id = crypto::Sha256Of(name + manifest.commit + manifest.lock.Hex());
  return json::WritePretty(json::Object{
      {"spdxVersion", "SPDX-2.3"},
      {"dataLicense", "CC0-1.0"},
      {"SPDXID", "SPDXRef-DOCUMENT"},
      {"name", name},
      {"documentNamespace", "urn:lethe:spdx:" + id.Hex()},
      {"creationInfo",
       json::Object{{"created", Date(epoch_unix_s)}, {"creators", json::Array{"Tool: lethe"}}}},
      {"packages", std::move(packages)},
      {"relationships", std::move(relationships)},
  });
}

}  // namespace lethe::image
