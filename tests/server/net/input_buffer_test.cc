#include "server/net/input_buffer.h"

#include <gtest/gtest.h>

#include "server/net/connection.h"

namespace server {
namespace {

constexpr size_t kMb = 1 << 20;
constexpr size_t kRead = Connection::kReadSizeBytes;

// A budget, and accounts that may use a fifth of it.
struct Bounded {
  MemoryBudget budget;
  MemoryAccount account{budget};
  explicit Bounded(size_t limit_bytes) : budget(limit_bytes) {}
};

TEST(InputBuffer, returns_bytes_in_order_and_forgets_read_ones) {
  Bounded memory(64 * kMb);
  InputBuffer input(&memory.account);
  input.append("one two ");
  input.consume(4);
  EXPECT_EQ(input.unread(), "two ");
  input.append("three");
  EXPECT_EQ(input.unread(), "two three");
  input.consume(9);
  input.tidy();
  EXPECT_EQ(input.unread(), "");
}

TEST(InputBuffer, holds_memory_for_received_bytes_and_not_for_announced_ones) {
  Bounded memory(512 * kMb);
  InputBuffer input(&memory.account);
  input.append(std::string(kRead, 'x'));
  EXPECT_TRUE(input.make_room(100 * kMb));
  EXPECT_LE(memory.account.held_bytes(), 4 * kRead + 4096);
}

TEST(InputBuffer, an_idle_connection_holds_next_to_nothing) {
  Bounded memory(512 * kMb);
  InputBuffer input(&memory.account);
  for (int i = 0; i < 100; ++i) {
    input.append("a small request");
    input.consume(15);
    input.tidy();
    EXPECT_TRUE(input.make_room(5));
  }
  EXPECT_LE(memory.account.held_bytes(), 4096u);

  input.append(std::string(kRead, 'x'));
  while (input.unread().size() < 3 * kMb) {
    EXPECT_TRUE(input.make_room(3 * kMb));
    input.append(std::string(kRead, 'x'));
  }
  EXPECT_GE(memory.account.held_bytes(), 3 * kMb);
  EXPECT_LE(memory.account.held_bytes(), 3 * kMb + 2 * kRead);
  input.consume(input.unread().size());
  input.tidy();
  EXPECT_LE(memory.account.held_bytes(), 4096u);
}

TEST(InputBuffer, reports_a_lack_of_space_and_takes_only_its_share) {
  Bounded memory(20 * kMb);
  InputBuffer input(&memory.account);
  input.append("begin");
  while (input.make_room(16 * kMb)) input.append(std::string(kRead, 'x'));
  EXPECT_LE(memory.account.held_bytes(), 4 * kMb);
  EXPECT_GE(input.unread().size(), 3 * kMb);
}

}  // namespace
}  // namespace server
