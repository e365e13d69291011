// Tests tasks that crash at any moment and continue from their durable state. They reach the same
// state as a task that never crashed, and write the same output without duplicates.
#include <set>
#include <sstream>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

struct Case {
  std::string name, source, query;
  int partitions;
  bool is_ordered;         // every run processes the records in the same order
  std::string other = {};  // a second source, which gets records like those of the first one
};

void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

const std::string kOrders = "CREATE STREAM orders (id VARCHAR KEY, city VARCHAR, amount INT);";
const std::string kTable =
    "CREATE TABLE orders (id VARCHAR PRIMARY KEY, city VARCHAR, amount INT);";
const Case kCases[] = {
    {"filter", kOrders, "CREATE STREAM x AS SELECT * FROM orders WHERE amount > 5;", 2, true},
    {"count", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n, COLLECT_LIST(amount) AS l FROM orders GROUP BY "
     "id;",
     2, true},
    {"windowed count with grace", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 10 SECONDS, "
     "RETENTION 30 SECONDS, GRACE PERIOD 5 SECONDS) GROUP BY id;",
     1, true},
    {"final results of hopping windows", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM orders WINDOW HOPPING (SIZE 10 SECONDS, "
     "ADVANCE BY 5 SECONDS, GRACE PERIOD 0 SECONDS) GROUP BY id EMIT FINAL;",
     1, true},
    {"hopping windows", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM orders WINDOW HOPPING (SIZE 10 SECONDS, "
     "ADVANCE BY 1 SECOND, GRACE PERIOD 2 SECONDS) GROUP BY id;",
     1, true},
    {"final results that stay", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM orders WINDOW HOPPING (SIZE 10 SECONDS, "
     "ADVANCE BY 2 SECONDS, RETENTION 1 HOUR, GRACE PERIOD 1 SECOND) GROUP BY id EMIT FINAL;",
     1, true},
    {"lists that become rows", kOrders,
     "CREATE STREAM x AS SELECT id, EXPLODE(GENERATE_SERIES(0, amount)) AS i, amount FROM orders "
     "WHERE amount <> 4;",
     1, true},
    {"having over windows", kOrders,
     "CREATE TABLE x AS SELECT id, SUM(amount) AS s FROM orders WINDOW HOPPING (SIZE 10 SECONDS, "
     "ADVANCE BY 2 SECONDS, GRACE PERIOD 1 SECOND) GROUP BY id HAVING SUM(amount) % 3 = 0;",
     1, true},
    {"having", kOrders,
     "CREATE TABLE x AS SELECT id, SUM(amount) AS s FROM orders GROUP BY id HAVING SUM(amount) % 3 "
     "= 0;",
     1, true},
    {"repartition", kOrders, "CREATE STREAM x AS SELECT * FROM orders PARTITION BY city;", 1, true},
    {"count over a repartition", kOrders,
     "CREATE TABLE x AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;", 2, false},
    {"windowed list over a repartition", kOrders,
     "CREATE TABLE x AS SELECT city, COLLECT_LIST(amount) AS l FROM orders WINDOW TUMBLING (SIZE "
     "10 "
     "SECONDS, GRACE PERIOD 5 SECONDS) GROUP BY city;",
     2, false},
    {"filtered table", kTable, "CREATE TABLE x AS SELECT * FROM orders WHERE amount > 5;", 1, true},
    {"aggregated table with undo", kTable,
     "CREATE TABLE x AS SELECT city, COUNT(*) AS n, SUM(amount) AS s FROM orders GROUP BY city "
     "HAVING COUNT(*) > 1;",
     1, true},
};

const std::string kReturns = "CREATE STREAM returns (id VARCHAR KEY, city VARCHAR, amount INT);";
const std::string kReturnTable =
    "CREATE TABLE returns (id VARCHAR PRIMARY KEY, city VARCHAR, amount INT);";
const std::string kOfBoth = "SELECT o.id, o.amount AS a, r.amount AS b FROM orders o ";
const Case kJoins[] = {
    {"join", kOrders,
     "CREATE STREAM x AS " + kOfBoth + "JOIN returns r WITHIN 5 SECONDS ON o.id = r.id;", 1, true,
     kReturns},
    {"eager left join", kOrders,
     "CREATE STREAM x AS " + kOfBoth +
         "LEFT JOIN returns r WITHIN (3 SECONDS, 8 SECONDS) ON o.id = r.id;",
     1, true, kReturns},
    {"left join", kOrders,
     "CREATE STREAM x AS " + kOfBoth +
         "LEFT JOIN returns r WITHIN 2 SECONDS GRACE PERIOD 3 SECONDS ON o.id = r.id;",
     1, true, kReturns},
    {"right join", kOrders,
     "CREATE STREAM x AS " + kOfBoth +
         "RIGHT JOIN returns r WITHIN 2 SECONDS GRACE PERIOD 1 SECOND ON o.id = r.id;",
     2, true, kReturns},
    {"full join", kOrders,
     "CREATE STREAM x AS SELECT ROWKEY, o.amount AS a, r.amount AS b FROM orders o FULL JOIN "
     "returns r WITHIN (1 SECOND, 2 SECONDS) GRACE PERIOD 1 SECOND ON o.id = r.id;",
     1, true, kReturns},
    {"join of what is repartitioned", kOrders,
     "CREATE STREAM x AS SELECT o.city, o.amount AS a, r.amount AS b FROM orders o JOIN returns r "
     "WITHIN 3 SECONDS ON o.city = r.city;",
     2, false, kReturns},
    {"joined tables", kTable, "CREATE TABLE x AS " + kOfBoth + "JOIN returns r ON o.id = r.id;", 1,
     true, kReturnTable},
    {"fully joined tables", kTable,
     "CREATE TABLE x AS SELECT ROWKEY, o.amount AS a, r.amount AS b FROM orders o FULL JOIN "
     "returns r ON o.id = r.id;",
     2, true, kReturnTable},
    {"joined and filtered tables", kTable,
     "CREATE TABLE x AS " + kOfBoth + "LEFT JOIN returns r ON o.id = r.id WHERE o.amount > 3;", 1,
     true, kReturnTable},
    {"sessions", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n, COLLECT_LIST(amount) AS l FROM orders WINDOW "
     "SESSION (1 SECOND, GRACE PERIOD 5 SECONDS) GROUP BY id;",
     1, true},
    {"sessions with having", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM orders WINDOW SESSION (2 SECONDS) GROUP BY "
     "id HAVING COUNT(*) > 2;",
     2, true},
    {"final results of sessions", kOrders,
     "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM orders WINDOW SESSION (1 SECOND, GRACE "
     "PERIOD 2 SECONDS) GROUP BY id EMIT FINAL;",
     1, true},
};

class TaskRestart : public QueryTest, public testing::WithParamInterface<Case> {
 protected:
  TaskRestart() { settings_.num_partitions = GetParam().partitions; }

  std::unique_ptr<QueryRun> with_records(uint64_t seed) {
    std::vector<std::string> sources{GetParam().source};
    if (!GetParam().other.empty()) sources.push_back(GetParam().other);
    auto run = query(sources, GetParam().query);
    Random random(seed);
    add_records(*run, "orders", random);
    if (sources.size() > 1) add_records(*run, "returns", random);
    return run;
  }

  void add_records(QueryRun& run, const std::string& topic, Random& random) {
    int64_t time = 20'000;
    for (int batches = 12; batches > 0; --batches) {
      std::vector<std::vector<TestRecord>> batch(static_cast<size_t>(GetParam().partitions));
      for (uint64_t left = 1 + random.next() % 10; left > 0; --left) {
        time += static_cast<int64_t>(random.next() % 1500);
        const std::string key(1, static_cast<char>('a' + random.next() % 5));
        const int partition = partition_for(key, GetParam().partitions);
        TestRecord& record = batch[static_cast<size_t>(partition)].emplace_back();
        record.key = key;
        record.timestamp = time - static_cast<int64_t>(random.next() % 12'000);
        const char city = static_cast<char>('A' + random.next() % 3);
        record.value = "{\"CITY\":\"" + std::string(1, city) +
                       "\",\"AMOUNT\":" + std::to_string(random.next() % 10) + "}";
        if (random.next() % 10 == 0) record.value = std::nullopt;
        if (random.next() % 30 == 0) record.value = "{nonsense";
      }
      for (size_t i = 0; i < batch.size(); ++i)
        if (!batch[i].empty()) run.produce(topic, static_cast<int>(i), batch[i]);
    }
  }
};

std::string sorted_lines(const std::string& text) {
  std::istringstream in(text);
  std::multiset<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.insert(line);
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

std::string outcome(QueryRun& run, bool is_ordered) {
  std::string text = run.written();
  // A stream must have the same rows in any order; in a table, the last row of each key must be the
  // same.
  if (!is_ordered) text = run.table().empty() ? sorted_lines(text) : run.newest_written();
  text += "table:\n" + run.table();
  for (size_t i = 0; i < run.task_count(); ++i) {
    if (const StreamTime* seen = run.task(i).stage().stream_time())
      text += std::to_string(seen->timestamp) + "\n";
    // The offsets of records in an exchange differ from run to run.
    if (is_ordered)
      for (const int64_t scalar : run.task(i).stage().scalars())
        text += std::to_string(scalar) + "\n";
  }
  return text;
}

TEST_P(TaskRestart, crashes_change_nothing) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    auto calm = with_records(seed);
    ASSERT_TRUE(calm->run_to_rest());
    const std::string expected = outcome(*calm, GetParam().is_ordered);
    ASSERT_NE(calm->written(), "");

    auto troubled = with_records(seed);
    troubled->log().take_back_on_release();
    Random random(seed * 1000);
    for (int crashes = 0; crashes < 8; ++crashes) {
      troubled->options().max_rows_per_step = 1 + random.next() % 20;
      // Steps end between the results of one record.
      troubled->options().slice.max_rows = 1 + random.next() % 12;
      troubled->start();
      for (uint64_t left = random.next() % 30; left > 0; --left) troubled->stumble(random);
    }
    troubled->start();
    ASSERT_TRUE(troubled->run_to_rest());
    ASSERT_EQ(outcome(*troubled, GetParam().is_ordered), expected) << "seed " << seed;
    // Starts once more with nothing left to do: the journal must contain the whole state.
    troubled->start();
    ASSERT_TRUE(troubled->run_to_rest());
    ASSERT_EQ(outcome(*troubled, GetParam().is_ordered), expected) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Queries, TaskRestart, testing::ValuesIn(kCases));
INSTANTIATE_TEST_SUITE_P(Joins, TaskRestart, testing::ValuesIn(kJoins));

}  // namespace
}  // namespace engine
