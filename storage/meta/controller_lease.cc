#include "storage/meta/controller_lease.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <utility>

namespace storage {

namespace {

constexpr int64_t kRetryUs = 50'000;

std::optional<NodeId> node_of(const std::string& value) {
  int32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return NodeId{number};
}

}  // namespace

ControllerLease::ControllerLease(EtcdClient& etcd, std::string key, NodeId self, int64_t ttl_ms,
                                 const Clock& clock,
                                 std::function<void(const std::optional<Controller>&)> changed)
    : etcd_(etcd),
      key_(std::move(key)),
      self_(self),
      ttl_ms_(ttl_ms),
      clock_(clock),
      changed_(std::move(changed)),
      holder_(etcd, clock,
              {.range = [this] { return EtcdRange::only(key_); },
               .read =
                   [this](const std::vector<EtcdEntry>& entries) {
                     note(entries.empty() ? std::nullopt : std::optional(entries.front()));
                   },
               .changed = [this](const EtcdEvent& event) { note(event.entry); }}) {}

void ControllerLease::tick() {
  const int64_t now_us = clock_.monotonic_us();
  holder_.tick();
  if (lease_ && !is_renewing_ && now_us >= renew_at_us_) keep_alive();
  const bool may_campaign = !is_retired_ && now_us >= stays_out_until_us_;
  if (is_vacant_ && !is_campaigning_ && now_us >= campaign_at_us_ && may_campaign) campaign();
}

// --- Following changes of the key

void ControllerLease::note(const std::optional<EtcdEntry>& entry) {
  is_vacant_ = !entry.has_value();
  std::optional<Controller> controller;
  if (entry)
    if (const auto node = node_of(entry->value)) controller = Controller{*node, entry->created};
  if (controller == controller_) return;
  controller_ = controller;
  is_own_ = controller && controller->node == self_ && lease_ && entry->lease == *lease_;
  if (is_own_ && is_retired_) depose(*controller_);
  changed_(controller_);
}

// --- Creating the key

void ControllerLease::campaign() {
  is_campaigning_ = true;
  if (lease_) return make_key();
  etcd_.grant_lease(ttl_ms_, [this, asked_at_us = clock_.monotonic_us()](Result<EtcdLease> lease) {
    if (!lease) {
      is_campaigning_ = false;
      campaign_at_us_ = clock_.monotonic_us() + kRetryUs;
      return;
    }
    lease_ = *lease;
    renewed(asked_at_us);
    make_key();
  });
}

void ControllerLease::make_key() {
  EtcdTransaction transaction;
  transaction.conditions.push_back({key_, EtcdRevision{0}});
  transaction.puts.push_back({key_, fmt::format("{}", self_.value()), *lease_});
  // The answer is not used, because the watch reports which node has created the key.
  etcd_.commit(std::move(transaction), [this](const Result<EtcdOutcome>&) {
    is_campaigning_ = false;
    campaign_at_us_ = clock_.monotonic_us() + kRetryUs;
  });
}

bool ControllerLease::is_over() const {
  return is_held() && clock_.monotonic_us() - renewed_at_us_ > ttl_ms_ * 1000;
}

void ControllerLease::depose(const Controller& gone) {
  EtcdTransaction transaction;
  transaction.conditions.push_back({key_, gone.created});
  transaction.removals.push_back(EtcdRange::only(key_));
  etcd_.commit(std::move(transaction), [](const Result<EtcdOutcome>&) {});
}

bool ControllerLease::resign(int64_t stay_out_us) {
  const int64_t now_us = clock_.monotonic_us();
  if (!is_held() || now_us < stays_out_until_us_) return false;
  stays_out_until_us_ = now_us + stay_out_us;
  depose(*controller_);
  return true;
}

void ControllerLease::retire() {
  if (std::exchange(is_retired_, true) || !is_held()) return;
  depose(*controller_);
}

// etcd counts the duration from a moment between the request and its answer, so the duration is
// counted from the request here. Counted from the answer, the lease could seem valid after its end.
void ControllerLease::renewed(int64_t asked_at_us) {
  assert(asked_at_us >= renewed_at_us_);  // only one request for the lease is in progress at a time
  renewed_at_us_ = asked_at_us;
  renew_at_us_ = renewed_at_us_ + ttl_ms_ * 1000 / 3;
}

void ControllerLease::keep_alive() {
  is_renewing_ = true;
  etcd_.keep_alive(*lease_, [this, asked_at_us = clock_.monotonic_us()](Result<EtcdLease> lease) {
    is_renewing_ = false;
    if (lease) {
      renewed(asked_at_us);
    } else if (lease.error().code == ErrorCode::NetworkFailure) {
      renew_at_us_ = clock_.monotonic_us() + kRetryUs;
    } else {
      lease_.reset();  // the key was removed with the lease
    }
  });
}

}  // namespace storage
