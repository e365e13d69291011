// The interface to the sequences as one session sees them. Used by nextval(), currval(), setval()
// and lastval(), and also by txid_current(). The server implements it.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/functions/budget.h"

namespace engine {

// The sequences of one session. A name is written as in a statement's text, or is the sequence's regclass number.
//
// Threads: one at a time, and not a loop's thread: next() and set() may wait until numbers are reserved durably.
class Sequences {
 public:
  virtual ~Sequences() = default;
  // Fills `numbers` with the next numbers of the sequence. Fails with QueryCanceled if the budget
  // is used up while the function waits. Without a budget (null), it waits without a limit.
  virtual Status next(std::string_view name, std::span<int64_t> numbers, EvalBudget* budget) = 0;
  // current() returns the last number that next() has returned to this session for this sequence,
  // last() for any sequence.
  virtual Result<int64_t> current(std::string_view name) const = 0;
  virtual Result<int64_t> last() const = 0;
  // Sets the sequence. Its next number is the number after `value`, or `value` itself if `is_called` is false.
  virtual Status set(std::string_view name, int64_t value, bool is_called, EvalBudget* budget) = 0;
  // Returns the number of the current transaction. Outside of a transaction, each call returns a new number.
  virtual int64_t transaction() = 0;
};

// As long as this object exists, functions that this thread computes use the given Sequences. They
// are not a part of EvalContext, which all functions and operators receive, because only five
// functions in few statements need them.
class SequencesInUse {
 public:
  explicit SequencesInUse(Sequences* sequences);  // null: no sequences
  ~SequencesInUse();
  SequencesInUse(const SequencesInUse&) = delete;
  SequencesInUse& operator=(const SequencesInUse&) = delete;

 private:
  Sequences* const before_;
};

struct FunctionFamily;
extern const FunctionFamily kSequenceFunctions;

}  // namespace engine
