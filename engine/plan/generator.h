// What a generated stream or table is made of: a rule for each column, and how fast rows come. Data, part of the plan
// (docs/adr/0045).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

enum class GeneratorKind : uint8_t {
  Random,    // each as likely as the others
  Zipf,      // the k-th about 1/k times as often as the first
  Sequence,  // one after the other, and from the first again
  Now,       // the row's time
};

// What the values of a column are chosen from: `values`, or the numbers and times from `min` to `max`, or (with a
// length) random letters or bytes. In a text the number stands behind `prefix`.
struct GeneratorRule {
  GeneratorKind kind = GeneratorKind::Random;
  // Both within; as texts of the column's type, of a number where that is text.
  std::string min = {}, max = {};
  std::vector<std::string> values = {};
  std::string prefix = {};
  int64_t length = 0;
  int64_t nulls_per_million = 0;
};

struct GeneratorPlan {
  int64_t rows_per_second = 10;
  std::optional<int64_t> number_of_rows = {};  // in all; none: without end
  int64_t seed = 0;
  // The time of row 0; each later one comes as much later as the rate says. None: rows have the time at which they are
  // made.
  std::optional<int64_t> start_ms = {};
  std::vector<GeneratorRule> rules = {};  // one for each column of the schema
};

inline constexpr int64_t kMaxGeneratedRowsPerSecond = 1'000'000;
inline constexpr int64_t kMaxGeneratedRowBytes = 64 * 1024;

// A bound of a range as the column holds it (DECIMAL: unscaled); of a text as a number. Nothing when the text is not
// one, or no 64 bits hold it. DOUBLE has ranges of its own.
std::optional<int64_t> read_generated_bound(const SqlType& type, const std::string& text);

// How many values a range has, or a set; both bounds have been checked. 0: more than 64 bits count.
uint64_t generated_choices(const SqlType& type, const GeneratorRule& rule);

// "random from 1.00 to 500.00, 5 % null"; for DESCRIBE and EXPLAIN.
std::string to_text(const GeneratorRule& rule);
// "10 rows per second, seed 7, 1000 rows in all".
std::string to_text(const GeneratorPlan& generator);

}  // namespace engine
