// The definition of a generated stream or table: a rule for each column, and the rate of rows. It
// is a part of the query's plan (docs/adr/0045).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

enum class GeneratorKind : uint8_t {
  Random,    // all values are equally likely
  Zipf,      // the k-th value is about 1/k times as frequent as the first
  Sequence,  // the values in order, then from the first one again
  Now,       // the time for which the row is due (see GeneratorPlan::start_ms)
};

// The values of a column. They are one of `values`; or a number or time from `min` to `max`, after
// `prefix` if the column is a text; or, if a length is set, random letters or bytes.
struct GeneratorRule {
  GeneratorKind kind = GeneratorKind::Random;
  // Inclusive bounds, as texts of the column's type, or of a number if the column is text.
  std::string min = {}, max = {};
  std::vector<std::string> values = {};
  std::string prefix = {};
  int64_t length = 0;
  int64_t nulls_per_million = 0;
};

struct GeneratorPlan {
  int64_t rows_per_second = 10;
  std::optional<int64_t> number_of_rows = {};  // number of rows in total; none: unlimited
  int64_t seed = 0;
  // Time of row 0. Later rows follow at the given rate. Without a value, a row has the time at which it is generated.
  std::optional<int64_t> start_ms = {};
  std::vector<GeneratorRule> rules = {};  // one per column of the schema
};

inline constexpr int64_t kMaxGeneratedRowsPerSecond = 1'000'000;
inline constexpr int64_t kMaxGeneratedRowBytes = 64 * 1024;

// Returns a bound of a range in the form in which the column stores it (for DECIMAL, the unscaled
// number). For a text column it is a number. Returns nullopt if the text is not a value of the
// type, or does not fit into 64 bits. Ranges of DOUBLE are handled elsewhere.
std::optional<int64_t> read_generated_bound(const SqlType& type, const std::string& text);

// Returns the number of values in a range or a set; 0 stands for more values than fit into 64 bits. Both bounds must
// have been checked.
uint64_t generated_choices(const SqlType& type, const GeneratorRule& rule);

// Returns "random from 1.00 to 500.00, 5 % null"; for DESCRIBE and EXPLAIN.
std::string to_text(const GeneratorRule& rule);
// Returns "10 rows per second, seed 7, 1000 rows in all".
std::string to_text(const GeneratorPlan& generator);

}  // namespace engine
