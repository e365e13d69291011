// Tests joins of tables by foreign keys: answers that arrive in another order than their requests, and rows to which
// many others refer. Neither crashes nor the sizes of steps change the final result.
#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "base/random.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kLeft =
    "CREATE TABLE l (id VARCHAR PRIMARY KEY, a INT, fk VARCHAR) WITH (KAFKA_TOPIC = 'l');";
const std::string kRight =
    "CREATE TABLE r (id VARCHAR PRIMARY KEY, b INT) WITH (KAFKA_TOPIC = 'r');";

// The rows of the two tables.
struct Model {
  struct Left {
    int a;
    std::optional<std::string> fk;
  };
  std::map<std::string, Left> left;
  std::map<std::string, int> right;

  // Returns the expected rows of the join as values, by key.
  std::map<std::string, std::string> joined(bool is_left_join) const {
    std::map<std::string, std::string> rows;
    for (const auto& [key, row] : left) {
      const auto found = row.fk ? right.find(*row.fk) : right.end();
      if (found == right.end() && !is_left_join) continue;
      rows[key] = "{\"A\":" + std::to_string(row.a) +
                  ",\"B\":" + (found == right.end() ? "null" : std::to_string(found->second)) + "}";
    }
    return rows;
  }
};

class ForeignKeyJoin : public QueryTest {
 protected:
  std::unique_ptr<QueryRun> join(const std::string& kind, TaskOptions options = exact()) {
    return query({kLeft, kRight},
                 "CREATE TABLE x AS SELECT l.id AS id, a, b FROM l " + kind + " r ON l.fk = r.id;",
                 options);
  }
  void put_left(QueryRun& run, const std::string& key, int a, std::optional<std::string> fk,
                int64_t time = 0) {
    model_.left[key] = {a, fk};
    run.produce("l", at(key),
                {{key,
                  "{\"A\":" + std::to_string(a) +
                      ",\"FK\":" + (fk ? "\"" + *fk + "\"" : std::string("null")) + "}",
                  time}});
  }
  void put_right(QueryRun& run, const std::string& key, int b, int64_t time = 0) {
    model_.right[key] = b;
    run.produce("r", at(key), {{key, "{\"B\":" + std::to_string(b) + "}", time}});
  }
  void erase_left(QueryRun& run, const std::string& key, int64_t time = 0) {
    model_.left.erase(key);
    run.produce("l", at(key), {{key, std::nullopt, time}});
  }
  void erase_right(QueryRun& run, const std::string& key, int64_t time = 0) {
    model_.right.erase(key);
    run.produce("r", at(key), {{key, std::nullopt, time}});
  }
  int at(const std::string& key) const { return partition_for(key, settings_.num_partitions); }

  // Makes one random change of one of the tables.
  void change(QueryRun& run, Random& random, bool may_erase) {
    const std::string key = "k" + std::to_string(random.next() % 6);
    const std::string other = "f" + std::to_string(random.next() % 5);
    const bool erases = may_erase && random.next() % 4 == 0;
    if (random.next() % 3 == 0)
      erases ? erase_right(run, other) : put_right(run, other, ++last_value_);
    else if (erases)
      erase_left(run, key);
    else
      put_left(run, key, ++last_value_,
               random.next() % 8 == 0 ? std::nullopt : std::optional(other));
  }
  // Returns, for each key, all values that were written, in their order; "null" is a deletion.
  static std::map<std::string, std::vector<std::string>> written_of(QueryRun& run) {
    std::map<std::string, std::vector<std::string>> values;
    std::istringstream lines(run.written());
    for (std::string key, value, time; lines >> key >> value >> time;) values[key].push_back(value);
    return values;
  }
  static std::map<std::string, std::string> newest_of(QueryRun& run) {
    std::map<std::string, std::string> newest;
    for (auto& [key, values] : written_of(run))
      if (values.back().starts_with('{')) newest[key] = values.back();
    return newest;
  }

  Model model_;
  int last_value_ = 0;
};

TEST_F(ForeignKeyJoin, each_side_changes_the_rows_that_belong_to_it) {
  auto run = join("JOIN");
  put_right(*run, "f", 1, 10);
  put_left(*run, "a", 1, "f", 20);
  put_left(*run, "b", 2, "g", 30);
  ASSERT_TRUE(run->run_to_rest());
  put_right(*run, "g", 2, 5);
  ASSERT_TRUE(run->run_to_rest());
  put_left(*run, "b", 3, "f", 40);
  ASSERT_TRUE(run->run_to_rest());
  put_right(*run, "f", 4, 50);
  ASSERT_TRUE(run->run_to_rest());
  erase_right(*run, "f", 60);
  ASSERT_TRUE(run->run_to_rest());
  erase_left(*run, "b", 70);
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "a {\"A\":1,\"B\":1} @20\n"
            "b {\"A\":2,\"B\":2} @30\n"  // the timestamp is the greater one of the two rows
            "b {\"A\":3,\"B\":1} @40\n"
            "a {\"A\":1,\"B\":4} @50\n"
            "b {\"A\":3,\"B\":4} @50\n"
            "a - @60\n"
            "b - @60\n"
            "b - @70\n");  // a second deletion, as in Kafka Streams
}

