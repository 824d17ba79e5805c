// Which commits a review is about, and what their order says: ranges, history before them, counters
// of copied keys.
#include "trust/review_graph.h"

#include <gtest/gtest.h>

#include "trust/merge_base.h"
#include "trust/review_fixture.h"

namespace lethe::trust {
namespace {

using git::ObjectId;

std::vector<ObjectId> Ids(const ReviewVerdict& verdict) {
  std::vector<ObjectId> out;
  for (const CommitReview& review : verdict.commits) out.push_back(review.id);
  return out;
}

TEST(ReviewRange, BeginsBehindTheBase) {
  ReviewFixture f;
  const ObjectId unsigned_root = f.Commit({.person = ""});
  const ObjectId base = f.Commit({.person = "", .parents = {unsigned_root}});
  const ObjectId next = f.Commit({.parents = {base}, .files = {{"a", "1"}}});
  f.Approve("bob", next);
  EXPECT_EQ(f.Reasons(next, next, base), "ok");
  const auto verdict = f.Check(next, base);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(Ids(*verdict), std::vector<ObjectId>{next});
  EXPECT_EQ(f.Reasons(next, unsigned_root), "one-person unsigned");
}

TEST(ReviewRange, OfNothingHoldsNothing) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const auto verdict = f.Check(root, root);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->ok());
  EXPECT_TRUE(verdict->commits.empty());
}

TEST(ReviewRange, TheBaseIsOnTheLineOfFirstParents) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId side = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {root, side}, .files = {{"a", "2\n"}}});
  EXPECT_EQ(f.Reasons(merge, merge, root), "ok");
  EXPECT_EQ(f.Reasons(merge, merge, side), "failed: wrong-object");
  EXPECT_EQ(f.Reasons(root, root, merge), "failed: wrong-object");
}

TEST(ReviewRange, AMergeBelongsToTheFirstStepThatReachesIt) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId a = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId b = f.Commit({.parents = {a}, .files = {{"a", "3\n"}}});
  const ObjectId m1 = f.Commit({.person = "bob", .parents = {root, a}, .files = {{"a", "2\n"}}});
  const ObjectId m2 = f.Commit({.person = "carol", .parents = {m1, b}, .files = {{"a", "3\n"}}});
  const auto verdict = f.Check(m2, root);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(Ids(*verdict), (std::vector<ObjectId>{a, m1, b, m2}));
  EXPECT_TRUE(verdict->ok());
}

TEST(ReviewRange, AMergeMayReachBehindTheBase) {
  // The branch begins two commits before the base, which are not signed.
  ReviewFixture f;
  const ObjectId root = f.Commit({.person = ""});
  const ObjectId old = f.Commit({.person = "", .parents = {root}, .files = {{"a", "1"}}});
  const ObjectId base =
      f.Commit({.person = "", .parents = {old}, .files = {{"a", "1"}, {"b", "1"}}});
  const ObjectId side = f.Commit({.parents = {old}, .files = {{"a", "2"}}});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {base, side}, .files = {{"a", "2"}, {"b", "1"}}});
  const auto verdict = f.Check(merge, base);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(Ids(*verdict), (std::vector<ObjectId>{side, merge}));
  EXPECT_EQ(f.Reasons(merge, merge, base), "ok");
  // What a bundle carries is enough to see that `old` is before the base.
  ASSERT_EQ(verdict->commit_objects.size(), 3u);
  ReviewFixture bundle;
  bundle.with_trees = false;
  for (const std::string& object : verdict->commit_objects)
    bundle.objects.Add(git::ObjectType::kCommit, object);
  EXPECT_EQ(bundle.Reasons(merge, merge, base), "ok");
  const auto again = bundle.Check(merge, base);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(Ids(*again), Ids(*verdict));
  EXPECT_EQ(again->commit_objects, verdict->commit_objects);
  // Without it, `old` would have to be judged, and is not there.
  ReviewFixture less;
  less.with_trees = false;
  for (size_t i = 0; i < 2; ++i)
    less.objects.Add(git::ObjectType::kCommit, verdict->commit_objects[i]);
  EXPECT_EQ(less.Reasons(merge, merge, base), "failed: wrong-object");
}

TEST(ReviewRange, FailsWhereACommitIsMissingOrMalformed) {
  ReviewFixture f;
  const ObjectId absent{std::string(20, '\1')};
  const ObjectId child = f.Commit({.parents = {absent}});
  EXPECT_EQ(f.Reasons(child), "failed: wrong-object");
  EXPECT_EQ(f.Reasons(f.objects.Add(git::ObjectType::kCommit, "tree 1\n\n")), "failed: malformed");
  const ObjectId root = f.Root();
  const ObjectId merge = f.Commit({.parents = {root, absent}});
  EXPECT_EQ(f.Reasons(merge), "failed: wrong-object");
}

