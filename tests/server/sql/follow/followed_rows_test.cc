#include "server/sql/follow/followed_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/random.h"

namespace server {
namespace {

using Model = std::map<std::string, std::optional<int64_t>>;  // number by text key

const engine::Schema kSchema{{{.name = "K", .type = engine::TypeKind::String},
                              {.name = "N", .type = engine::TypeKind::Bigint}}};

engine::RowsChunks chunks_of(const Model& model) {
  auto keys = std::make_shared<engine::Column>(engine::TypeKind::String);
  auto numbers = std::make_shared<engine::Column>(engine::TypeKind::Bigint);
  for (const auto& [key, number] : model) {
    keys->append_copy(key);
    number ? numbers->append(*number) : numbers->append_null();
  }
  return {{model.size(), {keys, numbers}}};
}

// A client that applies changes to its copy of the rows.
struct Client {
  Model rows = {};
  FollowedRows::Version seen = 0;
  size_t received = 0;

  Status read(FollowedRows& from) {
    const FollowedRows::ChangesPtr changes = TRY(from.since(seen));
    seen = changes->until;
    for (size_t row = 0; row < changes->rows; ++row, ++received) {
      const std::string key(changes->columns[0]->data<std::string_view>()[row]);
      if (!changes->present.test(row)) {
        EXPECT_TRUE(changes->columns[1]->is_null(row)) << "a delete has the values of the key only";
        rows.erase(key);
      } else if (changes->columns[1]->is_null(row)) {
        rows[key] = std::nullopt;
      } else {
        rows[key] = changes->columns[1]->data<int64_t>()[row];
      }
    }
    return {};
  }
};

TEST(FollowedRows, a_new_follower_gets_all_rows_and_then_only_changes) {
  FollowedRows rows(kSchema, {0});
  rows.take(chunks_of({{"a", 1}, {"b", 2}, {"c", std::nullopt}}));
  Client client;
  ASSERT_TRUE(client.read(rows));
  EXPECT_EQ(client.rows, (Model{{"a", 1}, {"b", 2}, {"c", std::nullopt}}));
  rows.take(chunks_of({{"a", 1}, {"b", 3}, {"d", 4}}));
  client.received = 0;
  ASSERT_TRUE(client.read(rows));
  EXPECT_EQ(client.rows, (Model{{"a", 1}, {"b", 3}, {"d", 4}}));
  EXPECT_EQ(client.received, 3u) << "b, d and the delete of c";
}

TEST(FollowedRows, equal_rows_do_not_make_a_version) {
  FollowedRows rows(kSchema, {0});
  rows.take(chunks_of({}));
  EXPECT_EQ(rows.version(), 1u) << "the first rows count, also if there are none";
  rows.take(chunks_of({}));
  EXPECT_EQ(rows.version(), 1u);
  rows.take(chunks_of({{"a", 1}}));
  rows.take(chunks_of({{"a", 1}}));
  EXPECT_EQ(rows.version(), 2u);
}

TEST(FollowedRows, a_repeated_key_is_no_change) {
  FollowedRows rows(kSchema, {1});  // the number is the key column
  const Model model{{"a", 7}, {"b", 7}};
  rows.take(chunks_of(model));
  const auto version = rows.version();
  for (int i = 0; i < 3; ++i) rows.take(chunks_of(model));
  EXPECT_EQ(rows.version(), version);
}

TEST(FollowedRows, followers_that_read_at_any_speed_end_with_the_same_rows) {
  Random random(4711);
  const auto below = [&](uint64_t bound) { return random.next() % bound; };
  FollowedRows rows(kSchema, {0});
  Model model;
  std::vector<Client> clients(5);
  for (int step = 0; step < 2'000; ++step) {
    for (uint64_t i = below(4); i > 0; --i) {
      const std::string key = "k" + std::to_string(below(30));
      if (below(3) == 0)
        model.erase(key);
      else
        model[key] =
            below(5) == 0 ? std::nullopt : std::optional<int64_t>(static_cast<int64_t>(below(9)));
    }
    rows.take(chunks_of(model));
    for (size_t i = 0; i < clients.size(); ++i)
      if (below(uint64_t{1} << (2 * i)) == 0) ASSERT_TRUE(clients[i].read(rows));
  }
  for (Client& client : clients) {
    ASSERT_TRUE(client.read(rows));
    EXPECT_EQ(client.rows, model);
  }
}

TEST(FollowedRows, a_follower_that_does_not_read_loses_deletes_with_an_error) {
  FollowedRows rows(kSchema, {0});
  rows.take(chunks_of({{"a", 1}}));
  Client reads, sleeps;
  ASSERT_TRUE(reads.read(rows));
  ASSERT_TRUE(sleeps.read(rows));
  const size_t bytes = rows.bytes();
  for (size_t i = 0; i <= FollowedRows::kMostDeleted + 1; ++i) {
    rows.take(chunks_of({{"key" + std::to_string(i), 1}}));
    ASSERT_TRUE(reads.read(rows));
  }
  const Status late = sleeps.read(rows);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::LimitExceeded);
  EXPECT_LT(rows.bytes() - bytes, FollowedRows::kMostDeleted * 512) << "deleted keys are bounded";
  Client fresh;
  ASSERT_TRUE(fresh.read(rows));
  EXPECT_EQ(fresh.rows.size(), 1u);
}

}  // namespace
}  // namespace server
