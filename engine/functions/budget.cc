#include "engine/functions/budget.h"

#include <fmt/format.h>

namespace engine {

void EvalBudget::charge(size_t taken_bytes) {
  if (!charge_) charge_.emplace(*memory_, MemoryKind::Queries);
  const size_t wanted = (taken_bytes / kUnchargedBytes + 1) * kUnchargedBytes;
  if (charge_->try_resize(wanted)) {
    uncharged_bytes_ = wanted;
  } else if (spent_ == Spent::Nothing) {
    spent_ = Spent::Memory;
    refusal_ = charge_->refusal("the values of expressions, " + format_bytes(taken_bytes));
  }
}

Status EvalBudget::status() const {
  switch (spent_) {
    case Spent::Nothing:
      return {};
    case Spent::Bytes:
      return Error{
          ErrorCode::LimitExceeded,
          fmt::format("the results of the expressions have more than {} bytes", limits_.max_bytes)};
    case Spent::Memory:
      return *refusal_;
    case Spent::Time:
      return Error{ErrorCode::LimitExceeded, "the expressions took too long"};
    case Spent::Canceled:
      return Error{ErrorCode::QueryCanceled, "canceling statement due to user request"};
  }
  return {};
}

}  // namespace engine
