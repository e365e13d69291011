#include "storage/log/recent_batches.h"

#include <gtest/gtest.h>

#include "records/batch_builder.h"

namespace storage {
namespace {

const TopicPartition kOne{Uuid{{1}}, PartitionId{0}}, kTwo{Uuid{{1}}, PartitionId{1}};

std::string batch(int64_t base, int count, size_t value_size = 10) {
  records::BatchBuilder builder;
  for (int i = 0; i < count; ++i) builder.append(1, "k", std::string(value_size, 'v'));
  std::string bytes = builder.finish();
  records::set_base_offset(bytes.data(), Offset{base});
  return bytes;
}

std::string found(const RecentBatches& recent, int64_t from, size_t max_bytes = 1 << 20,
                  const TopicPartition& partition = kOne) {
  std::string bytes;
  for (const SharedBytes& piece : recent.find(partition, Offset{from}, max_bytes))
    bytes += piece.view();
  return bytes.empty() ? "nothing" : bytes;
}

TEST(RecentBatches, are_found_by_each_offset_that_they_hold) {
  RecentBatches recent(1 << 20);
  EXPECT_EQ(found(recent, 0), "nothing");
  recent.add(kOne, Offset{5}, Offset{10}, batch(5, 2) + batch(7, 3));
  recent.add(kOne, Offset{10}, Offset{11}, batch(10, 1));
  for (const int64_t from : {5, 6, 7, 8, 9})
    EXPECT_EQ(found(recent, from), batch(5, 2) + batch(7, 3) + batch(10, 1));
  EXPECT_EQ(found(recent, 10), batch(10, 1));
  for (const int64_t from : {0, 4, 11, 12}) EXPECT_EQ(found(recent, from), "nothing");
  EXPECT_EQ(found(recent, 5, 1 << 20, kTwo), "nothing");
}

TEST(RecentBatches, are_as_many_as_were_asked_for_and_at_least_one) {
  RecentBatches recent(1 << 20);
  for (int i = 0; i < 3; ++i) recent.add(kOne, Offset{i}, Offset{i + 1}, batch(i, 1));
  EXPECT_EQ(found(recent, 0, 1), batch(0, 1));
  EXPECT_EQ(found(recent, 0, batch(0, 1).size() + 1), batch(0, 1) + batch(1, 1));
}

// The recent batches are dropped after a truncation, or if batches in between are missing.
TEST(RecentBatches, have_no_gap_and_nothing_from_before_a_cut) {
  RecentBatches recent(1 << 20);
  recent.add(kOne, Offset{0}, Offset{2}, batch(0, 2));
  recent.add(kOne, Offset{5}, Offset{6}, batch(5, 1));
  EXPECT_EQ(found(recent, 0), "nothing");
  EXPECT_EQ(found(recent, 5), batch(5, 1));
  recent.forget(kOne);
  EXPECT_EQ(found(recent, 5), "nothing");
  EXPECT_EQ(recent.size_bytes(), 0u);
  recent.add(kOne, Offset{3}, Offset{4}, batch(3, 1));
  EXPECT_EQ(found(recent, 3), batch(3, 1));
}

TEST(RecentBatches, the_oldest_go_first) {
  const size_t size = batch(0, 1, 1000).size();
  RecentBatches recent(10 * (size + RecentBatches::kPieceBytes));
  recent.add(kTwo, Offset{0}, Offset{1}, batch(0, 1, 1000));
  recent.forget(kTwo);  // the piece of this partition still uses memory, but is no longer served
  recent.add(kTwo, Offset{7}, Offset{8}, batch(7, 1, 1000));
  for (int i = 0; i < 100; ++i) recent.add(kOne, Offset{i}, Offset{i + 1}, batch(i, 1, 1000));
  EXPECT_EQ(recent.size_bytes(), 10 * (size + RecentBatches::kPieceBytes));
  EXPECT_EQ(found(recent, 7, 1, kTwo), "nothing");
  EXPECT_EQ(found(recent, 89), "nothing");
  EXPECT_EQ(found(recent, 90).size(), 10 * size);
}

TEST(RecentBatches, small_pieces_have_a_bound_of_their_own) {
  RecentBatches recent(1 << 30);
  const std::string one = batch(0, 1);
  constexpr int kPieces = 70'000;
  for (int i = 0; i < kPieces; ++i) recent.add(kOne, Offset{i}, Offset{i + 1}, one);
  EXPECT_LT(recent.size_bytes() / (one.size() + RecentBatches::kPieceBytes), size_t{kPieces});
}

}  // namespace
}  // namespace storage
