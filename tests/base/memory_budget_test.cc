#include "base/memory_budget.h"

#include <deque>
#include <vector>

namespace {

constexpr size_t kMb = 1 << 20;

struct Client {
  MemoryAccount account;
  MemoryCharge charge;
  explicit Client(MemoryBudget& budget)
      : account(budget), charge(&account, MemoryKind::Connections) {}
};

TEST(MemoryBudget, charged_memory_is_given_back) {
  MemoryBudget budget(64 * kMb);
  {
    Client client(budget);
    EXPECT_TRUE(client.charge.try_resize(3 * kMb));
    EXPECT_EQ(budget.held_bytes(), 3 * kMb);
    EXPECT_EQ(budget.held_bytes(MemoryKind::Connections), 3 * kMb);
    EXPECT_EQ(client.account.held_bytes(), 3 * kMb);
    EXPECT_TRUE(client.charge.try_resize(kMb));
    EXPECT_EQ(budget.held_bytes(), kMb);
    MemoryCharge moved = std::move(client.charge);
    EXPECT_EQ(budget.held_bytes(), kMb);
  }
  EXPECT_EQ(budget.held_bytes(), 0u);
}

TEST(MemoryBudget, one_alone_gets_a_share_and_not_all) {
  MemoryBudget budget(512 * kMb);
  Client client(budget);
  EXPECT_FALSE(client.charge.try_resize(200 * kMb));
  EXPECT_EQ(budget.held_bytes(), 0u);
  EXPECT_TRUE(client.charge.try_resize(100 * kMb));
}

TEST(MemoryBudget, available_memory_is_granted_and_not_exceeded) {
  MemoryBudget budget(512 * kMb);
  Client other(budget), client(budget);
  other.charge.resize(77 * kMb);
  for (int i = 0; i < 3; ++i) {
    const size_t available = client.account.available_bytes() / 4096 * 4096;
    EXPECT_FALSE(client.charge.try_resize(client.charge.bytes() + available + 8192));
    EXPECT_TRUE(client.charge.try_resize(client.charge.bytes() + available));
  }
}

// Two hundred greedy clients leave enough memory for a modest one.
TEST(MemoryBudget, greedy_clients_leave_room_for_small_ones) {
  MemoryBudget budget(512 * kMb);
  std::deque<Client> greedy;
  for (int i = 0; i < 200; ++i) greedy.emplace_back(budget);
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (Client& each : greedy)
      has_grown |= each.charge.try_resize(each.charge.bytes() + 64 * 1024);
  }
  EXPECT_LE(budget.held_bytes(), 512 * kMb);
  EXPECT_TRUE(budget.is_tight());
  Client small(budget);
  EXPECT_TRUE(small.charge.try_resize(MemoryAccount::kSmallBytes));
}

// Incomplete messages that together exceed the limit must not take the memory for complete requests,
// although each of them has grown in small steps.
TEST(MemoryBudget, half_messages_of_many_clients_leave_room_for_requests_that_have_arrived) {
  MemoryBudget budget(64 * kMb);
  std::deque<Client> half;
  for (int i = 0; i < 5'000; ++i) half.emplace_back(budget);
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (Client& each : half) has_grown |= each.charge.try_resize(each.charge.bytes() + 8 * 1024);
  }
  EXPECT_TRUE(budget.is_tight());
  EXPECT_LE(budget.held_bytes(MemoryKind::Connections), 60 * kMb);
  Client other(budget);
  MemoryCharge portal(&other.account, MemoryKind::Statements),
      rows(&other.account, MemoryKind::Copy);
  EXPECT_TRUE(portal.try_resize(24));
  EXPECT_TRUE(rows.try_resize(64 * 1024));
}

