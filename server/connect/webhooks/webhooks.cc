#include "server/connect/webhooks/webhooks.h"

#include <algorithm>
#include <chrono>

namespace server {

std::string_view WebhookRequest::header(std::string_view name) const {
  const auto found = std::ranges::find(
      headers, name, [](const auto& each) -> std::string_view { return each.first; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

void Webhooks::open(const std::string& name, std::shared_ptr<Webhook> webhook) {
  const std::lock_guard lock(mutex_);
  webhooks_.insert_or_assign(name, std::move(webhook));
  opened_.notify_all();
}

void Webhooks::await(const std::string& name, const std::function<bool()>& is_over) const {
  constexpr auto kCheckInterval = std::chrono::milliseconds(10);
  std::unique_lock lock(mutex_);
  while (!webhooks_.contains(name)) {
    opened_.wait_for(lock, kCheckInterval);
    lock.unlock();
    if (is_over()) return;
    lock.lock();
  }
}

void Webhooks::close(const std::string& name, const Webhook* webhook) {
  const std::lock_guard lock(mutex_);
  const auto found = webhooks_.find(name);
  if (found != webhooks_.end() && found->second.get() == webhook) webhooks_.erase(found);
}

std::shared_ptr<Webhook> Webhooks::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = webhooks_.find(name);
  return found == webhooks_.end() ? nullptr : found->second;
}

}  // namespace server
