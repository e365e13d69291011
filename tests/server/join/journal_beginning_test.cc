#include "server/join/journal_beginning.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/kv/memory_store.h"
#include "storage/log/log_reader.h"
#include "storage/log/task_journal.h"

namespace server {
namespace {

struct Directory {
  storage::MemoryDisk disk, state_disk;
  std::unique_ptr<storage::Log> log = storage::Log::open(disk.open(), {}).value();
  std::unique_ptr<storage::StateStore> state =
      storage::StateStore::open([this] { return state_disk.open(); }, {}).value();

  std::optional<storage::FoundSnapshot> snapshot_of(PartitionId journal) {
    const auto reader = storage::LogReader::open(*log).value();
    return storage::find_snapshot(*log, *reader, {storage::kReplicatedJournal, journal}).value();
  }
};

DefinedQueryPtr query(const std::string& id) {
  auto known = std::make_shared<engine::PersistentQuery>();
  known->id = id;
  auto plan = std::make_shared<engine::QueryPlan>();
  plan->id = id;
  auto defined = std::make_shared<DefinedQuery>();
  defined->query = known;
  defined->plan = plan;
  defined->made_at = defined->planned_at = Revision{5};
  return defined;
}

TEST(JournalBeginning, a_journal_has_a_snapshot_before_it_can_be_read) {
  Directory directory;
  const std::vector<DefinedQueryPtr> queries = {query("CTAS_A_1")};
  const PartitionId journal = storage::replicated_journal_of("CTAS_A_1");
  ASSERT_TRUE(make_journals(*directory.log, queries));
  EXPECT_EQ(directory.snapshot_of(journal), std::nullopt);
  ASSERT_TRUE(write_journals(*directory.log, *directory.state, queries, {}));
  const auto found = directory.snapshot_of(journal);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->place, kPlaceOfStart);
  EXPECT_EQ(found->pieces.front(), kJournalStart);
  // The journals of other queries begin at offset 0, as in any cluster.
  for (PartitionId other{0}; other < PartitionId{storage::kReplicatedJournals}; ++other) {
    const auto status = directory.log->find_partition({storage::kReplicatedJournal, other});
    ASSERT_TRUE(status);
    EXPECT_EQ(status->log_start(), other == journal ? kJournalStart : Offset{0});
  }
}

// A crash may have interrupted the first attempt.
TEST(JournalBeginning, an_interrupted_beginning_is_repeated) {
  Directory directory;
  const std::vector<DefinedQueryPtr> queries = {query("CTAS_A_1")};
  const storage::TopicPartition journal{storage::kReplicatedJournal,
                                        storage::replicated_journal_of("CTAS_A_1")};
  ASSERT_TRUE(make_journals(*directory.log, queries));
  ASSERT_TRUE(write_journals(*directory.log, *directory.state, queries, {}));
  const Offset end = directory.log->find_partition(journal)->log_end();
  ASSERT_TRUE(make_journals(*directory.log, queries));
  EXPECT_EQ(directory.log->find_partition(journal)->log_end(), kJournalStart);
  ASSERT_TRUE(write_journals(*directory.log, *directory.state, queries, {}));
  EXPECT_EQ(directory.log->find_partition(journal)->log_end(), end);
  EXPECT_TRUE(directory.snapshot_of(journal.partition));
}

TEST(JournalBeginning, without_queries_there_is_nothing_to_make) {
  Directory directory;
  ASSERT_TRUE(make_journals(*directory.log, {}));
  EXPECT_FALSE(directory.log->find_partition({storage::kReplicatedJournal, PartitionId{0}}));
}

}  // namespace
}  // namespace server
