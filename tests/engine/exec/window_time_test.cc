// Tests that records with the smallest and greatest timestamps count like others in every kind of
// window, and that nothing hangs.
#include <limits>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
const std::string kClicks = "CREATE STREAM clicks (id VARCHAR KEY, page VARCHAR);";

struct Case {
  std::string name, window;
};
void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

const Case kCases[] = {
    {"tumbling", "TUMBLING (SIZE 1 MINUTE)"},
    {"tumbling with grace", "TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 MINUTE)"},
    {"grace of all time", "TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 106751991167 DAYS)"},
    {"size of all time", "TUMBLING (SIZE 106751991167 DAYS)"},
    {"hopping", "HOPPING (SIZE 1 MINUTE, ADVANCE BY 20 SECONDS)"},
    {"hopping by odd steps", "HOPPING (SIZE 1 MINUTE, ADVANCE BY 7 SECONDS, RETENTION 3 DAYS)"},
};

class WindowTime : public QueryTest, public testing::WithParamInterface<Case> {
 protected:
  std::unique_ptr<QueryRun> count(const std::string& emit = "") {
    return query({kClicks}, "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM clicks WINDOW " +
                                GetParam().window + " GROUP BY id" + emit + ";");
  }
  static size_t rows_of(const std::string& text) {
    return static_cast<size_t>(std::ranges::count(text, '\n'));
  }
};

TEST_P(WindowTime, a_record_at_either_end_of_time_counts) {
  for (const int64_t time :
       {int64_t{0}, int64_t{1}, kMax - 60'001, kMax - 60'000, kMax - 1, kMax}) {
    auto run = count();
    run->produce("clicks", 0, {{"a", R"({"PAGE":"x"})", time}});
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_GE(rows_of(run->written()), 1u) << time;
    EXPECT_GE(rows_of(run->table()), 1u) << time;
    EXPECT_EQ(run->task().metrics().records_failed, 0u);
  }
}

TEST_P(WindowTime, a_record_from_before_time_is_reported) {
  auto run = count();
  run->produce("clicks", 0, {{"a", R"({"PAGE":"x"})", -1}, {"a", R"({"PAGE":"x"})", 5}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->task().metrics().records_failed, 1u);
  EXPECT_EQ(rows_of(run->table()), 1u);
}

TEST_P(WindowTime, final_results_come_when_time_ends) {
  auto run = count(" EMIT FINAL");
  run->produce("clicks", 0, {{"a", R"({"PAGE":"x"})", 5}, {"b", R"({"PAGE":"x"})", kMax}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_NE(run->written().find("a"), std::string::npos) << run->written();
  EXPECT_EQ(run->written().find("b"), std::string::npos) << run->written();
}

INSTANTIATE_TEST_SUITE_P(Kinds, WindowTime, testing::ValuesIn(kCases));

class WindowLimit : public QueryTest {};

TEST_F(WindowLimit, windows_a_record_are_bounded_when_the_query_is_created) {
  catalog_ = std::make_shared<const Catalog>();
  ASSERT_TRUE(create(kClicks));
  const std::string many =
      "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM clicks WINDOW HOPPING (SIZE 365 DAYS, "
      "ADVANCE "
      "BY 1 MILLISECOND) GROUP BY id;";
  const auto refused = plan(many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(refused.error().message,
            "each record would belong to 31536000000 windows, but the limit is 10000");
  EXPECT_EQ(refused.error().detail,
            "The windows have a size of 31536000000 ms and advance by 1 ms.");
  EXPECT_EQ(refused.error().hint,
            "Advance by 3153600 ms or more.");  // one millisecond less would exceed the limit
}

TEST_F(WindowLimit, the_property_decides) {
  catalog_ = std::make_shared<const Catalog>();
  ASSERT_TRUE(create(kClicks));
  const std::string three =
      "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM clicks WINDOW HOPPING (SIZE 3 SECONDS, "
      "ADVANCE "
      "BY 1 SECOND) GROUP BY id;";
  session_["max.windows.per.record"] = "2";
  EXPECT_EQ(plan(three).error().code, ErrorCode::LimitExceeded);
  session_["max.windows.per.record"] = "3";
  EXPECT_TRUE(plan(three));
  session_["max.windows.per.record"] = "many";
  EXPECT_EQ(plan(three).error().code, ErrorCode::InvalidParameter);
}

}  // namespace
}  // namespace engine
