#include "trust/line_merge.h"

#include <algorithm>
#include <array>

namespace lethe::trust {
namespace {

constexpr size_t kBinaryWindow = 8000;

bool IsBinary(std::string_view text) {
  return text.substr(0, kBinaryWindow).find('\0') != std::string_view::npos;
}

// With their '\n': a last line without it is another line.
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// One side against the base, read change by change.
class SideCursor {
 public:
  SideCursor(const std::vector<std::string_view>& lines, const std::vector<LineChange>& changes)
      : lines_(lines), changes_(changes) {}

  bool done() const { return at_ == changes_.size(); }
  const LineChange& next() const { return changes_[at_]; }
  // Takes changes that begin at or before line `end` of the base; true where there was one.
  bool TakeUpTo(size_t& end) {
    const size_t before = at_;
    for (; !done() && next().a_begin <= end; ++at_) end = std::max(end, next().a_end);
    return at_ != before;
  }
  // What this side made of lines [begin, end) of the base, whose changes were just taken.
  std::string Text(size_t begin, size_t end, size_t first) const {
    const ptrdiff_t from = static_cast<ptrdiff_t>(begin) + Shift(first);
    const ptrdiff_t to = static_cast<ptrdiff_t>(end) + Shift(at_);
    std::string out;
    for (ptrdiff_t i = from; i < to; ++i) out += lines_[static_cast<size_t>(i)];
    return out;
  }
  size_t at() const { return at_; }

 private:
  // How much further a common line lies than in the base, behind the first `count` changes.
  ptrdiff_t Shift(size_t count) const {
    if (count == 0) return 0;
    return static_cast<ptrdiff_t>(changes_[count - 1].b_end) -
           static_cast<ptrdiff_t>(changes_[count - 1].a_end);
  }
  const std::vector<std::string_view>& lines_;
  const std::vector<LineChange>& changes_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string> MergeLines(const MergeTexts& texts, DiffAlgorithm algorithm,
                                      uint64_t& steps) {
  std::array<std::vector<std::string_view>, 3> lines;
  std::vector<std::string_view> sorted;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view text = i == 0 ? texts.base : i == 1 ? texts.ours : texts.theirs;
    if (text.size() > kMaxMergeBytes || IsBinary(text)) return std::nullopt;
    lines[i] = LinesOf(text);
    if (lines[i].size() > kMaxDiffLines) return std::nullopt;
    sorted.insert(sorted.end(), lines[i].begin(), lines[i].end());
  }
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::array<LineNumbers, 3> numbers;
  for (size_t i = 0; i < lines.size(); ++i) {
    for (const std::string_view line : lines[i])
      numbers[i].push_back(static_cast<uint32_t>(
          std::lower_bound(sorted.begin(), sorted.end(), line) - sorted.begin()));
  }
  const auto ours_changes = DiffLines(numbers[0], numbers[1], algorithm, steps);
  const auto theirs_changes = DiffLines(numbers[0], numbers[2], algorithm, steps);
  if (!ours_changes || !theirs_changes) return std::nullopt;
  SideCursor ours(lines[1], *ours_changes), theirs(lines[2], *theirs_changes);
  std::string out;
  size_t done = 0;  // lines of the base
  while (!ours.done() || !theirs.done()) {
    const size_t begin = ours.done()     ? theirs.next().a_begin
                         : theirs.done() ? ours.next().a_begin
                                         : std::min(ours.next().a_begin, theirs.next().a_begin);
    for (; done < begin; ++done) out += lines[0][done];
    // Changes that overlap or touch are judged together.
    const size_t ours_first = ours.at(), theirs_first = theirs.at();
    size_t end = begin;
    bool by_ours = false, by_theirs = false, grown = true;
    while (grown) {
      const bool more_ours = ours.TakeUpTo(end);
      const bool more_theirs = theirs.TakeUpTo(end);
      by_ours = by_ours || more_ours;
      by_theirs = by_theirs || more_theirs;
      grown = more_theirs;  // then ours may reach further
    }
    const std::string ours_text = ours.Text(begin, end, ours_first);
    const std::string theirs_text = theirs.Text(begin, end, theirs_first);
    if (by_ours && by_theirs && ours_text != theirs_text) return std::nullopt;
    out += by_ours ? ours_text : theirs_text;
    done = end;
  }
  for (; done < lines[0].size(); ++done) out += lines[0][done];
  return out;
}

}  // namespace lethe::trust
