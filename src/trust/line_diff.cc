#include "trust/line_diff.h"

#include <algorithm>
#include <limits>

namespace lethe::trust {
namespace {

constexpr size_t kNowhere = std::numeric_limits<size_t>::max();
// A region whose lines are all more frequent than this is left to Myers' algorithm.
constexpr uint32_t kMaxOccurrences = 64;

struct Box {
  size_t a_begin, a_end;
  size_t b_begin, b_end;
  bool empty() const { return a_begin == a_end || b_begin == b_end; }
};

class Budget {
 public:
  explicit Budget(uint64_t& steps) : steps_(steps) {}
  bool Spend(uint64_t steps) {
    if (steps > steps_) steps_ = 0, spent_ = true;
    if (!spent_) steps_ -= steps;
    return !spent_;
  }

 private:
  uint64_t& steps_;
  bool spent_ = false;
};

// One text: its lines, and which of them are not common to both.
struct Side {
  explicit Side(const LineNumbers& numbers) : lines(numbers), changed(numbers.size(), 0) {}
  void Mark(size_t begin, size_t end) {
    std::fill(changed.begin() + static_cast<ptrdiff_t>(begin),
              changed.begin() + static_cast<ptrdiff_t>(end), uint8_t{1});
  }
  const LineNumbers& lines;
  std::vector<uint8_t> changed;
};

class Myers {
 public:
  Myers(Side& a, Side& b, Budget& budget)
      : a_(a),
        b_(b),
        budget_(budget),
        forward_(a.lines.size() + b.lines.size() + 3),
        backward_(forward_.size()) {}

  bool Run(const Box& all) {
    std::vector<Box> pending{all};
    while (!pending.empty()) {
      Box box = pending.back();
      pending.pop_back();
      if (!Trim(box)) return false;
      if (box.empty()) {
        a_.Mark(box.a_begin, box.a_end);
        b_.Mark(box.b_begin, box.b_end);
        continue;
      }
      size_t a = 0, b = 0;
      if (!Split(box, a, b)) return false;
      pending.push_back({box.a_begin, a, box.b_begin, b});
      pending.push_back({a, box.a_end, b, box.b_end});
    }
    return true;
  }

 private:
  bool Same(size_t a, size_t b) const { return a_.lines[a] == b_.lines[b]; }

  bool Trim(Box& box) {
    const size_t before = box.a_end - box.a_begin;
    while (!box.empty() && Same(box.a_begin, box.b_begin)) ++box.a_begin, ++box.b_begin;
    while (!box.empty() && Same(box.a_end - 1, box.b_end - 1)) --box.a_end, --box.b_end;
    return budget_.Spend(1 + before - (box.a_end - box.a_begin));
  }

  // Section 4b of the paper: a point in the middle of a shortest path. forward_[k] is the furthest
  // line of `a` on diagonal k (a - b) that some number of changes reaches from the begin,
  // backward_[k] the same from the end.
  bool Split(const Box& box, size_t& a_out, size_t& b_out) {
    const auto a0 = static_cast<ptrdiff_t>(box.a_begin), a1 = static_cast<ptrdiff_t>(box.a_end);
    const auto b0 = static_cast<ptrdiff_t>(box.b_begin), b1 = static_cast<ptrdiff_t>(box.b_end);
    const ptrdiff_t low = a0 - b1, high = a1 - b0;  // diagonals inside the box
    const ptrdiff_t first = a0 - b0, last = a1 - b1;
    const bool odd = ((first - last) & 1) != 0;
    const auto at = [&](std::vector<ptrdiff_t>& v, ptrdiff_t k) -> ptrdiff_t& {
      return v[static_cast<size_t>(k + static_cast<ptrdiff_t>(b_.lines.size()) + 1)];
    };
    const auto found = [&](ptrdiff_t a, ptrdiff_t k) {
      a_out = static_cast<size_t>(a);
      b_out = static_cast<size_t>(a - k);
      return true;
    };
    ptrdiff_t fmin = first, fmax = first, bmin = last, bmax = last;
    at(forward_, first) = a0;
    at(backward_, last) = a1;
    while (true) {
      // Diagonals that left the box are not followed; their neighbours see a value that never wins.
      fmin > low ? at(forward_, --fmin - 1) = -1 : ++fmin;
      fmax < high ? at(forward_, ++fmax + 1) = -1 : --fmax;
      for (ptrdiff_t k = fmax; k >= fmin; k -= 2) {
        ptrdiff_t a = at(forward_, k - 1) >= at(forward_, k + 1) ? at(forward_, k - 1) + 1
                                                                 : at(forward_, k + 1);
        const ptrdiff_t from = a;
        while (a < a1 && a - k < b1 && Same(static_cast<size_t>(a), static_cast<size_t>(a - k)))
          ++a;
        at(forward_, k) = a;
        if (!budget_.Spend(static_cast<uint64_t>(1 + a - from))) return false;
        if (odd && k >= bmin && k <= bmax && at(backward_, k) <= a) return found(a, k);
      }
      constexpr ptrdiff_t kFar = std::numeric_limits<ptrdiff_t>::max();
      bmin > low ? at(backward_, --bmin - 1) = kFar : ++bmin;
      bmax < high ? at(backward_, ++bmax + 1) = kFar : --bmax;
      for (ptrdiff_t k = bmax; k >= bmin; k -= 2) {
        ptrdiff_t a = at(backward_, k - 1) < at(backward_, k + 1) ? at(backward_, k - 1)
                                                                  : at(backward_, k + 1) - 1;
        const ptrdiff_t from = a;
        while (a > a0 && a - k > b0 &&
               Same(static_cast<size_t>(a - 1), static_cast<size_t>(a - k - 1)))
          --a;
        at(backward_, k) = a;
        if (!budget_.Spend(static_cast<uint64_t>(1 + from - a))) return false;
        if (!odd && k >= fmin && k <= fmax && a <= at(forward_, k)) return found(a, k);
      }
    }
  }