TEST(MemoryBudget, long_messages_leave_room_for_short_ones) {
  MemoryBudget budget(64 * kMb);
  std::deque<Client> half;
  for (int i = 0; i < 1'000; ++i) half.emplace_back(budget);
  for (Client& each : half)
    while (each.charge.try_resize(each.charge.bytes() + 64 * 1024)) {
    }
  Client other(budget);
  EXPECT_FALSE(other.charge.try_resize(64 * 1024));
  EXPECT_TRUE(other.charge.try_resize(16 * 1024));
}

// The clients first send frames that never become complete; later they get answers that they do not
// read.
TEST(MemoryBudget, answers_that_go_beyond_the_limit_leave_room_for_small_ones) {
  MemoryBudget budget(128 * kMb);
  Client frames(budget), deaf(budget), small(budget), late(budget);
  frames.charge.resize(73 * kMb);
  MemoryCharge unread(&deaf.account, MemoryKind::Results);
  unread.resize(56 * kMb);
  EXPECT_TRUE(small.charge.try_resize(MemoryAccount::kSmallBytes));
  EXPECT_FALSE(small.charge.try_resize(kMb));
  EXPECT_FALSE(OwnedCharge(budget, MemoryKind::Queues).try_resize(4096)) << "it is no request";
  unread.resize(71 * kMb);
  EXPECT_FALSE(late.charge.try_resize(4096)) << "there is an end to it";
}

TEST(MemoryBudget, a_refusal_names_the_limit_and_the_largest_holder) {
  MemoryBudget budget(512 * kMb);
  Client client(budget);
  client.charge.resize(80 * kMb);
  MemoryCharge copy(&client.account, MemoryKind::Copy);
  copy.resize(300 * kMb);
  const Error error = client.account.refusal("a message of 60 MB");
  EXPECT_EQ(error.code, ErrorCode::OutOfMemory);
  EXPECT_EQ(sqlstate(error.code), "53200");
  EXPECT_EQ(error.message, "not enough memory for a message of 60 MB");
  EXPECT_EQ(error.detail,
            "memory-limit is 512 MB, and 380 MB are in use: COPY and transactions 300 MB, "
            "connections 80 MB. This session uses 380 MB, and can use a quarter of the free "
            "memory.");
}

TEST(MemoryBudget, tables_are_counted_and_lock_no_client_out) {
  MemoryBudget budget(16 * kMb);
  MemoryAccount query(budget);
  MemoryCharge state(&query, MemoryKind::State);
  state.resize(100 * kMb);
  EXPECT_EQ(budget.held_bytes(MemoryKind::State), 100 * kMb);
  EXPECT_EQ(budget.held_bytes(), 0u);
  Client client(budget);
  EXPECT_TRUE(client.charge.try_resize(kMb));
}

TEST(MemoryBudget, memory_of_scans_has_a_name_and_a_bound_of_its_own) {
  MemoryBudget budget(64 * kMb, 16 * kMb);
  MemoryAccount query(budget);
  MemoryCharge scans(&query, MemoryKind::Scans);
  scans.resize(24 * kMb);
  EXPECT_EQ(budget.excess_of_scans(), 0u);
  scans.resize(30 * kMb);
  EXPECT_EQ(budget.excess_of_scans(), 6 * kMb);
  EXPECT_EQ(budget.held_bytes(), 0u) << "clients are not locked out";
  EXPECT_FALSE(budget.is_state_full());
  EXPECT_EQ(name(MemoryKind::Scans), "rows kept for scans");
}

TEST(MemoryBudget, answers_count_as_many_before_requests_are_refused) {
  MemoryBudget budget(64 * kMb);
  Client deaf(budget);
  MemoryCharge unread(&deaf.account, MemoryKind::Results);
  unread.resize(31 * kMb);
  EXPECT_FALSE(budget.has_many_answers());
  unread.resize(32 * kMb);
  EXPECT_TRUE(budget.has_many_answers());
  EXPECT_FALSE(budget.is_tight());
}

TEST(MemoryCharge, without_an_account_everything_is_granted) {
  MemoryCharge charge;
  EXPECT_TRUE(charge.try_resize(SIZE_MAX / 4));
}

TEST(OwnedCharge, a_charge_that_outlives_its_sender_counts_until_it_is_destroyed) {
  MemoryBudget budget(8 * kMb);
  {
    std::vector<OwnedCharge> queued;
    bool is_granted = true;
    while (is_granted && queued.size() < 100) {
      OwnedCharge charge(budget, MemoryKind::Queues);
      is_granted = charge.try_resize(kMb / 8);
      if (is_granted) queued.push_back(std::move(charge));
    }
    EXPECT_EQ(queued.size(), 64u);
    EXPECT_EQ(budget.held_bytes(MemoryKind::Queues), 8 * kMb);
  }
  EXPECT_EQ(budget.held_bytes(), 0u);
}

TEST(Bytes, sizes_are_read_and_shown_with_units) {
  EXPECT_EQ(parse_bytes("512MB").value(), 512 * kMb);
  EXPECT_EQ(parse_bytes("2 gb").value(), 2048 * kMb);
  EXPECT_EQ(parse_bytes("64kB").value(), 65536u);
  EXPECT_EQ(parse_bytes("1000").value(), 1000u);
  for (const char* text :
       {"", "MB", "12 parsecs", "-5", "1.5GB", "99999999999999999999", "99999999TB"})
    EXPECT_FALSE(parse_bytes(text)) << text;
  EXPECT_EQ(format_bytes(512 * kMb), "512 MB");
  EXPECT_EQ(format_bytes(5 * kMb / 2), "2.5 MB");
  EXPECT_EQ(format_bytes(100), "100 B");
}

}  // namespace
