// Tests the time for which a controller trusts its lease, compared with the lease in etcd.
#include "storage/meta/controller_lease.h"

#include "tests/sim/sim_etcd.h"

namespace storage {
namespace {

constexpr int64_t kTtlMs = 1'000;

class EventClock final : public Clock {
 public:
  explicit EventClock(const sim::EventQueue& queue) : queue_(queue) {}
  int64_t wall_ms() const override { return queue_.now_us() / 1000; }
  int64_t monotonic_us() const override { return queue_.now_us(); }

 private:
  const sim::EventQueue& queue_;
};

class ControllerLeaseTest : public testing::Test {
 protected:
  explicit ControllerLeaseTest(uint64_t seed = 1) : chance_(seed) {
    client_ = etcd_.connect(kSelf, {[] { return true; }, [](auto work) { work(); }});
    lease_.emplace(*client_, kKey, kSelf, kTtlMs, clock_, [](const auto&) {});
  }
  bool believes() const { return lease_->is_held() && !lease_->is_over(); }
  bool is_granted() const { return !etcd_.find(EtcdRange::only(kKey)).entries.empty(); }
  // Runs until `is_done` returns true, for at most 30 seconds. Checks after each event that a node
  // trusts its lease only while etcd grants it.
  void run_until(const std::function<bool()>& is_done) {
    for (const int64_t end_us = queue_.now_us() + 30'000'000; !is_done();) {
      ASSERT_LT(queue_.now_us(), end_us);
      lease_->tick();
      bool is_event = true;
      for (const int64_t until_us = queue_.now_us() + 1'000; is_event;) {
        is_event = queue_.step(until_us);
        ASSERT_TRUE(!believes() || is_granted()) << "at " << queue_.now_us() << " us";
      }
    }
  }
  void pass(int64_t us) {
    run_until([this, end_us = queue_.now_us() + us] { return queue_.now_us() >= end_us; });
  }

  static constexpr NodeId kSelf{1};
  const std::string kKey = "/controller";
  sim::EventQueue queue_;
  sim::Chance chance_;
  sim::SimEtcd etcd_{queue_, chance_};
  EventClock clock_{queue_};
  std::unique_ptr<EtcdClient> client_;
  std::optional<ControllerLease> lease_;
};

class ControllerLeaseSeedTest : public ControllerLeaseTest,
                                public testing::WithParamInterface<int> {
 protected:
  ControllerLeaseSeedTest() : ControllerLeaseTest(static_cast<uint64_t>(GetParam())) {}
};

TEST_F(ControllerLeaseTest, a_lease_is_renewed_as_long_as_etcd_answers) {
  run_until([this] { return believes(); });
  for (int i = 0; i < 50; ++i) {
    pass(100'000);
    ASSERT_TRUE(believes());
  }
}

// etcd executes the last renewal late, so its lease lasts longer than this node assumes, and the
// answer arrives late, too.
TEST_P(ControllerLeaseSeedTest, a_node_without_etcd_gives_up_before_its_lease_ends) {
  etcd_.set_latency_us(100'000);
  run_until([this] { return believes(); });
  pass(chance_.between(0, 2'000'000));
  run_until([this] { return believes(); });
  etcd_.cut(kSelf, true);
  run_until([this] { return !is_granted(); });
  EXPECT_FALSE(believes());
  EXPECT_TRUE(lease_->is_over());
}

TEST_P(ControllerLeaseSeedTest, no_late_or_lost_answer_extends_a_lease) {
  etcd_.set_latency_us(chance_.between(1'000, 300'000));
  etcd_.set_loss(0.2);
  pass(30'000'000 - 2'000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ControllerLeaseSeedTest, testing::Range(1, 41));

}  // namespace
}  // namespace storage
