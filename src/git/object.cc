#include "git/object.h"

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "base/strings.h"
#include "crypto/sha1.h"
#include "crypto/sha256.h"

namespace lethe::git {
namespace {

constexpr std::string_view kSignatureHeaders[] = {"gpgsig", "gpgsig-sha256"};

Error Malformed(std::string what) { return {ErrorCode::kMalformed, std::move(what)}; }

// The headers of a commit, one after another, as they lie in the object.
struct Header {
  std::string_view key;
  std::string_view whole;  // with continuation lines and the last '\n'
};

// Takes one header off the begin of `rest`, which is not at the blank line.
Result<Header> NextHeader(std::string_view& rest) {
  size_t end = 0;
  do {
    const size_t newline = rest.find('\n', end);
    if (newline == std::string_view::npos)
      return Malformed("commit: its headers have no end");  // no blank line
    end = newline + 1;
  } while (end < rest.size() && rest[end] == ' ');
  Header header{rest.substr(0, rest.find_first_of(" \n")), rest.substr(0, end)};
  if (header.key.empty() || header.whole[header.key.size()] != ' ')
    return Malformed("commit: a header without a name or a value");
  if (header.whole.find('\0') != std::string_view::npos)
    return Malformed("commit: NUL in header '" + Printable(header.key) + "'");
  rest.remove_prefix(end);
  return header;
}

// What follows the key; continuation lines without their indent, the last '\n' kept only there.
std::string Value(const Header& header) {
  std::string out;
  std::string_view rest = header.whole.substr(header.key.size());
  while (!rest.empty()) {
    const size_t end = rest.find('\n') + 1;
    out += rest.substr(1, end - 1);
    rest.remove_prefix(end);
  }
  return out;
}

class CommitReader {
 public:
  CommitReader(std::string_view body, ObjectFormat format) : rest_(body), format_(format) {}

  Result<Commit> Read() {
    commit_.tree = LETHE_TRY(Name(LETHE_TRY(Expect("tree"))));
    while (rest_.starts_with("parent ")) {
      if (commit_.parents.size() == kMaxParents)
        return Malformed("commit: more than " + std::to_string(kMaxParents) + " parents");
      commit_.parents.push_back(LETHE_TRY(Name(LETHE_TRY(Expect("parent")))));
    }
    commit_.author = LETHE_TRY(Line(LETHE_TRY(Expect("author"))));
    commit_.committer = LETHE_TRY(Line(LETHE_TRY(Expect("committer"))));
    std::vector<std::string_view> seen = {"tree", "parent", "author", "committer"};
    while (!rest_.starts_with('\n')) {
      if (seen.size() == kMaxCommitHeaders)
        return Malformed("commit: more than " + std::to_string(kMaxCommitHeaders) + " headers");
      const Header header = LETHE_TRY(NextHeader(rest_));
      // A merge of several signed tags has one of these for each.
      const bool may_repeat = header.key == "mergetag";
      if (!may_repeat && std::find(seen.begin(), seen.end(), header.key) != seen.end())
        return Malformed("commit: header '" + Printable(header.key) + "' twice or out of order");
      seen.push_back(header.key);
      LETHE_TRY(Other(header));
    }
    commit_.payload += rest_;
    commit_.message = rest_.substr(1);
    return std::move(commit_);
  }

 private:
  Result<Header> Expect(std::string_view key) {
    const Header header = LETHE_TRY(NextHeader(rest_));
    if (header.key != key)
      return Malformed("commit: '" + Printable(header.key) + "' where '" + std::string(key) +
                       "' must be");
    commit_.payload += header.whole;
    return header;
  }

  static Result<std::string> Line(const Header& header) {
    std::string value = Value(header);
    value.pop_back();
    if (value.find('\n') != std::string::npos)
      return Malformed("commit: header '" + std::string(header.key) + "' has several lines");
    return value;
  }

  Result<ObjectId> Name(const Header& header) const {
    const auto id = ObjectId::FromHex(LETHE_TRY(Line(header)));
    if (!id || id->bytes.size() != IdBytes(format_))
      return Malformed("commit: header '" + std::string(header.key) +
                       "' holds no object name of this repository");
    return *id;
  }

