// A look-up of one row by its complete key, planned once for all values of the key.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/formats/format.h"
#include "engine/query/pull.h"

namespace engine {

// Executes SELECT columns FROM table WHERE key = $1 [AND another_key = $2].
//
// The condition is true for exactly one row: the one whose key has the bytes that key_of() returns.
// So the condition need not be evaluated for the row.
//
// Threads: one at a time. Owner: the prepared statement.
class PointLookUp {
 public:
  // Returns null if the query has another form: a longer condition, a window, a LIMIT, a function,
  // or a key of which equal values may have different bytes. `plan` is the plan of the query, and
  // `parameters` are the types of its parameters.
  static std::unique_ptr<PointLookUp> make(const Query& query, const PullPlan& plan,
                                           std::span<const SqlType> parameters);

  const std::shared_ptr<const DataSource>& table() const { return plan_.table; }
  // Returns the serialized key of these values; nullopt if a value is NULL or cannot be a value of the key.
  std::optional<std::string> key_of(std::span<const Value> parameters);
  // Computes the result columns from the table's row.
  Result<Batch> shape(Batch row, const EvalContext& eval) const {
    return shaper_.shape(std::move(row), SIZE_MAX, eval);
  }

 private:
  PointLookUp(PullPlan plan, std::vector<size_t> parameter_of, std::unique_ptr<Writer> writer);

  const PullPlan plan_;
  const std::vector<size_t> parameter_of_;  // by key column: index of its parameter
  const std::unique_ptr<Writer> writer_;
  const PullShaper shaper_;
  EncodedRows encoded_;
};

}  // namespace engine
