// Tests the limits of functions: too large values are errors, an evaluation ends when its budget is spent, and a row
// fails only because of its own contents.
#include <gtest/gtest.h>

#include <ctime>

#include "tests/engine/functions/call.h"
#include "tests/engine/functions/function_batch.h"
#include "tests/patience.h"

using namespace functions_test;

namespace engine {
namespace {

TEST(FunctionBudget, a_text_is_never_cut_without_a_word) {
  const std::string refused =
      "error: a value would have 70000000 bytes, and at most 67108864 are allowed";
  EXPECT_EQ(shown("LPAD", {"a", 70'000'000, "x"}), refused);
  EXPECT_EQ(shown("RPAD", {"a", 70'000'000, "x"}), refused);
  EXPECT_EQ(shown("LPAD", {bytes("a"), 70'000'000, bytes("x")}), refused);
  EXPECT_EQ(call("LPAD", {"a", 1'000'000, "x"})->as_string().size(), 1'000'000u);
}

TEST(FunctionBudget, oversized_results_are_refused_before_they_are_built) {
  const std::string many(100'000, 'a'), long_text(1'000, 'b');
  const std::string refused =
      "error: a value would have 100000000 bytes, and at most 67108864 are allowed";
  EXPECT_EQ(shown("REPLACE", {many.c_str(), "a", long_text.c_str()}), refused);
  const std::string some(1'000, 'a');
  EXPECT_NE(shown("REGEXP_REPLACE", {some.c_str(), "a", many.c_str()}).find("error: a value"),
            std::string::npos);
  const std::string half(size_t{40} << 20, 'a');
  EXPECT_EQ(shown("CONCAT", {half.c_str(), half.c_str()}),
            "error: a value would have 83886080 bytes, and at most 67108864 are allowed");
  EXPECT_EQ(shown("CONCAT_WS", {",", half.c_str(), half.c_str()}),
            "error: a value would have 83886081 bytes, and at most 67108864 are allowed");
}

TEST(FunctionBudget, replace_changes_all_matches) {
  EXPECT_EQ(shown("REPLACE", {"aXbXX", "X", "--"}), "\"a--b----\"");
  EXPECT_EQ(shown("REPLACE", {"aXbXX", "X", ""}), "\"ab\"");
  EXPECT_EQ(shown("REPLACE", {"aXbXX", "XX", "y"}), "\"aXby\"");
  EXPECT_EQ(shown("REPLACE", {"ab", "", "-"}), "\"-a-b-\"");
  EXPECT_EQ(shown("REPLACE", {"", "a", "b"}), "\"\"");
  EXPECT_EQ(shown("REGEXP_REPLACE", {"a1b22", "([0-9])", "<$1>"}), "\"a<1>b<2><2>\"");
}

TEST(FunctionBudget, a_pattern_without_end_fails_its_row_alone) {
  const std::string hostile(40, 'a');
  FunctionBatch batch("REGEXP_EXTRACT");
  batch.add({"(a+)+$", (hostile + "!").c_str()});
  batch.add({"(a+)+$", "aaa"});
  batch.run();
  EXPECT_EQ(batch.error(0), "the regular expression takes too many steps on this text");
  EXPECT_EQ(batch.error(1), "");
  EXPECT_EQ(batch.text(1), "aaa");
}

TEST(FunctionBudget, an_honest_pattern_may_read_a_long_text) {
  std::string text(1 << 20, 'a');
  text += "needle";
  EXPECT_EQ(shown("REGEXP_EXTRACT", {"(n.*e)$", text.c_str()}), "\"needle\"");
  EXPECT_EQ(shown("REGEXP_EXTRACT", {".*(needle)", text.c_str(), 1}), "\"needle\"");
}

TEST(FunctionBudget, a_batch_of_patterns_ends_with_its_time) {
  const std::string hostile(40, 'a');
  FunctionBatch batch("REGEXP_EXTRACT");
  for (int i = 0; i < 1000; ++i) batch.add({"(a+)+$", (hostile + "!").c_str()});
  const SystemClock clock;
  EvalBudget budget(clock);
  const int64_t begin_us = clock.monotonic_us();
  budget.begin({.deadline_us = begin_us + 20'000});
  batch.run(&budget);
  EXPECT_EQ(budget.spent(), EvalBudget::Spent::Time);
  EXPECT_FASTER(std::chrono::microseconds(clock.monotonic_us() - begin_us),
                std::chrono::seconds(5));  // the evaluation of all rows would take minutes
}

// Each search once took minutes, because it restarted after every position at which it had failed.
TEST(FunctionBudget, searches_are_linear_in_text_and_pattern) {
  const std::string text(2'000'000, 'a'), half(1'000'000, 'a');
  const std::string last_differs = half + "b", first_differs = "b" + half;
  const SystemClock clock;
  const int64_t begin_us = clock.monotonic_us();
  for (const std::string& wanted : {last_differs, first_differs}) {
    EXPECT_EQ(shown("INSTR", {text.c_str(), wanted.c_str()}), "0");
    EXPECT_EQ(shown("INSTR", {text.c_str(), wanted.c_str(), -1}), "0");
    EXPECT_EQ(call("REPLACE", {text.c_str(), wanted.c_str(), "x"})->as_string(), text);
    EXPECT_EQ(call("SPLIT", {text.c_str(), wanted.c_str()})->as_list().size(), 1u);
  }
  EXPECT_EQ(shown("INSTR", {text.c_str(), half.c_str(), 1, 1'000'001}), "1000001");
  EXPECT_EQ(shown("INSTR", {text.c_str(), half.c_str(), -1, 1'000'001}), "1");
  std::string entries;
  for (int i = 0; i < 2'000; ++i) entries += std::to_string(i) + "=x,";
  EXPECT_EQ(call("SPLIT_TO_MAP", {entries.c_str(), ",", "="})->as_map().size(), 2'000u);
  EXPECT_FASTER(std::chrono::microseconds(clock.monotonic_us() - begin_us),
                std::chrono::seconds(90));
}

// The functions once searched all entries for each key.
TEST(FunctionBudget, maps_of_many_keys_are_made_in_one_pass) {
  std::string keys, first = "{", second = "{";
  for (int i = 0; i < 300'000; ++i) {
    const std::string key = std::to_string(i);
    keys += key + ",";
    (i % 2 ? first : second) += (i > 1 ? ",\"" : "\"") + key + "\":1";
  }
  const Typed list(engine::SqlType::array(engine::TypeKind::String),
                   *call("SPLIT", {keys.c_str(), ","}));
  const std::clock_t begin = std::clock();
  const Typed map(engine::SqlType::map(engine::TypeKind::String, engine::TypeKind::String),
                  *call("AS_MAP", {list, list}));
  EXPECT_EQ(map.value.as_map().size(), 300'001u);
  EXPECT_EQ(call("MAP_UNION", {map, map})->as_map().size(), 300'001u);
  EXPECT_EQ(
      call("JSON_CONCAT", {(first + "}").c_str(), (second + "}").c_str()})->as_string().size(),
      first.size() + second.size() + 1);
  // The limit is in seconds of CPU time. The calls take about 2 s; when each key searched all entries, they took an
  // hour.
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 300);
}

TEST(FunctionBudget, slow_rows_of_any_function_end_with_their_time) {
  const std::string text(100'000, 'a');
  FunctionBatch batch("INSTR");
  for (int i = 0; i < 400; ++i) batch.add({text.c_str(), "ab"});
  const SystemClock clock;
  EvalBudget budget(clock);
  budget.begin({.deadline_us = clock.monotonic_us() + 500});
  batch.run(&budget);
  EXPECT_EQ(batch.error(0), "");
  EXPECT_NE(batch.error(399), "");
  EXPECT_EQ(budget.spent(), EvalBudget::Spent::Time);
}

// A function that makes arrays processes all rows in one call, so its time limit must hold within the call.
TEST(FunctionBudget, rows_that_make_much_together_end_with_their_time) {
  FunctionBatch batch("GENERATE_SERIES");
  for (int i = 0; i < 2'000; ++i) batch.add({1, 100'000});
  const SystemClock clock;
  EvalBudget budget(clock);
  budget.begin({.max_bytes = size_t{4} << 30, .deadline_us = clock.monotonic_us() + 30'000});
  batch.run(&budget);
  EXPECT_EQ(batch.error(0), "");
  EXPECT_NE(batch.error(1'999), "");
  EXPECT_EQ(budget.spent(), EvalBudget::Spent::Time);
}

TEST(FunctionBudget, one_value_may_be_bounded_more_closely) {
  for (const int length : {1'000, 1'001}) {
    FunctionBatch batch("LPAD");
    batch.add({"", length, "x"});
    const SystemClock clock;
    EvalBudget budget(clock);
    budget.begin({.max_value_bytes = 1'000});
    batch.run(&budget);
    using enum EvalBudget::Spent;
    EXPECT_EQ(budget.spent(), length == 1'000 ? Nothing : Bytes);
  }
}

TEST(FunctionBudget, bytes_of_one_evaluation_are_bounded) {
  FunctionBatch batch("LPAD");
  for (int i = 0; i < 20; ++i) batch.add({"", 1'000'000, "x"});
  const SystemClock clock;
  EvalBudget budget(clock);
  budget.begin({.max_bytes = 10'000'000});
  batch.run(&budget);
  EXPECT_EQ(budget.spent(), EvalBudget::Spent::Bytes);
  EXPECT_EQ(budget.status().error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(batch.error(9), "");
  EXPECT_NE(batch.error(10), "");
}

TEST(FunctionBudget, large_values_are_charged_to_the_servers_memory) {
  MemoryBudget memory(size_t{100} << 20);
  const SystemClock clock;
  {
    std::vector<std::unique_ptr<EvalBudget>> budgets;
    const auto make = [&] {
      budgets.push_back(std::make_unique<EvalBudget>(clock, nullptr, &memory));
      budgets.back()->begin({});
    };
    for (int i = 0; i < 100; ++i) make();
    for (const auto& budget : budgets) EXPECT_TRUE(budget->take_bytes(1'000'000));
    EXPECT_EQ(memory.held_bytes(), 0u);
    size_t granted = 0;
    for (const auto& budget : budgets) granted += budget->take_bytes(10'000'000) ? 1 : 0;
    EXPECT_GE(granted, 4u);
    EXPECT_LE(granted, 9u);
    EXPECT_GE(memory.held_bytes(MemoryKind::Queries), granted * 10'000'000);
    EXPECT_EQ(budgets.back()->spent(), EvalBudget::Spent::Memory);
    const Error error = budgets.back()->status().error();
    EXPECT_EQ(error.code, ErrorCode::OutOfMemory);
    EXPECT_EQ(error.message, "not enough memory for the values of expressions, 10 MB");
    EXPECT_NE(error.detail.find("memory-limit is 100 MB"), std::string::npos) << error.detail;
    budgets.front()->begin({});
    EXPECT_LT(memory.held_bytes(), granted * 10'000'000);
  }
  EXPECT_EQ(memory.held_bytes(), 0u);
}

TEST(FunctionBudget, a_waiting_client_may_cancel) {
  const SystemClock clock;
  std::atomic<bool> is_canceled = false;
  EvalBudget budget(clock, &is_canceled);
  budget.begin({});
  EXPECT_FALSE(budget.is_over());
  is_canceled = true;
  EXPECT_TRUE(budget.is_over());
  EXPECT_EQ(budget.status().error().code, ErrorCode::QueryCanceled);
}

}  // namespace
}  // namespace engine