  Side& a_;
  Side& b_;
  Budget& budget_;
  std::vector<ptrdiff_t> forward_, backward_;
};

// Splits at the longest common run of lines that are rare in `a`, and goes on at both sides of it.
class Histogram {
 public:
  Histogram(Side& a, Side& b, Budget& budget)
      : a_(a), b_(b), budget_(budget), next_(a.lines.size(), kNowhere) {
    uint32_t most = 0;
    for (const Side* side : {&a, &b})
      for (const uint32_t number : side->lines) most = std::max(most, number);
    head_.assign(size_t{most} + 1, kNowhere);
    count_.assign(size_t{most} + 1, 0);
  }

  bool Run() {
    std::vector<Box> pending{{0, a_.lines.size(), 0, b_.lines.size()}};
    while (!pending.empty()) {
      const Box box = pending.back();
      pending.pop_back();
      Run_ best;
      bool common = false;
      if (!box.empty() && !Find(box, best, common)) return false;
      if (common && best.occurrences > kMaxOccurrences) {
        if (!Myers(a_, b_, budget_).Run(box)) return false;
      } else if (!common) {
        a_.Mark(box.a_begin, box.a_end);
        b_.Mark(box.b_begin, box.b_end);
      } else {
        pending.push_back({box.a_begin, best.a, box.b_begin, best.b});
        pending.push_back({best.a + best.size, box.a_end, best.b + best.size, box.b_end});
      }
    }
    return true;
  }

 private:
  struct Run_ {
    size_t a = 0, b = 0, size = 1;
    uint32_t occurrences = kMaxOccurrences + 1;  // of its rarest line
  };

  bool Find(const Box& box, Run_& best, bool& common) {
    if (!budget_.Spend(2 * (box.a_end - box.a_begin))) return false;
    for (size_t i = box.a_end; i-- > box.a_begin;) {
      const uint32_t line = a_.lines[i];
      next_[i] = head_[line];
      head_[line] = i;
      ++count_[line];
    }
    bool enough = true;
    for (size_t b = box.b_begin; enough && b < box.b_end;) {
      const uint32_t line = b_.lines[b];
      common = common || count_[line] > 0;
      size_t next = b + 1;
      const bool look = count_[line] > 0 && count_[line] <= best.occurrences;
      for (size_t a = look ? head_[line] : kNowhere; enough && a != kNowhere;) {
        const Run_ run = Extend(box, a, b);
        enough = budget_.Spend(run.size + 1);
        next = std::max(next, run.b + run.size);
        if (run.size > best.size || run.occurrences < best.occurrences) best = run;
        while (a != kNowhere && a < run.a + run.size) a = next_[a];
      }
      enough = enough && budget_.Spend(1);
      b = next;
    }
    for (size_t i = box.a_begin; i < box.a_end; ++i) {
      head_[a_.lines[i]] = kNowhere;
      count_[a_.lines[i]] = 0;
    }
    return enough;
  }

