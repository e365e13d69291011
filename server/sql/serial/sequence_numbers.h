// Gives out the numbers of sequences. Commands of the metadata log reserve several numbers at a
// time, which are then given out from memory (docs/adr/0080). Each number is given out once, over
// all nodes and after any crash. A crash skips the numbers that were reserved and not given out
// yet.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/sequence.h"
#include "engine/functions/budget.h"
#include "server/metadata/metadata_applier.h"
#include "server/sql/serial/given_numbers.h"

namespace server {

// In a cluster, the numbers of a sequence that a column owns (SERIAL: docs/adr/0100) are used only
// for a few seconds after they were reserved. So a node that writes such a number explicitly knows
// after which time no other node can give it out.
//
// Threads: any; calls that wait are never made on a loop. Owner: SqlParts.
class SequenceReserves {
 public:
  explicit SequenceReserves(MetadataApplier& definitions);
  ~SequenceReserves();
  // Declares that other nodes use the sequences, too. Call it before the first number is requested.
  void share_with_nodes() { is_shared_ = true; }
  // Returns whether other nodes take numbers of the same sequences. If so, a writer of explicit
  // numbers has to move the sequence past them first.
  bool is_shared() const { return is_shared_; }

  // Takes the next numbers; waits until they are reserved. Fails with QueryCanceled if the budget
  // is used up first. A null budget means no limit.
  Status take(const std::string& name, std::span<int64_t> numbers, engine::EvalBudget* budget);
  // Takes all of the next numbers, if that is possible without waiting. Otherwise takes none, and returns false.
  bool try_take(const std::string& name, std::span<int64_t> numbers);
  // Takes the next numbers without blocking the calling loop: `done` is called once, within the
  // call or on the metadata thread.
  using Taken = std::function<void(Result<std::vector<int64_t>>)>;
  void take_later(const std::string& name, size_t count, Taken done);
  // Executes setval(). Waits until the new position is stored.
  Status set(const std::string& name, const MetadataApplier::SequenceMove::Value& value,
             engine::EvalBudget* budget);
  using Passed = std::function<void(Result<std::chrono::milliseconds>)>;
  // Moves the sequence past explicit numbers, so that later requests get none of them. Called in a
  // cluster before rows with these numbers are written. `done` gets the time for which the caller
  // must still wait; after that time no node can give these numbers out. It is called once, within
  // the call or on the metadata thread.
  void pass(GivenNumbers given, Passed done);
  // Returns the position up to which numbers were given out. (The row in the catalog only has the
  // position up to which numbers are reserved.)
  engine::SequencePosition position(const engine::Sequence& sequence) const;
  // Gives all unused numbers back, so that a clean stop skips none. Waits until this is done, but
  // at most some seconds.
  void give_back();
  // Gives the unused numbers of one sequence back before the sequence is altered, so that its
  // position is that of the last used number. Does not wait: `done` is called once, within the call
  // or on the metadata thread.
  void give_back(const std::string& name, std::function<void()> done);
  // Returns a number for a transaction. It is greater than all numbers that this server returned
  // before, also before its last restart.
  int64_t next_transaction() { return transactions_++; }

 private:
  struct State;
  // Finds the sequence in the present image. Fails with UndefinedSource.
  Result<engine::SequencePtr> find(const std::string& name) const;
  void reserve(const engine::Sequence& sequence, int64_t count);
  bool is_brief(const engine::Sequence& sequence) const;
  // Returns a command that gives the unused numbers back, and drops them from the reserve. Returns
  // nothing if no numbers are left.
  std::optional<MetadataApplier::SequenceMove> unused(const engine::Sequence& sequence);

  MetadataApplier& definitions_;
  bool is_shared_ = false;
  std::atomic<int64_t> transactions_;
  const std::shared_ptr<State> state_;  // shared with pending answers
};

}  // namespace server
