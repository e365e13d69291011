#include "engine/query/key_owner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::vector<std::string> kClicks = {
    "CREATE STREAM clicks (user_id VARCHAR KEY, page VARCHAR);"};

class KeyOwner : public QueryTest {
 protected:
  KeyOwner() { settings_.num_partitions = 4; }

  // Checks that every page is found in the task that task_of_key() returns.
  void check_pages(const std::string& sql) {
    auto run = query(kClicks, sql);
    std::vector<std::string> pages;
    for (int i = 0; i < 40; ++i) {
      pages.push_back("page " + std::to_string(i));
      run->produce("clicks", i % 4, {{"someone", "{\"PAGE\":\"" + pages.back() + "\"}", 1'000}});
    }
    ASSERT_TRUE(run->run_to_rest());
    for (const std::string& page : pages) {
      const auto task = task_of_key(run->plan(), page);
      ASSERT_TRUE(task) << sql;
      EXPECT_EQ(run->look_up_in(*task, page)->rows, 1u) << page;
    }
  }
};

TEST_F(KeyOwner, keys_that_the_query_has_distributed_are_where_it_has_put_them) {
  check_pages("CREATE TABLE views AS SELECT page, COUNT(*) AS n FROM clicks GROUP BY page;");
  check_pages(
      "CREATE TABLE views AS SELECT page, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 10 "
      "SECONDS) "
      "GROUP BY page;");
}

TEST_F(KeyOwner, keys_that_producers_have_distributed_may_be_anywhere) {
  auto run = query(
      kClicks, "CREATE TABLE users AS SELECT user_id, COUNT(*) AS n FROM clicks GROUP BY user_id;");
  EXPECT_FALSE(task_of_key(run->plan(), "someone"));
  auto cities = table("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);");
  EXPECT_FALSE(task_of_key(cities->plan(), "Lahore"));
}

}  // namespace
}  // namespace engine
