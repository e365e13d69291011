// The last step of an incremental view: the rows of the view that have changed since the last cut.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/formats/writer.h"
#include "engine/ivm/step.h"
#include "engine/plan/view_plan.h"

namespace engine {

// Changes of the store and the topic of a view.
struct NetChanges {
  Batch rows;  // columns of the view's topic; `present` is false for a deleted row
  std::vector<std::string> keys = {};   // key of each row, in the format of the topic's key
  std::vector<std::string> bytes = {};  // each row in the row codec
};

// Adds up the weights of all changes of a row, by the row's identity. If rows may be equal, keeps the number of each
// row, because the ids of equal rows end with a number: 0 to n-1.
//
// Invariant: a row of the view has the weight 0 or 1 (a net weight of -1, 0 or 1 between two cuts).
// Threads:   one at a time.
class NetRows final : public IncrementalStep {
 public:
  // `view` must outlive the step. `writer` writes the key columns of the view's topic, which are its first `key_count`
  // columns.
  NetRows(const ViewPlan& view, std::unique_ptr<Writer> writer, size_t key_count);

  Status take(Changes changes, const EvalContext& eval) override;
  // Fails with Internal if a row has a weight that is not possible.
  Result<bool> finish_some(size_t most, const EvalContext& eval) override;
  size_t state_bytes() const override { return state_bytes_ + pending_bytes_; }

  // Returns the next changed rows, `most` or fewer; no rows at the end. Call it when all steps have finished.
  Result<NetChanges> next_changes(size_t most);
  bool has_changes() const { return next_ < settled_.size(); }

 private:
  struct Settled {
    std::string id;
    std::string bytes;  // the columns of the topic without the row id
    bool is_present = false;
  };
  Status settle(const std::string& id, const std::vector<std::pair<std::string, int64_t>>& weights);
  Status settle_numbered(const std::string& id, const std::string& bytes, int64_t weight);

  const ViewPlan& view_;
  const std::unique_ptr<Writer> writer_;
  const size_t key_count_;
  std::vector<SqlType> types_;  // of the columns of the topic without the row id
  // by identity: the rows that were added and removed, and how often
  absl::flat_hash_map<std::string, std::vector<std::pair<std::string, int64_t>>> pending_;
  // Place in pending_ while finish_some() has more to do. No changes arrive meanwhile.
  std::optional<decltype(pending_)::const_iterator> settling_;
  absl::flat_hash_map<std::string, int64_t> counts_;  // number of equal rows, if rows may be equal
  std::vector<Settled> settled_;
  size_t next_ = 0;           // first element of settled_ that was not returned yet
  size_t state_bytes_ = 0;    // of counts_
  size_t pending_bytes_ = 0;  // of pending_ and settled_
};

}  // namespace engine
