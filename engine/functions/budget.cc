#include "engine/functions/budget.h"

#include <fmt/format.h>

namespace engine {

Status EvalBudget::status() const {
  switch (spent_) {
    case Spent::Nothing:
      return {};
    case Spent::Bytes:
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("the values that the expressions make take more than {} bytes",
                               limits_.max_bytes)};
    case Spent::Time:
      return Error{ErrorCode::LimitExceeded, "the expressions took too long"};
    case Spent::Canceled:
      return Error{ErrorCode::QueryCanceled, "canceling statement due to user request"};
  }
  return {};
}

}  // namespace engine
