#include "server/locks/named_locks.h"

#include <utility>

namespace server {

namespace {

class LocalHold final : public NamedLocks::Hold {
 public:
  explicit LocalHold(TableLocks::Hold hold) : hold_(std::move(hold)) {}
  bool is_lost() const override { return false; }

 private:
  const TableLocks::Hold hold_;
};

}  // namespace

NamedLocks::Place LocalLocks::ask(Request request, Answered answered) {
  const auto granted = [answered](TableLocks::Hold hold) {
    answered(HoldPtr(std::make_shared<LocalHold>(std::move(hold))));
  };
  TableLocks::Asked asked = locks_.ask(
      {std::move(request.name)},
      request.is_shared ? TableLocks::Mode::Readers : TableLocks::Mode::Exclusive,
      request.waits ? std::function<void(TableLocks::Hold)>(granted) : [](auto) {}, request.owner);
  if (asked.is_deadlock && request.waits) {
    answered(Error{ErrorCode::Deadlock, "deadlock detected"});
  } else if (asked.hold) {
    granted(std::move(asked.hold));
  } else if (!request.waits) {
    // The lock cannot be granted immediately, and this caller does not wait for it. The destruction of `asked`
    // removes the request from the queue.
    answered(HoldPtr());
  } else {
    return std::make_shared<TableLocks::Place>(std::move(asked.place));
  }
  return nullptr;
}

}  // namespace server
