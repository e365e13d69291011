// The network between the nodes. It delays, loses, duplicates and reorders messages at random. The
// run can also cut connections, and open them again.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/ids.h"
#include "tests/sim/chance.h"
#include "tests/sim/event_queue.h"

namespace sim {

class SimNetwork {
 public:
  SimNetwork(EventQueue& queue, Chance& chance) : queue_(queue), chance_(chance) {}

  // Sends a message: `arrive` is called at each arrival. A message may be lost, or arrive several
  // times.
  void send(NodeId from, NodeId to, const std::function<void()>& arrive) {
    if (from != to && (cut_.contains({from, to}) || chance_.with(loss_))) return;
    const int copies = from != to && chance_.with(loss_ / 2) ? 2 : 1;
    for (int i = 0; i < copies; ++i) queue_.after(chance_.delay_us(kLatencyUs), arrive);
    // Simulates a message of a connection that was given up: it arrives once more, after its sender
    // has stopped waiting.
    if (from != to && chance_.one_in(very_late_one_in_))
      queue_.after(chance_.between(0, kVeryLateUs), arrive);
  }
  void cut(NodeId from, NodeId to) { cut_.emplace(from, to); }
  void heal() {
    for (const auto& way : cut_) healed_us_[way] = queue_.now_us();
    cut_.clear();
  }
  // Returns whether the connection has been open since that time.
  bool is_open_since(NodeId from, NodeId to, int64_t since_us) const {
    const auto healed = healed_us_.find({from, to});
    return !cut_.contains({from, to}) && (healed == healed_us_.end() || healed->second <= since_us);
  }
  void set_loss(double probability) { loss_ = probability; }
  // One of `one_in` messages arrives a second time, long after its sender has stopped waiting.
  void set_very_late(int64_t one_in) { very_late_one_in_ = one_in; }

 private:
  static constexpr int64_t kLatencyUs = 400, kVeryLateUs = 200'000;
  EventQueue& queue_;
  Chance& chance_;
  double loss_ = 0;
  int64_t very_late_one_in_ = 300;
  std::set<std::pair<NodeId, NodeId>> cut_;
  // the time at which each connection was last opened again
  std::map<std::pair<NodeId, NodeId>, int64_t> healed_us_;
};

}  // namespace sim
