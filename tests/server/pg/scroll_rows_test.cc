// A scrollable cursor (DECLARE ... SCROLL) moves forward and backward. These tests check which rows a FETCH returns,
// and before or on which row the cursor stands afterwards.
#include "server/pg/scroll_rows.h"

#include <gtest/gtest.h>

#include <string>

namespace server::pg {
namespace {

using engine::FetchDirection;
using enum engine::FetchDirection;

class ScrollRowsTest : public ::testing::Test {
 protected:
  // Adds one chunk of `rows` rows, each with its number.
  void add(int rows) {
    auto column = std::make_shared<engine::Column>(engine::TypeKind::Integer);
    for (int i = 0; i < rows; ++i) column->append(++last_);
    rows_.add({column}, static_cast<size_t>(rows));
  }
  std::string fetch(FetchDirection direction, std::optional<int64_t> count = 1) {
    rows_.begin(direction, count, has_ended_);
    return go_on();
  }
  // Returns the rows of the FETCH, followed by "." if it is complete, "?" if it waits for more
  // rows.
  std::string go_on() {
    std::string text;
    while (const auto run = rows_.next(has_ended_)) {
      size_t count = run->end_row - run->first_row;
      if (rows_.limit()) count = std::min<size_t>(count, *rows_.limit());
      for (size_t row = run->first_row; row < run->first_row + count; ++row)
        text += std::to_string(run->columns[0]->data<int32_t>()[row]) + " ";
      rows_.advance(count);
    }
    return text + (rows_.is_done() ? "." : "?");
  }
  ScrollRows rows_;
  bool has_ended_ = false;

 private:
  int32_t last_ = 0;
};

TEST_F(ScrollRowsTest, goes_both_ways_over_chunks) {
  add(2);
  add(3);
  has_ended_ = true;
  EXPECT_EQ(fetch(Forward), "1 .");
  EXPECT_EQ(fetch(Forward, 3), "2 3 4 .");
  EXPECT_EQ(fetch(Backward, 2), "3 2 .");
  EXPECT_EQ(fetch(Forward, std::nullopt), "3 4 5 .");
  EXPECT_EQ(fetch(Forward), ".");
  EXPECT_EQ(fetch(Backward), "5 .");
  EXPECT_EQ(fetch(Backward, std::nullopt), "4 3 2 1 .");
  EXPECT_EQ(fetch(Backward), ".");
  EXPECT_EQ(fetch(Forward, -1), ".");
  EXPECT_EQ(fetch(Backward, -2), "1 2 .");
  EXPECT_EQ(fetch(Forward, 0), "2 .");
}

TEST_F(ScrollRowsTest, finds_rows_by_their_places) {
  add(5);
  has_ended_ = true;
  EXPECT_EQ(fetch(Last), "5 .");
  EXPECT_EQ(fetch(First), "1 .");
  EXPECT_EQ(fetch(Absolute, 3), "3 .");
  EXPECT_EQ(fetch(Relative, 2), "5 .");
  EXPECT_EQ(fetch(Relative, -3), "2 .");
  EXPECT_EQ(fetch(Relative, 0), "2 .");
  EXPECT_EQ(fetch(Absolute, -2), "4 .");
  EXPECT_EQ(fetch(Absolute, 0), ".");
  EXPECT_EQ(fetch(Forward, 0), ".");
  EXPECT_EQ(fetch(Forward), "1 .");
  EXPECT_EQ(fetch(Absolute, 9), ".");
  EXPECT_EQ(fetch(Backward), "5 .");
  EXPECT_EQ(fetch(Absolute, -9), ".");
  EXPECT_EQ(fetch(Absolute, INT64_MIN), ".");
  EXPECT_EQ(fetch(Relative, INT64_MAX), ".");
  EXPECT_EQ(fetch(Relative, INT64_MAX), ".");
  EXPECT_EQ(fetch(Backward), "5 .");
}

TEST_F(ScrollRowsTest, waits_for_rows_that_have_not_come) {
  add(2);
  EXPECT_EQ(fetch(Forward, 3), "1 2 ?");
  add(2);
  EXPECT_EQ(go_on(), "3 .");
  EXPECT_EQ(fetch(Absolute, -1), "?");
  add(1);
  EXPECT_EQ(go_on(), "?");
  has_ended_ = true;
  EXPECT_EQ(go_on(), "5 .");
}

TEST_F(ScrollRowsTest, no_rows_have_no_last_one) {
  EXPECT_EQ(fetch(Last), "?");
  has_ended_ = true;
  EXPECT_EQ(go_on(), ".");
  EXPECT_EQ(fetch(First), ".");
  EXPECT_EQ(fetch(Backward), ".");
}

}  // namespace
}  // namespace server::pg
