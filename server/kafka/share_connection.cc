#include "server/kafka/share_connection.h"

#include <atomic>

namespace server::kafka {

namespace {

constexpr size_t kMostSessions = 1'000;

uint64_t new_id() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

}  // namespace

ShareConnection::ShareConnection(Backend& backend) : backend_(backend), id_(new_id()) {}

ShareConnection::~ShareConnection() {
  for (const auto& [group, member] : sessions_)
    backend_.groups().ask_here(coordinator::CloseShareSession{group, member, id_},
                               [](const coordinator::ClosedShareSession&) {});
}

bool ShareConnection::note(const std::string& group, const std::string& member) {
  if (sessions_.size() >= kMostSessions && !sessions_.contains({group, member})) return false;
  sessions_.emplace(group, member);
  return true;
}

}  // namespace server::kafka
