#include "server/http/proxy/consumer_instances.h"

namespace server::http {

ConsumerInstances::ConsumerInstances(const ProxyView& view) : view_(view) {
  timers_.resize(view.loops.size());
  for (size_t i = 0; i < view.loops.size(); ++i)
    view.loops[i]->post([this, i] {
      constexpr int64_t kTickMs = 500;
      timers_[i] = std::make_unique<Timer>(*view_.loops[i], "consumers of HTTP clients",
                                           [this, i] { tick(i); });
      timers_[i]->start_every(kTickMs);
    });
}

ConsumerInstances::~ConsumerInstances() {
  for (const auto& each : all_)
    if (const auto instance = each.lock()) instance->abandon();
}

ConsumerInstances::Added ConsumerInstances::add(ConsumerSettings settings) {
  const std::lock_guard lock(mutex_);
  std::pair key(settings.group, settings.name);
  if (instances_.contains(key)) return Added::Exists;
  if (instances_.size() >= kMost) return Added::TooMany;
  const size_t shard = next_shard_++ % view_.loops.size();
  auto instance = std::make_shared<ConsumerInstance>(view_, shard, std::move(settings));
  std::erase_if(all_, [](const auto& each) { return each.expired(); });
  all_.push_back(instance);
  instances_[std::move(key)] = std::move(instance);
  return Added::Yes;
}

std::shared_ptr<ConsumerInstance> ConsumerInstances::find(const std::string& group,
                                                          const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find({group, name});
  return found == instances_.end() ? nullptr : found->second;
}

std::shared_ptr<ConsumerInstance> ConsumerInstances::take(const std::string& group,
                                                          const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find({group, name});
  if (found == instances_.end()) return nullptr;
  std::shared_ptr<ConsumerInstance> taken = std::move(found->second);
  instances_.erase(found);
  return taken;
}

void ConsumerInstances::tick(size_t shard) {
  std::vector<std::shared_ptr<ConsumerInstance>> here, idle;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = instances_.begin(); at != instances_.end();) {
      const bool is_here = &at->second->loop() == view_.loops[shard];
      const bool is_idle = is_here && at->second->idle_ms() > kIdleMs;
      if (is_here) (is_idle ? idle : here).push_back(at->second);
      at = is_idle ? instances_.erase(at) : std::next(at);
    }
  }
  for (const auto& instance : here) instance->tick();
  for (const auto& instance : idle)
    instance->run(&ConsumerInstance::close, {}, [](const Response&) {});
}

}  // namespace server::http