  Status Other(const Header& header) {
    // git takes whatever begins like this for a signature, and does not sign it.
    if (!header.key.starts_with(kSignatureHeaders[0])) {
      commit_.payload += header.whole;
      return {};
    }
    const bool sha256 = format_ == ObjectFormat::kSha256;
    if (header.key == kSignatureHeaders[sha256 ? 1 : 0]) {
      commit_.signature = Value(header);
    } else if (header.key != kSignatureHeaders[sha256 ? 0 : 1]) {
      return Malformed("commit: unknown signature header '" + Printable(header.key) + "'");
    }
    return {};
  }

  std::string_view rest_;
  ObjectFormat format_;
  Commit commit_;
};

struct Mode {
  std::string_view text;
  EntryKind kind;
};
constexpr Mode kModes[] = {{"100644", EntryKind::kFile},
                           {"100755", EntryKind::kExecutable},
                           {"120000", EntryKind::kSymlink},
                           {"40000", EntryKind::kTree},
                           {"160000", EntryKind::kSubmodule}};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Without the characters that HFS+ ignores in names, in lower case.
std::string AsHfsCompares(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::string_view three = name.substr(0, 3);
    const bool ignored = three == "\xef\xbb\xbf" ||                               // U+FEFF
                         (three >= "\xe2\x80\x8c" && three <= "\xe2\x80\x8f") ||  // U+200C to F
                         (three >= "\xe2\x80\xaa" && three <= "\xe2\x80\xae") ||  // U+202A to E
                         (three >= "\xe2\x81\xaa" && three <= "\xe2\x81\xaf");    // U+206A to F
    if (!ignored) out += Lower(name.front());
    name.remove_prefix(ignored ? 3 : 1);
  }
  return out;
}

// ".git", and what becomes it where a file system ignores case, some characters, the end of a name
// or keeps short names: a person who reads there must not run what such a tree brings.
bool IsDotGit(std::string_view name) {
  const std::string compared = AsHfsCompares(name);
  for (const std::string_view reserved : {".git", "git~1"}) {
    if (!compared.starts_with(reserved)) continue;
    const size_t end = compared.find_first_not_of(" .", reserved.size());
    if (end == std::string::npos || compared[end] == ':' || compared[end] == '\\') return true;
  }
  return false;
}

// git compares a folder's name as if it ended with '/'.
bool Before(std::string_view a, bool a_is_tree, std::string_view b, bool b_is_tree) {
  const size_t common = std::min(a.size(), b.size());
  if (const int order = a.substr(0, common).compare(b.substr(0, common)); order != 0)
    return order < 0;
  const auto next = [&](std::string_view name, bool is_tree) {
    if (name.size() > common) return static_cast<int>(static_cast<uint8_t>(name[common]));
    return is_tree ? static_cast<int>('/') : 0;
  };
  return next(a, a_is_tree) < next(b, b_is_tree);
}

bool BeforeEntry(const TreeEntry& a, const TreeEntry& b) {
  return Before(a.name, a.kind == EntryKind::kTree, b.name, b.kind == EntryKind::kTree);
}

// A file and a folder of one name are apart in git's order, with other names between them.
const TreeEntry* FileNamedAsFolder(const std::vector<TreeEntry>& entries) {
  for (const TreeEntry& entry : entries) {
    if (entry.kind != EntryKind::kTree) continue;
    const auto at = std::lower_bound(
        entries.begin(), entries.end(), entry, [](const TreeEntry& a, const TreeEntry& folder) {
          return Before(a.name, a.kind == EntryKind::kTree, folder.name, false);
        });
    if (at != entries.end() && at->name == entry.name && at->kind != EntryKind::kTree)
      return &entry;
  }
  return nullptr;
}

}  // namespace

std::string ObjectId::Hex() const { return HexEncode(bytes); }