TEST_F(ForeignKeyJoin, a_null_refers_to_no_row) {
  auto run = join("LEFT JOIN");
  put_left(*run, "a", 1, std::nullopt, 10);
  put_right(*run, "f", 1, 20);
  put_left(*run, "a", 2, "f", 30);
  put_left(*run, "a", 3, std::nullopt, 40);
  ASSERT_TRUE(run->run_to_rest());
  put_right(*run, "f", 2, 50);
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(newest_of(*run), model_.joined(true));
  EXPECT_EQ(written_of(*run)["a"].back(), "{\"A\":3,\"B\":null}");
}

// The tasks run in random order, so an answer for an old foreign key may arrive long after the answer for the new
// foreign key. The values of the left side only increase. So if a smaller value follows a greater one, an outdated
// row was shown.
TEST_F(ForeignKeyJoin, nothing_is_seen_that_is_out_of_date) {
  settings_.num_partitions = 4;
  for (const bool is_left : {false, true}) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      Random random(seed);
      model_ = {};
      auto run = join(is_left ? "LEFT JOIN" : "JOIN", exact(1 + random.next() % 4));
      for (int i = 0; i < 200; ++i) {
        change(*run, random, false);
        for (uint64_t left = random.next() % 8; left > 0; --left) run->stumble(random);
      }
      ASSERT_TRUE(run->run_to_rest());
      EXPECT_EQ(newest_of(*run), model_.joined(is_left)) << "seed " << seed;
      for (const auto& [key, values] : written_of(*run)) {
        int newest = 0;
        for (const std::string& value : values) {
          if (!value.starts_with('{')) continue;
          const int a = std::stoi(value.substr(value.find(':') + 1));
          EXPECT_GE(a, newest) << "seed " << seed << " key " << key;
          newest = a;
        }
      }
      // The second store has the rows that are moving from one foreign key to another. No row moves at the end.
      for (size_t i = 0; i < run->task_count(); ++i)
        if (run->task(i).stage().stores().size() == 2 && run->task(i).inputs().size() == 1) {
          EXPECT_EQ(run->task(i).stage().stores()[1]->size(), 0u) << "seed " << seed;
        }
    }
  }
}

// Random changes delete rows and insert them again, and tasks crash at any point and continue from their last commits.
// Nevertheless the last output of each key must be the joined row of the two tables.
TEST_F(ForeignKeyJoin, in_the_end_the_rows_are_those_of_the_tables) {
  settings_.num_partitions = 3;
  for (const bool is_left : {false, true}) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      Random random(seed);
      model_ = {};
      auto run = join(is_left ? "LEFT JOIN" : "JOIN");
      for (int i = 0; i < 300; ++i) {
        change(*run, random, true);
        for (uint64_t left = random.next() % 8; left > 0; --left) run->stumble(random);
        if (random.next() % 20 != 0) continue;
        run->options().max_rows_per_step = 1 + random.next() % 50;
        run->options().slice.max_rows = 1 + random.next() % 50;
        run->start();
      }
      run->start();
      ASSERT_TRUE(run->run_to_rest());
      EXPECT_EQ(newest_of(*run), model_.joined(is_left)) << "seed " << seed;
    }
  }
}

// Thousands of rows refer to one row, so a change of that row changes thousands of result rows. Steps and commits end
// in the middle of these. A crash there must not change the result.
TEST_F(ForeignKeyJoin, a_row_that_many_refer_to_is_worked_off_in_slices) {
  constexpr int kMany = 3'000;
  const auto fill = [&](QueryRun& run) {
    std::vector<TestRecord> many;
    for (int i = 0; i < kMany; ++i)
      many.push_back(
          {"k" + std::to_string(i), "{\"A\":" + std::to_string(i) + ",\"FK\":\"f\"}", i});
    run.produce("l", 0, many);
    ASSERT_TRUE(run.run_to_rest());
    put_right(run, "e", 0, 9'000);
    put_right(run, "f", 1, 9'001);
    put_right(run, "f", 2, 9'002);
    erase_right(run, "f", 9'003);
  };
  auto calm = join("JOIN");
  fill(*calm);
  ASSERT_TRUE(calm->run_to_rest());
  const std::string expected = calm->written();
  EXPECT_EQ(std::ranges::count(expected, '\n'), 3 * kMany);
  EXPECT_LT(calm->log().largest_commit(), size_t{200} << 10);  // the changes are in several commits

  auto troubled = join("JOIN");
  fill(*troubled);
  Random random(7);
  for (int crashes = 0; crashes < 40; ++crashes) {
    troubled->options().slice.max_rows = 1 + random.next() % 400;
    troubled->options().max_rows_per_step = 1 + random.next() % 300;
    troubled->start();
    for (uint64_t left = random.next() % 40; left > 0; --left) troubled->stumble(random);
  }
  troubled->start();
  ASSERT_TRUE(troubled->run_to_rest());
  EXPECT_EQ(troubled->written(), expected);
}

}  // namespace
}  // namespace engine
