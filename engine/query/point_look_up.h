// A look-up of one row by all of its key, planned once for whatever values the key has.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/formats/format.h"
#include "engine/query/pull.h"

namespace engine {

// SELECT columns FROM table WHERE key = $1 [AND another_key = $2].
//
// The condition holds for exactly the row whose key has these bytes, so it is not looked at again.
//
// Threads: one at a time. Owner: the prepared statement.
class PointLookUp {
 public:
  // Null where the query is another one: there is more to its condition, a window, a LIMIT, a function, or a key whose
  // values may be equal and have other bytes. `plan`: of the query; `parameters`: its types.
  static std::unique_ptr<PointLookUp> make(const Query& query, const PullPlan& plan,
                                           std::span<const SqlType> parameters);

  const std::shared_ptr<const DataSource>& table() const { return plan_.table; }
  // The serialized key; nothing where a value is NULL, or none that the key can have.
  std::optional<std::string> key_of(std::span<const Value> parameters);
  // What the table has under the key becomes the columns of the result.
  Result<Batch> shape(Batch row, const EvalContext& eval) const {
    return shaper_.shape(std::move(row), SIZE_MAX, eval);
  }

 private:
  PointLookUp(PullPlan plan, std::vector<size_t> parameter_of, std::unique_ptr<Writer> writer);

  const PullPlan plan_;
  const std::vector<size_t> parameter_of_;  // each column of the key
  const std::unique_ptr<Writer> writer_;
  const PullShaper shaper_;
  EncodedRows encoded_;
};

}  // namespace engine
