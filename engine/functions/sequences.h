// What nextval(), currval(), setval() and lastval() ask: the sequences as one session sees them. And what txid_current() asks. A
// port: the server has it.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/functions/budget.h"

namespace engine {

// Names are as a statement's texts spell them, or the numbers that regclass has.
//
// Threads: one at a time, and not a loop's: next() and set() may wait until numbers are reserved durably.
class Sequences {
 public:
  virtual ~Sequences() = default;
  // Fills `numbers` with the next ones. Fails with QueryCanceled when the budget is over while it waits; null: it is not.
  virtual Status next(std::string_view name, std::span<int64_t> numbers, EvalBudget* budget) = 0;
  // What next() gave this session last, of this sequence and of any.
  virtual Result<int64_t> current(std::string_view name) const = 0;
  virtual Result<int64_t> last() const = 0;
  // The number behind `value` is the next one, or where it was not called `value` itself.
  virtual Status set(std::string_view name, int64_t value, bool is_called, EvalBudget* budget) = 0;
  // The number of the transaction; outside of one another each time.
  virtual int64_t transaction() = 0;
};

// The sequences that functions find which this thread computes while the object lives. They are not in EvalContext, which all
// functions and operators see, for the sake of five that a few statements call.
class SequencesInUse {
 public:
  explicit SequencesInUse(Sequences* sequences);  // null: there are none
  ~SequencesInUse();
  SequencesInUse(const SequencesInUse&) = delete;
  SequencesInUse& operator=(const SequencesInUse&) = delete;

 private:
  Sequences* const before_;
};

struct FunctionFamily;
extern const FunctionFamily kSequenceFunctions;

}  // namespace engine