  Run_ Extend(const Box& box, size_t a, size_t b) const {
    Run_ run{a, b, 1, count_[a_.lines[a]]};
    while (run.a > box.a_begin && run.b > box.b_begin &&
           a_.lines[run.a - 1] == b_.lines[run.b - 1]) {
      --run.a, --run.b, ++run.size;
      run.occurrences = std::min(run.occurrences, count_[a_.lines[run.a]]);
    }
    while (run.a + run.size < box.a_end && run.b + run.size < box.b_end &&
           a_.lines[run.a + run.size] == b_.lines[run.b + run.size]) {
      run.occurrences = std::min(run.occurrences, count_[a_.lines[run.a + run.size]]);
      ++run.size;
    }
    return run;
  }

  Side& a_;
  Side& b_;
  Budget& budget_;
  std::vector<size_t> head_;  // of a line's number: its first place in the box
  std::vector<size_t> next_;  // of a place: the next one of the same line
  std::vector<uint32_t> count_;
};

// A run of changed lines between two common ones; there may be none in it. The n-th of one text
// belongs to the n-th of the other.
class Group {
 public:
  explicit Group(Side& side) : side_(side) { Grow(); }
  size_t begin() const { return begin_; }
  size_t end() const { return end_; }
  bool empty() const { return begin_ == end_; }

  bool Next() {
    if (end_ == side_.lines.size()) return false;
    begin_ = end_ = end_ + 1;
    Grow();
    return true;
  }
  void Previous() {
    begin_ = end_ = begin_ - 1;
    GrowUp();
  }
  // Moves by one line where that says the same, and takes in a group that it comes to touch.
  bool SlideUp() {
    if (begin_ == 0 || side_.lines[begin_ - 1] != side_.lines[end_ - 1]) return false;
    side_.changed[--begin_] = 1;
    side_.changed[--end_] = 0;
    GrowUp();
    return true;
  }
  bool SlideDown() {
    if (end_ == side_.lines.size() || side_.lines[begin_] != side_.lines[end_]) return false;
    side_.changed[begin_++] = 0;
    side_.changed[end_++] = 1;
    Grow();
    return true;
  }

 private:
  void Grow() {
    while (end_ < side_.lines.size() && side_.changed[end_] != 0) ++end_;
  }
  void GrowUp() {
    while (begin_ > 0 && side_.changed[begin_ - 1] != 0) --begin_;
  }
  Side& side_;
  size_t begin_ = 0, end_ = 0;
};

// Moves each group down as far as it goes; where on its way it lies beside a change of the other
// text, to the last such place.
bool Compact(Side& side, Side& other, Budget& budget) {
  Group group(side), beside(other);
  do {
    if (group.empty()) continue;
    size_t size = 0, highest_end = 0, matching_end = kNowhere;
    do {
      size = group.end() - group.begin();
      while (group.SlideUp()) {
        beside.Previous();
        if (!budget.Spend(1)) return false;
      }
      highest_end = group.end();
      matching_end = beside.empty() ? kNowhere : group.end();
      while (group.SlideDown()) {
        beside.Next();
        if (!beside.empty()) matching_end = group.end();
        if (!budget.Spend(1)) return false;
      }
    } while (size != group.end() - group.begin());
    if (group.end() == highest_end || matching_end == kNowhere) continue;
    while (beside.empty() && group.SlideUp()) {
      beside.Previous();
      if (!budget.Spend(1)) return false;
    }
  } while (group.Next() && beside.Next());
  return true;
}

}  // namespace

std::optional<std::vector<LineChange>> DiffLines(const LineNumbers& a, const LineNumbers& b,
                                                 DiffAlgorithm algorithm, uint64_t& steps) {
  if (a.size() > kMaxDiffLines || b.size() > kMaxDiffLines) return std::nullopt;
  Side left(a), right(b);
  Budget budget(steps);
  const bool done = algorithm == DiffAlgorithm::kHistogram
                        ? Histogram(left, right, budget).Run()
                        : Myers(left, right, budget).Run({0, a.size(), 0, b.size()});
  if (!done || !Compact(left, right, budget) || !Compact(right, left, budget)) return std::nullopt;
  std::vector<LineChange> changes;
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    LineChange change{i, i, j, j};
    while (change.a_end < a.size() && left.changed[change.a_end] != 0) ++change.a_end;
    while (change.b_end < b.size() && right.changed[change.b_end] != 0) ++change.b_end;
    if (change.a_end > i || change.b_end > j) changes.push_back(change);
    i = change.a_end + 1;
    j = change.b_end + 1;
  }
  return changes;
}

}  // namespace lethe::trust
