#include "base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace lethe {
namespace {

constexpr const char* kVariable = "LETHE_TEST_FD";

TEST(TakeDescriptor, OwnsWhatTheVariableNamesAndClosesItOnExec) {
  const int given = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(given, 0);
  ::setenv(kVariable, std::to_string(given).c_str(), 1);
  {
    const auto fd = TakeDescriptor(kVariable);
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(fd->get(), given);
    EXPECT_EQ(::fcntl(given, F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(::fcntl(given, F_GETFD), -1) << "closed by its owner";
}

TEST(TakeDescriptor, IsEmptyWhereTheVariableIsNotSet) {
  ::unsetenv(kVariable);
  const auto fd = TakeDescriptor(kVariable);
  ASSERT_TRUE(fd) << fd.error().message;
  EXPECT_FALSE(*fd);
}

TEST(TakeDescriptor, RefusesWhatIsNoOpenDescriptor) {
  for (const char* bad : {"", "-1", "1x", " 1", "99999999999", "1000000"}) {
    ::setenv(kVariable, bad, 1);
    const auto fd = TakeDescriptor(kVariable);
    ASSERT_FALSE(fd) << "'" << bad << "'";
    EXPECT_EQ(fd.error().code, ErrorCode::kMalformed);
    EXPECT_EQ(fd.error().message, "LETHE_TEST_FD names no descriptor");
  }
}

}  // namespace
}  // namespace lethe
