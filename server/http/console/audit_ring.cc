#include "server/http/console/audit_ring.h"

#include <utility>

namespace server::http {

namespace {

size_t size_of(const engine::AuditLine& line) {
  return sizeof(line) + line.event.size() + line.user.size() + line.address.size() +
         line.session.size() + line.outcome.size() + line.text.size();
}

}  // namespace

void AuditRing::add(engine::AuditLine line) {
  const std::lock_guard lock(mutex_);
  line.number = ++last_number_;
  line.time_ms = clock_.wall_ms();
  bytes_ += size_of(line);
  lines_.push_back(std::move(line));
  while (lines_.size() > kMostLines || (bytes_ > kMostBytes && lines_.size() > 1)) {
    bytes_ -= size_of(lines_.front());
    lines_.pop_front();
  }
  charge_.resize(bytes_);
}

std::vector<engine::AuditLine> AuditRing::lines() const {
  const std::lock_guard lock(mutex_);
  return {lines_.begin(), lines_.end()};
}

}  // namespace server::http
