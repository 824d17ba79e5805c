#include "image/uki.h"

#include <algorithm>

#include "image/pe.h"
#include "image/pe_signature.h"

namespace lethe::image {

Result<std::string> AssembleUki(const UkiParts& parts) {
  const PeImage stub = LETHE_TRY_IN(ReadPe(parts.stub), "the stub");
  if (!LooksLikePe(parts.kernel))
    return Error{ErrorCode::kMalformed, "the kernel is no UEFI program (CONFIG_EFI_STUB)"};
  // The kernel is last: what is small comes first.
  const std::vector<NewPeSection> sections = {{kUkiOsRelease, parts.os_release},
                                              {kUkiCommandLine, parts.command_line},
                                              {kUkiKernelVersion, parts.kernel_version},
                                              {kUkiInitrd, parts.initrd},
                                              {kUkiKernel, parts.kernel}};
  for (const NewPeSection& section : sections) {
    if (section.bytes.empty())
      return Error{ErrorCode::kConflict, "nothing for section " + std::string(section.name)};
    if (FindPeSection(stub, section.name) != nullptr)
      return Error{ErrorCode::kConflict,
                   "the stub has a section " + std::string(section.name) + " already"};
  }
  return AddPeSections(parts.stub, sections);
}

Result<ManifestUki> DescribeUki(std::string_view uki) {
  const PeImage image = LETHE_TRY(ReadPe(uki));
  ManifestUki out;
  out.sha256 = crypto::Sha256Of(uki);
  out.authenticode = AuthenticodeDigest(uki, image);
  for (const PeSection& section : image.sections) {
    const std::string_view bytes = PeSectionBytes(uki, section);
    out.sections.push_back({section.name, bytes.size(), crypto::Sha256Of(bytes)});
  }
  std::sort(out.sections.begin(), out.sections.end(),
            [](const ManifestBlob& a, const ManifestBlob& b) { return a.path < b.path; });
  return out;
}

}  // namespace lethe::image
