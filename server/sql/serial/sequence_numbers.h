// The numbers of sequences: reserved by commands of the metadata log, some at a time, and given from memory
// (docs/adr/0080). Each is given once, on all nodes together, and after any crash; what was reserved and not given is
// skipped then.
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

// In a cluster numbers of a sequence that a column owns (SERIAL: docs/adr/0100) are given for some seconds after they were
// asked for, and no longer: who gives such a number to a row itself knows then when nobody else gives it any more.
//
// Threads: any; those that wait are none of a loop's. Owner: SqlParts.
class SequenceReserves {
 public:
  explicit SequenceReserves(MetadataApplier& definitions);
  ~SequenceReserves();
  // In a cluster, before anybody asks for a number.
  void share_with_nodes() { is_shared_ = true; }

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
  // In a cluster, before rows with these numbers are written: whatever is asked for later is none of them. Answers how long to
  // wait before that is so; `done` is called once, here or on the metadata thread.
  using Passed = std::function<void(Result<std::chrono::milliseconds>)>;
  void pass(GivenNumbers given, Passed done);
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
  bool is_brief(const engine::Sequence& sequence) const;
  // Nothing where none are left. Nobody is given what is left any more.
  std::optional<MetadataApplier::SequenceMove> unused(const engine::Sequence& sequence);

  MetadataApplier& definitions_;
  bool is_shared_ = false;
  std::atomic<int64_t> transactions_;
  const std::shared_ptr<State> state_;  // answers that are on their way need it
};

}  // namespace server
