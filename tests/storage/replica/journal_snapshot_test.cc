// Tests snapshots in a journal: which one is complete, and at which offset its reader continues.
#include "storage/replica/journal_snapshot.h"

#include <gtest/gtest.h>

#include "storage/replica/journal_entry.h"

namespace storage {
namespace {

class SnapshotSearchTest : public testing::Test {
 protected:
  void piece(int64_t snapshot, int32_t number, bool is_last = false) {
    const JournalPlace place{Offset{snapshot * 10}, LeaderEpoch{3}, Offset{snapshot}};
    add(encode(SnapshotPiece{snapshot, number, is_last, place, "content"}));
  }
  void add(const std::string& batch) {
    ASSERT_TRUE(search_.add(batch, next_));
    ++next_;
  }
  void commit() { add(encode(ReplicatedCommit{"q/0/0", TaskSequence{1}, "entry", {}, {}})); }
  Offset place() const { return search_.newest() ? search_.newest()->place.next : Offset{-1}; }

  SnapshotSearch search_;
  Offset next_{100};
};

TEST_F(SnapshotSearchTest, one_is_whole_with_its_last_piece_despite_entries_in_between) {
  commit();
  piece(7, 0);
  commit();
  add(epoch_start_batch());
  piece(7, 1);
  add(delivered_mark(Offset{90}));
  EXPECT_EQ(place(), Offset{-1});
  piece(7, 2, true);
  ASSERT_EQ(place(), Offset{70});
  EXPECT_EQ(search_.newest()->pieces, (std::vector<Offset>{Offset{101}, Offset{104}, Offset{106}}));
  EXPECT_EQ(search_.newest()->place.epoch, LeaderEpoch{3});
  EXPECT_EQ(search_.newest()->place.first_needed, Offset{7});
}

TEST_F(SnapshotSearchTest, the_newest_that_is_whole_counts) {
  piece(7, 0, true);
  piece(8, 0);
  piece(8, 1, true);
  piece(9, 0);
  EXPECT_EQ(place(), Offset{80});
}

TEST_F(SnapshotSearchTest, one_without_its_beginning_or_its_middle_is_none) {
  piece(7, 1);
  piece(7, 2, true);
  EXPECT_EQ(place(), Offset{-1});
  piece(8, 0);
  piece(8, 2, true);
  EXPECT_EQ(place(), Offset{-1});
  piece(9, 0);
  piece(8, 1, true);  // a piece of another snapshot
  EXPECT_EQ(place(), Offset{-1});
}

TEST(SnapshotPiece, is_no_commit_and_no_mark) {
  const std::string batch =
      encode(SnapshotPiece{5, 0, true, {Offset{9}, LeaderEpoch{2}, Offset{4}}, "all of it"});
  EXPECT_FALSE(read_replicated_commit(batch).value());
  EXPECT_FALSE(read_delivered_mark(batch));
  const auto piece = read_snapshot_piece(batch).value();
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->content, "all of it");
  EXPECT_TRUE(piece->is_last);
  EXPECT_EQ(piece->place, (JournalPlace{Offset{9}, LeaderEpoch{2}, Offset{4}}));
  for (const std::string& other : {epoch_start_batch(), delivered_mark(Offset{1})})
    EXPECT_FALSE(read_snapshot_piece(other).value());
}

// The code that uses these numbers asserts that they are valid, so decoding must refuse other
// numbers.
TEST(SnapshotPiece, an_entry_with_an_impossible_number_is_refused) {
  EXPECT_FALSE(read_snapshot_piece(
      encode(SnapshotPiece{5, 0, true, {Offset{9}, LeaderEpoch{2}, Offset{-1}}, "content"})));
  EXPECT_FALSE(
      read_replicated_commit(encode(ReplicatedCommit{"q/0/0", TaskSequence{0}, "entry", {}, {}})));
}

}  // namespace
}  // namespace storage