Result<ObjectId> ObjectId::FromHex(std::string_view hex) {
  const auto decoded = HexDecode(hex);
  if (!decoded || (decoded->size() != IdBytes(ObjectFormat::kSha1) &&
                   decoded->size() != IdBytes(ObjectFormat::kSha256))) {
    return Malformed("not an object name in 40 or 64 lower-case hexadecimal digits: '" +
                     Printable(hex.substr(0, 2 * IdBytes(ObjectFormat::kSha256))) + "'");
  }
  return ObjectId{std::string(decoded->begin(), decoded->end())};
}

std::string_view ToString(ObjectType type) {
  constexpr std::string_view kNames[] = {"commit", "tree", "blob", "tag"};
  return kNames[static_cast<size_t>(type)];
}

size_t MaxBytes(ObjectType type) {
  constexpr size_t kLimits[] = {kMaxCommitBytes, kMaxTreeBytes, kMaxBlobBytes, kMaxCommitBytes};
  return kLimits[static_cast<size_t>(type)];
}

ObjectId HashObject(ObjectFormat format, ObjectType type, std::string_view body) {
  std::string bytes(ToString(type));
  bytes += " " + std::to_string(body.size());
  bytes += '\0';
  if (format == ObjectFormat::kSha256) {
    crypto::Sha256 hash;
    hash.Update(bytes);
    hash.Update(body);
    const auto digest = hash.Finish();
    return {std::string(digest.bytes.begin(), digest.bytes.end())};
  }
  bytes += body;
  const auto digest = crypto::Sha1Of(bytes);
  return {std::string(digest.begin(), digest.end())};
}

Result<Commit> ParseCommit(std::string_view body, ObjectFormat format) {
  if (body.size() > kMaxCommitBytes)
    return Malformed("commit: more than " + std::to_string(kMaxCommitBytes) + " bytes");
  return CommitReader(body, format).Read();
}

Result<std::vector<TreeEntry>> ParseTree(std::string_view body, ObjectFormat format) {
  if (body.size() > kMaxTreeBytes)
    return Malformed("tree: more than " + std::to_string(kMaxTreeBytes) + " bytes");
  std::vector<TreeEntry> entries;
  while (!body.empty()) {
    const size_t space = body.find(' ');
    const size_t nul = body.find('\0');
    const std::string where = "tree: entry " + std::to_string(entries.size() + 1);
    if (space == std::string_view::npos || nul == std::string_view::npos || space > nul ||
        body.size() - nul - 1 < IdBytes(format)) {
      return Malformed(where + " is cut off");
    }
    const std::string_view text = body.substr(0, space);
    const auto mode = std::find_if(std::begin(kModes), std::end(kModes),
                                   [&](const Mode& known) { return known.text == text; });
    if (mode == std::end(kModes))
      return Malformed(where + " has mode '" + Printable(text.substr(0, 16)) + "'");
    TreeEntry entry{std::string(body.substr(space + 1, nul - space - 1)),
                    mode->kind,
                    {std::string(body.substr(nul + 1, IdBytes(format)))}};
    if (entry.name.empty() || entry.name.find('/') != std::string::npos || entry.name == "." ||
        entry.name == ".." || IsDotGit(entry.name)) {
      return Malformed(where + " is named '" + Printable(entry.name) + "'");
    }
    if (!entries.empty() && !BeforeEntry(entries.back(), entry))
      return Malformed(where + " '" + Printable(entry.name) + "' is there twice or out of order");
    entries.push_back(std::move(entry));
    body.remove_prefix(nul + 1 + IdBytes(format));
  }
  if (const TreeEntry* entry = FileNamedAsFolder(entries))
    return Malformed("tree: '" + Printable(entry->name) + "' is there as a file and as a folder");
  return entries;
}

std::string WriteTree(const std::vector<TreeEntry>& entries) {
  std::string out;
  for (const TreeEntry& entry : entries) {
    const auto mode = std::find_if(std::begin(kModes), std::end(kModes),
                                   [&](const Mode& known) { return known.kind == entry.kind; });
    out += mode->text;
    out += ' ' + entry.name + '\0' + entry.id.bytes;
  }
  return out;
}

void SortTree(std::vector<TreeEntry>& entries) {
  std::sort(entries.begin(), entries.end(), BeforeEntry);
}

}  // namespace lethe::git
