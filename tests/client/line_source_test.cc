#include "client/line_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace client {
namespace {

using Next = LineSource::Next;

class LineSourceTest : public testing::Test {
 protected:
  LineSourceTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~LineSourceTest() override {
    close(ends_[0]);
    hang_up();
  }
  void type(std::string_view text) {
    EXPECT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  // Returns the next line, or a description of the end or the error.
  std::string next(LineSource& source) {
    std::string_view line;
    const Result<Next> found = source.next(line, 0);
    if (!found) return "(failed)";
    return *found == Next::End          ? "(end)"
           : *found == Next::NothingYet ? "(nothing)"
                                        : std::string(line);
  }

  int ends_[2] = {-1, -1};
};

TEST_F(LineSourceTest, lines_end_as_on_unix_or_windows_and_the_last_may_lack_its_end) {
  LineSource source(ends_[0]);
  type("a\nb\r\n\nc");
  hang_up();
  EXPECT_EQ(next(source), "a");
  EXPECT_EQ(next(source), "b");
  EXPECT_EQ(next(source), "");
  EXPECT_EQ(next(source), "c");
  EXPECT_EQ(next(source), "(end)");
  EXPECT_EQ(next(source), "(end)");
}

TEST_F(LineSourceTest, half_a_line_waits_for_its_rest) {
  LineSource source(ends_[0]);
  EXPECT_EQ(next(source), "(nothing)");
  type("hal");
  EXPECT_EQ(next(source), "(nothing)");
  type("f\nnext");
  EXPECT_EQ(next(source), "half");
  EXPECT_EQ(next(source), "(nothing)");
  type("\n");
  EXPECT_EQ(next(source), "next");
}

TEST_F(LineSourceTest, an_empty_input_has_no_line) {
  LineSource source(ends_[0]);
  hang_up();
  EXPECT_EQ(next(source), "(end)");
}

}  // namespace
}  // namespace client
