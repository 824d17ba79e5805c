#include "image/verify.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "base/parallel.h"
#include "base/strings.h"
#include "image/cpio_reader.h"
#include "image/erofs_reader.h"
#include "image/iso_reader.h"
#include "image/pe_signature.h"
#include "image/uki.h"

namespace lethe::image {
namespace {

constexpr size_t kMaxFindings = 100;

class Verifier {
 public:
  Verifier(std::string_view file, const VerifyOptions& options) : iso_(file), options_(options) {}

  Result<VerifyReport> RunIso() {
    listing_ = LETHE_TRY(ReadIso(iso_));
    const std::string_view manifest_text = LETHE_TRY(File(kIsoManifestPath));
    report_.manifest = LETHE_TRY_IN(ParseManifest(manifest_text), std::string(kIsoManifestPath));
    if (options_.manifest && Trim(*options_.manifest) != Trim(manifest_text)) {
      Find(std::string(kIsoManifestPath), "is another manifest than the one that was given");
    }
    LETHE_TRY(CheckSums());
    LETHE_TRY(CheckIso());
    CheckInitrd(File(kIsoInitrdPath), std::string(kIsoInitrdPath));
    return Finish();
  }

  Result<VerifyReport> RunUki() {
    if (!options_.manifest)
      return Error{ErrorCode::kUsage, "a UKI has no manifest inside: name it with --manifest"};
    report_.manifest = LETHE_TRY_IN(ParseManifest(*options_.manifest), "the manifest");
    const PeImage image = LETHE_TRY(ReadPe(iso_));
    LETHE_TRY(CheckSignature(image));
    const std::string unsigned_bytes = LETHE_TRY(RemovePeSignature(iso_));
    LETHE_TRY(CheckUki(unsigned_bytes));
    return Finish();
  }

 private:
  VerifyReport Finish() {
    std::sort(report_.findings.begin(), report_.findings.end(),
              [](const Finding& a, const Finding& b) { return a.where < b.where; });
    return std::move(report_);
  }

  void Find(std::string where, std::string what) {
    const std::lock_guard lock(mutex_);
    if (report_.findings.size() < kMaxFindings)
      report_.findings.push_back({std::move(where), std::move(what)});
  }

  Result<std::string_view> File(std::string_view path) const {
    const IsoFile* file = FindIsoFile(listing_, path);
    if (file == nullptr) return Error{ErrorCode::kMalformed, "the ISO has no " + std::string(path)};
    return iso_.substr(file->offset, file->size);
  }

  void Compare(const std::string& where, std::string_view bytes, uint64_t size,
               const crypto::Sha256Digest& digest) {
    if (bytes.size() != size) {
      Find(where,
           "has " + std::to_string(bytes.size()) + " bytes instead of " + std::to_string(size));
    } else if (crypto::Sha256Of(bytes) != digest) {
      Find(where, "has another SHA-256");
    }
  }

  bool InManifest(std::string_view path, const crypto::Sha256Digest& digest) const {
    const auto& iso = report_.manifest.iso;
    return std::any_of(iso.begin(), iso.end(), [&](const ManifestBlob& blob) {
      return blob.path == path && blob.sha256 == digest;
    });
  }

  // The sums cover every file but themselves, the manifest among them.
  Status CheckSums() {
    const std::string_view text = LETHE_TRY(File(kIsoSumsPath));
    std::set<std::string> listed;
    for (const std::string_view line : Lines(text)) {
      const auto digest = crypto::Sha256Digest::FromHex(line.substr(0, 64));
      if (line.size() < 67 || !digest || line.substr(64, 2) != "  ") {
        return Error{ErrorCode::kMalformed,
                     std::string(kIsoSumsPath) + ": line " + std::to_string(listed.size() + 1)};
      }
      const std::string path = "/" + std::string(line.substr(66));
      listed.insert(path);
      const auto bytes = File(path);
      if (!bytes) {
        Find(std::string(kIsoSumsPath), "lists " + Printable(path) + ", which is not there");
      } else if (const auto actual = crypto::Sha256Of(*bytes); actual != *digest) {
        // Where the manifest agrees with the file, the sums are what is damaged.
        const bool sums_are_wrong = InManifest(path, actual);
        Find(sums_are_wrong ? std::string(kIsoSumsPath) : path,
             sums_are_wrong ? "is wrong about " + path : "has another SHA-256 than in SHA256SUMS");
      }
    }
    for (const IsoFile& file : listing_.files) {
      if (file.path == kIsoSumsPath || listed.contains(file.path)) continue;
      Find(std::string(kIsoSumsPath), "does not list " + Printable(file.path));
    }
    return {};
  }

  Status CheckIso() {
    std::set<std::string_view> known = {kIsoManifestPath, kIsoSumsPath};
    for (const ManifestBlob& blob : report_.manifest.iso) {
      known.insert(blob.path);
      const auto bytes = File(blob.path);
      if (!bytes) {
        Find(blob.path, "is missing");
      } else {
        Compare(blob.path, *bytes, blob.size, blob.sha256);
      }
    }
    for (const IsoFile& file : listing_.files) {
      if (!known.contains(file.path)) Find(file.path, "is not in the manifest");
    }
    if (IsoStructureDigest(iso_, listing_) != report_.manifest.iso_structure) {
      Find("ISO structure", "differs (boot sectors, EFI partition, folders or padding)");
    }
    report_.iso_files = listing_.files.size();
    return {};
  }

