// Causes that the differing bytes tell, whatever the file.
#include "base/strings.h"
#include "image/diff_bytes.h"
#include "image/diff_rule.h"

namespace lethe::image {
namespace {

using Test = bool (*)(const Token&);

// Both sides have such a token at the difference, and not the same one.
template <Test kTest>
bool BothTokens(const Evidence& e, const PairFacts&) {
  return e.in_both() && kTest(TokenAt(e.a, e.at)) && kTest(TokenAt(e.b, e.at));
}

template <Test kTest>
bool EitherToken(const Evidence& e, const PairFacts&) {
  return e.in_both() && (kTest(TokenAt(e.a, e.at)) || kTest(TokenAt(e.b, e.at)));
}

template <GzipField kField>
bool InGzip(const Evidence& e, const PairFacts&) {
  return GzipFieldAt(e.a, e.at) == kField && GzipFieldAt(e.b, e.at) == kField;
}

bool InSection(const Evidence& e, std::string_view name) {
  return ElfSectionAt(e.a, e.at) == name && ElfSectionAt(e.b, e.at) == name;
}

bool IsStaleTail(const Evidence& e, const PairFacts&) {
  const std::string_view shorter = e.a.size() < e.b.size() ? e.a : e.b;
  return e.a.size() != e.b.size() && e.at == shorter.size() && !shorter.empty() &&
         !LooksLikeText(shorter);
}

constexpr std::string_view kFromRoot = "take the tool from the locked build root";

constexpr Rule kRules[] = {
    // Streams.
    {.cause = {"gzip-time", "a gzip header holds the time of compression",
               "compress with `gzip -n`, or set the four bytes to zero"},
     .fits = InGzip<GzipField::kTime>},
    {.cause = {"gzip-name", "a gzip header holds the name of the compressed file",
               "compress with `gzip -n`"},
     .fits =
         [](const Evidence& e, const PairFacts&) {
           return GzipFieldAt(e.a, e.at) == GzipField::kName ||
                  GzipFieldAt(e.b, e.at) == GzipField::kName;
         }},
    {.cause = {"gzip-level", "a gzip header tells another level or system", kFromRoot},
     .fits = InGzip<GzipField::kSystem>},
    {.cause = {"xz-threads", "xz cut the stream into blocks, as its number of threads tells",
               "compress with one thread, or with a fixed --block-size"},
     .fits =
         [](const Evidence& e, const PairFacts&) {
           const uint64_t a = XzBlocks(e.a), b = XzBlocks(e.b);
           return a != 0 && b != 0 && a != b;
         }},
    {.cause = {"stream-library", "the same content was compressed by another version or level",
               "take compressor and library from the locked build root, and name the level"},
     .fits = [](const Evidence& e,
                const PairFacts&) { return SameDecompressed(e.a, e.b, kMaxStreamBytes); }},
    {.cause = {"squashfs-time", "a squashfs holds the time of its making",
               "give mksquashfs -mkfs-time and -all-time"},
     .fits =
         [](const Evidence& e, const PairFacts&) {
           return e.a.starts_with("hsqs") && e.b.starts_with("hsqs") && e.at >= 8 && e.at < 12;
         }},
    // Programs.
    {.cause = {"build-id", "the build id tells that the program was linked from other bytes",
               "look at its other sections: `diffoscope` or `objdump -s` of both files"},
     .layers = kFileLayers,
     .fits = [](const Evidence& e,
                const PairFacts&) { return InSection(e, ".note.gnu.build-id"); }},
    {.cause = {"compiler-version", "the program names another version of its compiler",
               "compile in the locked compiler root, never with the machine's tools"},
     .layers = kFileLayers,
     .fits = [](const Evidence& e, const PairFacts&) { return InSection(e, ".comment"); }},
    {.cause = {"cpu-flags", "the program was compiled for the CPU of the build machine",
               "compile with a fixed -march, never -march=native"},
     .layers = kFileLayers,
     .fits =
         [](const Evidence& e, const PairFacts& f) {
           return InSection(e, ".note.gnu.property") || EitherToken<InCpuFlags>(e, f);
         }},
    // Words.
    {.cause = {"build-path", "the path of the build is in the file",
               "compile in a fixed folder, or with -ffile-prefix-map"},
     .fits = BothTokens<InBuildPath>},
    {.cause = {"host-name-in-content", "the build machine's name, or its user's, is in the file",
               "build in a namespace with a fixed host name and user"},
     .fits = BothTokens<InHostName>},
    {.cause = {"kernel-release", "the build machine's kernel (uname) is in the file",
               "do not ask uname during the build: use the image's own kernel version"},
     .layers = kFileLayers & ~Bit(Layer::kKernel),
     .fits = BothTokens<InKernelRelease>},
    {.cause = {"random-uuid", "a random UUID was made during the build",
               "derive it from the lock's digest"},
     .fits = [](const Evidence& e,
                const PairFacts&) { return InUuid(e.a, e.at) && InUuid(e.b, e.at); }},
    {.cause = {"time-zone-in-content", "a time was written in the build machine's time zone",
               "build with TZ=UTC"},
     .fits = [](const Evidence& e,
                const PairFacts&) { return e.in_both() && InTimeZone(e.a, e.b, e.at); }},
    {.cause = {"time-in-content", "the time of the build is in the file",
               "take it from SOURCE_DATE_EPOCH, or leave it out"},
     .fits = [](const Evidence& e,
                const PairFacts&) { return InDate(e.a, e.at) && InDate(e.b, e.at); }},
    {.cause = {"tool-version", "the version of a tool is in the file", kFromRoot},
     .fits = BothTokens<InToolVersion>},
    {.cause = {"locale-order", "the same lines, sorted by another locale",
               "sort with LC_ALL=C: byte order only"},
     .fits = [](const Evidence& e, const PairFacts&) { return SortedByLocale(e.a, e.b); }},
    {.cause = {"readdir-order", "the same lines in the order in which a folder was read",
               "sort by bytes before writing"},
     .fits = [](const Evidence& e, const PairFacts&) { return SameLinesReordered(e.a, e.b); }},
    {.cause = {"stale-tail", "the tail of an older, larger file stands behind the end",
               "write to a new file, or open with O_TRUNC"},
     .fits = IsStaleTail},
    // What is left.
    {.cause = {"one-bit", "a single bit of the whole ISO differs: memory, medium or transfer",
               "fetch it again, and run `lethe image verify`"},
     .fits = [](const Evidence&, const PairFacts& f) { return f.one_bit; }},
    {.cause = {"changed-after-build", "one of the two does not fit its own manifest",
               "run `lethe image verify` on both, and fetch the damaged one again"},
     .aspects = kAnyAspect,
     .fits = [](const Evidence&, const PairFacts& f) { return f.contradicts; }},
    {.cause = {"other-commit", "the two images are of different commits",
               "read what changed: `git diff` between the two commits"},
     .aspects = kAnyAspect,
     .fits = [](const Evidence&, const PairFacts& f) { return !f.same_commit; }},
    {.cause = {"code-differs", "the program's code differs: other compiler, flags or source",
               "compile in the locked compiler root; compare the component's commands"},
     .layers = kFileLayers,
     .fits = [](const Evidence& e, const PairFacts&) { return InSection(e, ".text"); }},
};

}  // namespace

std::span<const Rule> RulesOfBytes() { return kRules; }

}  // namespace lethe::image
