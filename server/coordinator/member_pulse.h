// Lets the loop of a connection answer heartbeats without the group's loop. This is possible
// because the state of a group rarely changes between two heartbeats.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace server::coordinator {

// A pulse answers heartbeats in place of the coordinator. Two loops share it: the loop of the
// member's connection, and the loop of the member's group. While the pulse is open, the
// connection's loop answers heartbeats and stores the time of the last one. The group's loop reads
// this time to check the member's session.
//
// Threads: beat() from any thread; all other functions from the group's loop, except that is_open() may be called from
// any thread.
class MemberPulse {
 public:
  // Accepts a heartbeat. Returns false if the coordinator has to handle it.
  bool beat(int64_t now_us) {
    if (!is_open_.load(std::memory_order_acquire)) return false;
    last_us_.store(now_us, std::memory_order_release);
    return true;
  }
  int64_t last_us() const { return last_us_.load(std::memory_order_acquire); }
  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }
  // Closes the pulse permanently, because the group has news for the member. A concurrent call of
  // beat() may still accept a heartbeat, as if the heartbeat had arrived before.
  void close() { is_open_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> is_open_ = true;
  std::atomic<int64_t> last_us_ = 0;
};

// The pulses of the members whose connections belong to one loop. Threads: that loop.
class MemberPulses {
 public:
  // Returns the key of a pulse, which consists of the fields of a heartbeat. A pulse is valid only
  // for heartbeats with exactly these fields.
  static std::string key(const std::string& group_id, const std::string& member_id,
                         int32_t generation) {
    std::string key = group_id;
    key += '\0';
    key += member_id;
    key += '\0';
    key += std::to_string(generation);
    return key;
  }
  // Accepts a heartbeat with the content `key`. Returns false if the coordinator has to handle it.
  bool beat(const std::string& key, int64_t now_us) {
    const auto found = pulses_.find(key);
    if (found == pulses_.end()) return false;
    if (found->second->beat(now_us)) return true;
    pulses_.erase(found);
    return false;
  }
  void keep(std::string key, std::shared_ptr<MemberPulse> pulse) {
    // If a member disappears without leaving, its entry remains until the group closes its pulse.
    if (pulses_.size() >= most_) {
      absl::erase_if(pulses_, [](const auto& each) { return !each.second->is_open(); });
      most_ = std::max(kLeast, 2 * pulses_.size());
    }
    pulses_.insert_or_assign(std::move(key), std::move(pulse));
  }
  size_t size() const { return pulses_.size(); }

 private:
  static constexpr size_t kLeast = 1'000;
  absl::flat_hash_map<std::string, std::shared_ptr<MemberPulse>> pulses_;
  size_t most_ = kLeast;
};

}  // namespace server::coordinator