TEST(ReviewRange, IsAsDeepAsItIs) {
  // No recursion, nothing quadratic: a line, and a ladder of merges.
  ReviewFixture f;
  ObjectId at = f.Commit({.person = ""});
  ObjectId side = at;
  for (int i = 0; i < 20'000; ++i) {
    const ObjectId next =
        f.Commit({.person = "", .parents = {at, side}, .message = std::to_string(i)});
    side = at;
    at = next;
  }
  f.with_trees = false;
  const auto verdict = f.Check(at);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(verdict->commits.size(), 20'001u);
  const auto graph = ReadReviewGraph(f.objects, {.tip = at});
  ASSERT_TRUE(graph);
  MergeBases bases(*graph);
  for (const ReviewNode& node : graph->commits) {
    if (node.parents.size() < 2 || node.parents[0] == node.parents[1]) continue;
    const auto found = bases.Of({node.parents[0]}, node.parents[1]);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, std::vector<size_t>{node.parents[1]});
  }
}

TEST(MergeBase, FindsAllBestCommonAncestors) {
  // A criss-cross: a and b are both merged into c and d, so both are bases of c and d.
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId a = f.Commit({.parents = {root}, .message = "a"});
  const ObjectId b = f.Commit({.parents = {root}, .message = "b"});
  const ObjectId c = f.Commit({.parents = {a, b}, .message = "c"});
  const ObjectId d = f.Commit({.parents = {b, a}, .message = "d"});
  const ObjectId tip = f.Commit({.parents = {c, d}, .message = "tip"});
  const auto graph = ReadReviewGraph(f.objects, {.tip = tip});
  ASSERT_TRUE(graph);
  const auto place = [&](const ObjectId& id) {
    size_t i = 0;
    while (graph->commits[i].id != id) ++i;
    return i;
  };
  MergeBases bases(*graph);
  const auto of = [&](const std::vector<size_t>& ones, size_t other) {
    auto found = bases.Of(ones, other).value();
    std::sort(found.begin(), found.end());
    return found;
  };
  const auto sorted = [](size_t x, size_t y) {
    return std::vector<size_t>{std::min(x, y), std::max(x, y)};
  };
  EXPECT_EQ(of({place(c)}, place(d)), sorted(place(a), place(b)));
  EXPECT_EQ(of({place(a)}, place(b)), std::vector<size_t>{place(root)});
  EXPECT_EQ(of({place(a), place(b)}, place(c)), sorted(place(a), place(b)));
  EXPECT_EQ(of({place(tip)}, place(a)), std::vector<size_t>{place(a)});
  EXPECT_EQ(of({place(root)}, place(tip)), std::vector<size_t>{place(root)});
}

TEST(CloneAlarm, TheSameCounterOverAnotherMessage) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId one = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}, .counter = 7});
  f.Approve("bob", one);
  const ObjectId two = f.Commit({.parents = {one}, .files = {{"a", "3\n"}}, .counter = 7});
  f.Approve("bob", two);
  EXPECT_EQ(f.Reasons(two, one), "cloned-key");
  EXPECT_EQ(f.Reasons(two, two), "cloned-key");
  EXPECT_EQ(f.Reasons(one, one), "ok");
}

TEST(CloneAlarm, OneSignatureInTwoPlacesIsNone) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  f.statements.push_back(f.statements[0]);
  f.statements[0].signatures.push_back(f.statements[0].signatures[0]);
  EXPECT_EQ(f.Reasons(root, root), "ok");
}

TEST(CloneAlarm, AReviewCountsToo) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId one =
      f.Commit({.person = "bob", .parents = {root}, .files = {{"a", "2\n"}}, .counter = 9});
  f.Approve("alice", one, {.counter = 20});
  const ObjectId two = f.Commit({.parents = {one}, .files = {{"a", "3\n"}}, .counter = 30});
  f.Approve("bob", two, {.counter = 9});
  EXPECT_EQ(f.Reasons(two, one), "cloned-key");
  EXPECT_EQ(f.Reasons(two, two), "cloned-key");
}

TEST(CloneAlarm, ACounterBelowThatOfAnAncestor) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId one = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}, .counter = 9});
  f.Approve("bob", one);
  const ObjectId between =
      f.Commit({.person = "carol", .parents = {one}, .files = {{"a", "3\n"}}, .counter = 1});
  f.Approve("bob", between);
  const ObjectId two = f.Commit({.parents = {between}, .files = {{"a", "4\n"}}, .counter = 8});
  f.Approve("bob", two);
  EXPECT_EQ(f.Reasons(two, one), "ok");
  EXPECT_EQ(f.Reasons(two, between), "ok");
  EXPECT_EQ(f.Reasons(two, two), "cloned-key");
}

TEST(CloneAlarm, BranchesMayComeOutOfOrderAndZeroIsNoCounter) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId late = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}, .counter = 50});
  f.Approve("bob", late);
  const ObjectId early =
      f.Commit({.parents = {root}, .files = {{"a", "1\n"}, {"b", "1"}}, .counter = 40});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {late, early}, .files = {{"a", "2\n"}, {"b", "1"}}});
  EXPECT_EQ(f.Reasons(merge, early), "ok");
  EXPECT_EQ(f.Reasons(merge, late), "ok");
  const ObjectId zero =
      f.Commit({.parents = {merge}, .files = {{"a", "3\n"}, {"b", "1"}}, .counter = 0});
  f.Approve("bob", zero, {.counter = 0});
  const ObjectId again =
      f.Commit({.parents = {zero}, .files = {{"a", "4\n"}, {"b", "1"}}, .counter = 0});
  f.Approve("bob", again, {.counter = 0});
  const auto verdict = f.Check(again);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->ok());
}

}  // namespace
}  // namespace lethe::trust
