// The numbers of sequences: reserved by commands of the metadata log, some at a time, and given from memory
// (docs/adr/0080). Each is given once, on all nodes together, and after any crash; what was reserved and not given is
// skipped then.
#pragma once
#include <atomic>
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

namespace server {

// Threads: any; those that wait are none of a loop's. Owner: SqlParts.
class SequenceReserves {
 public:
  explicit SequenceReserves(MetadataApplier& definitions);
  ~SequenceReserves();

  // The next numbers; waits until they are reserved. Fails with QueryCanceled when the budget is over before. Null: it is not.
  Status take(const std::string& name, std::span<int64_t> numbers, engine::EvalBudget* budget);
  // The same without waiting: all of them, or none and false.
  bool try_take(const std::string& name, std::span<int64_t> numbers);
  // The same for a loop: `done` is called once, here or on the metadata thread.
  using Taken = std::function<void(Result<std::vector<int64_t>>)>;
  void take_later(const std::string& name, size_t count, Taken done);
  // setval(); waits as take() does.
  Status set(const std::string& name, const MetadataApplier::SequenceMove::Value& value,
             engine::EvalBudget* budget);
  // The catalog's row says how far the numbers are reserved; here is how far they are given.
  engine::SequencePosition position(const engine::Sequence& sequence) const;
  // What is left is given back, so that a stop in peace skips nothing. Waits for it.
  void give_back();
  // The same of one sequence, before it is altered: what is asked of it means the numbers that were given. Does not wait:
  // `done` is called once, here or on the metadata thread.
  void give_back(const std::string& name, std::function<void()> done);
  // Of a transaction that asks for one: greater than all before, also those before the last start.
  int64_t next_transaction() { return transactions_++; }

 private:
  struct State;
  // Of the sequence as the image has it now. Fails with UndefinedSource.
  Result<engine::SequencePtr> find(const std::string& name) const;
  void reserve(const engine::Sequence& sequence, int64_t count);
  // Nothing where none are left. Nobody is given what is left any more.
  std::optional<MetadataApplier::SequenceMove> unused(const engine::Sequence& sequence);

  MetadataApplier& definitions_;
  std::atomic<int64_t> transactions_;
  const std::shared_ptr<State> state_;  // answers that are on their way need it
};

}  // namespace server