  // The signature must cover this very image; without a certificate anybody's will do.
  Status CheckSignature(const PeImage& image) {
    const std::string_view pkcs7 = LETHE_TRY(PeSignature(iso_, image));
    if (pkcs7.empty()) {
      if (options_.certificate) Find("signature", "is missing");
      return {};
    }
    auto signer =
        crypto::VerifyAuthenticode(pkcs7, AuthenticodeDigest(iso_, image), options_.certificate);
    if (signer) {
      report_.signer = std::move(*signer);
    } else if (signer.error().code == ErrorCode::kMalformed) {
      return signer.error().In("signature");
    } else {
      Find("signature", signer.error().message);
    }
    return {};
  }

  Status CheckUki(std::string_view uki) {
    const ManifestUki& expected = report_.manifest.uki;
    const PeImage image = LETHE_TRY(ReadPe(uki));
    std::set<std::string_view> known;
    for (const ManifestBlob& blob : expected.sections) {
      known.insert(blob.path);
      const PeSection* section = FindPeSection(image, blob.path);
      if (section == nullptr) {
        Find(blob.path, "is missing");
      } else {
        Compare(blob.path, PeSectionBytes(uki, *section), blob.size, blob.sha256);
      }
    }
    for (const PeSection& section : image.sections) {
      if (!known.contains(section.name)) Find(section.name, "is not in the manifest");
    }
    report_.uki_sections = image.sections.size();
    const bool sections_are_right = report_.findings.empty();
    if (sections_are_right && crypto::Sha256Of(uki) != expected.sha256)
      Find("UKI structure", "differs (headers, or padding of sections)");
    if (const PeSection* initrd = FindPeSection(image, kUkiInitrd); initrd != nullptr)
      CheckInitrd(PeSectionBytes(uki, *initrd), std::string(kUkiInitrd));
    return {};
  }

  // Digs on even where the initrd's own digest is right: the manifest could be wrong about its
  // content.
  void CheckInitrd(const Result<std::string_view>& archive, const std::string& where) {
    const auto entries =
        archive ? ReadCpio(*archive) : Result<std::vector<CpioEntry>>(archive.error());
    if (!entries) return Find(where, entries.error().message);
    std::map<std::string, std::string_view> files;
    for (const CpioEntry& entry : *entries) {
      if (S_ISREG(entry.mode)) files["/" + std::string(entry.name)] = entry.bytes;
    }
    report_.initrd_files = files.size();
    for (const ManifestBlob& blob : report_.manifest.initrd) {
      const auto file = files.find(blob.path);
      if (file == files.end()) {
        Find("initrd:" + blob.path, "is missing");
        continue;
      }
      Compare("initrd:" + blob.path, file->second, blob.size, blob.sha256);
      if (blob.path == kInitrdRootPath) CheckRoot(file->second);
      files.erase(file);
    }
    for (const auto& [path, bytes] : files) Find("initrd:" + path, "is not in the manifest");
  }

  void CheckRoot(std::string_view image) {
    const auto reader = ErofsReader::Open(image);
    auto nodes = reader ? reader->List() : Result<std::vector<ErofsNode>>(reader.error());
    if (!nodes) return Find("initrd:" + std::string(kInitrdRootPath), nodes.error().message);
    report_.root_nodes = nodes->size();
    std::map<std::string_view, const ErofsNode*> by_path;
    for (const ErofsNode& node : *nodes) by_path[node.path] = &node;
    const auto& expected = report_.manifest.root;
    const Status done = ParallelFor(expected.size(), options_.jobs, [&](size_t i) -> Status {
      const auto node = by_path.find(expected[i].path);
      if (node == by_path.end()) {
        Find("root:" + expected[i].path, "is missing");
      } else {
        CheckNode(*reader, *node->second, expected[i]);
      }
      return {};
    });
    LETHE_ASSERT(done.has_value());
    for (const ManifestNode& node : expected) by_path.erase(node.path);
    for (const auto& [path, node] : by_path)
      Find("root:" + std::string(path), "is not in the manifest");
  }

  void CheckNode(const ErofsReader& reader, const ErofsNode& node, const ManifestNode& expected) {
    const std::string where = "root:" + expected.path;
    const unsigned type = expected.type == NodeType::kDirectory ? S_IFDIR
                          : expected.type == NodeType::kSymlink ? S_IFLNK
                                                                : S_IFREG;
    if (node.mode != (type | expected.mode) || node.uid != expected.uid ||
        node.gid != expected.gid) {
      Find(where, "has another type, mode or owner");
      return;
    }
    if (expected.type == NodeType::kDirectory) return;
    const auto bytes = reader.Read(node.nid);
    if (!bytes) {
      Find(where, bytes.error().message);
    } else if (expected.type == NodeType::kSymlink) {
      if (*bytes != expected.target) Find(where, "points to '" + Printable(*bytes) + "'");
    } else {
      Compare(where, *bytes, expected.size, expected.sha256);
    }
  }

  std::string_view iso_;
  const VerifyOptions& options_;
  IsoListing listing_;
  VerifyReport report_;
  std::mutex mutex_;
};

}  // namespace

Result<VerifyReport> VerifyIso(std::string_view iso, const VerifyOptions& options) {
  return Verifier(iso, options).RunIso();
}

Result<VerifyReport> VerifyUki(std::string_view uki, const VerifyOptions& options) {
  return Verifier(uki, options).RunUki();
}

}  // namespace lethe::image
