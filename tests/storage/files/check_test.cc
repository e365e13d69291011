#include "storage/files/check.h"

#include <algorithm>
#include <memory>
#include <set>

#include "base/bytes.h"
#include "records/batch_builder.h"
#include "records/control_batch.h"
#include "storage/log/stored_keys.h"
#include "storage/meta/connectors.h"
#include "storage/meta/link_table.h"
#include "storage/meta/metadata_parts.h"
#include "storage/meta/topic_table.h"
#include "tests/storage/files/data_fixture.h"

namespace storage {
namespace {

using Problems = std::vector<std::string>;

class CheckTest : public DataFixture {
 protected:
  Problems problems() {
    Problems problems;
    auto data = open_data_snapshot(directory_.path()).value();
    const auto checked =
        check_data(data, {.read_journal = [](std::string_view entry) -> Status {
                            if (entry.starts_with("entry ")) return {};
                            return Error{ErrorCode::StorageFailure, "it cannot be read"};
                          },
                          .read_definition = [](std::string_view definition) -> Status {
                            if (definition == "definition") return {};
                            return Error{ErrorCode::StorageFailure, "it is not a definition"};
                          },
                          .begins = [](std::string_view) {},
                          .found =
                              [&](const Damage& damage) {
                                problems.push_back(damage.place + ": " + damage.problem);
                              }});
    if (checked)
      counts_ = *checked;
    else
      problems.push_back(checked.error().message);
    return problems;
  }
  // Returns the problem if there is exactly one.
  std::string problem() {
    Problems found = problems();
    return found.size() == 1 ? found[0] : std::to_string(found.size()) + " problems";
  }
  std::string topic_place() const { return "log.mdb, unnamed topic " + topic_.to_string(); }
  CheckCounts counts_;
};

TEST_F(CheckTest, all_is_whole_and_counted) {
  EXPECT_EQ(problems(), Problems{});
  EXPECT_EQ(counts_.partitions, 2 + kJournalPartitions);
  EXPECT_EQ(counts_.batches, 18);
  EXPECT_EQ(counts_.records, 43);
  EXPECT_EQ(counts_.tasks, 1);
  EXPECT_EQ(counts_.journal_entries, 3);
  EXPECT_EQ(counts_.stores, 1);
  EXPECT_EQ(counts_.state_entries, 2);
}

TEST_F(CheckTest, transactions_that_are_open_or_were_aborted_are_no_damage) {
  open();
  for (const int64_t producer : {int64_t{7}, int64_t{1} << 40}) {
    records::BatchBuilder builder;
    builder.append(1000, "key", "value");
    std::string batch = builder.finish(records::Codec::None, {ProducerId{producer}, 0, 0});
    records::set_transactional(batch);
    ASSERT_TRUE(append_and_wait(*log_, append_of({topic_, PartitionId{0}}, std::move(batch))));
  }
  ASSERT_TRUE(append_and_wait(
      *log_, append_of({topic_, PartitionId{0}},
                       records::marker_batch(ProducerId{7}, 0, {records::TransactionEnd::Abort, 0},
                                             2000))));
  close();
  EXPECT_EQ(problems(), Problems{});
}

TEST_F(CheckTest, damaged_scalars_of_a_checkpoint_are_found) {
  const auto set_scalars = [&](const std::string& scalars) {
    change("state", "positions", [&](WriteTransaction& write, TableHandle table) {
      const std::string key = first(write, table).first;
      return write.put(table, key,
                       encode_position(key, {TaskSequence{2}, scalars}, PositionFormat::Checked));
    });
  };
  set_scalars("entry 2");
  EXPECT_EQ(problems(), Problems{});
  set_scalars("damaged");
  EXPECT_EQ(problem(),
            "state.mdb, the position of task " + std::string(kTask) + ": it cannot be read");
}

TEST_F(CheckTest, a_bit_of_a_position) {
  const auto flip = [&](size_t bit) {
    change("state", "positions", [&](WriteTransaction& write, TableHandle table) {
      auto [key, value] = first(write, table);
      value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << bit % 8));
      return write.put(table, key, value);
    });
  };
  constexpr size_t kBits = (1 + sizeof(int64_t) + sizeof(uint32_t)) * 8;  // without scalars
  for (size_t bit = 0; bit < kBits; ++bit) {
    flip(bit);
    EXPECT_EQ(problem(),
              "state.mdb, the position of task q1/0/0: the state file has a damaged position of "
              "q1/0/0")
        << bit;
    flip(bit);
  }
  EXPECT_EQ(problems(), Problems{});
}

// The header of the page is changed so that the page seems to be empty. A look-up then finds nothing and reports no
// error, so only a check of the whole table can find the damage.
TEST_F(CheckTest, a_page_that_hides_its_entries_is_found_in_each_table) {
  open();
  const Uuid log = log_->store().instance_id();
  close();
  const std::string owner = "log" + std::string(log.bytes.begin(), log.bytes.end());
  const std::string path = directory_.path() + "/state.mdb";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  constexpr size_t kPage = 4096, kLower = 12, kHeader = 16;
  std::string page(kPage, '\0');
  size_t changed = 0;
  for (size_t at = 0; at < std::filesystem::file_size(path); at += kPage) {
    file.seekg(static_cast<std::streamoff>(at));
    file.read(page.data(), kPage);
    if (page.find(owner) == page.npos) continue;
    file.seekp(static_cast<std::streamoff>(at + kLower));
    file.put(kHeader);  // the end of an empty list of entries
    ++changed;
  }
  file.close();
  ASSERT_GT(changed, 0);
  EXPECT_EQ(problem(), "state.mdb, table owner: a page of the data file is damaged");
}

TEST_F(CheckTest, dropped_data_are_no_damage) {
  open();
  std::promise<Status> dropped;
  log_->drop_topic(topic_, [&](Status status) { dropped.set_value(std::move(status)); });
  ASSERT_TRUE(dropped.get_future().get());
  close();
  EXPECT_EQ(problems(), Problems{});
  EXPECT_EQ(counts_.partitions, 1 + kJournalPartitions);
}

// Returns one part of each kind that a command can have. The partition of the topic exists.
std::vector<MetadataPart> one_part_of_each_kind(const Uuid& topic) {
  std::vector<MetadataPart> parts{
      {std::string(kTopicsPart),
       encode_create_topic({.id = topic, .name = "t", .partition_count = 1, .config = {}})},
      {std::string(kQuotasPart),
       encode_quota_changes({{{{"user", "u"}}, "producer_byte_rate", 1}})},
      {std::string(kGroupConfigsPart),
       encode_group_config("g", {{"share.auto.offset.reset", "earliest"}})},
      {std::string(kTopicDefaultsPart), encode_topic_defaults({{"cleanup.policy", "compact"}})},
      {std::string(kUsersPart), encode_user_changes({PutRole{"u", {}}})},
      {"sql", "definition"},
      {std::string(kConnectorsPart),
       encode_connector_changes({{"c", std::make_shared<const ConnectorDefinition>(
                                           ConnectorDefinition{.name = "c", .id = topic})}})},
      {std::string(kLinksPart),
       encode_link_changes({{"l", std::make_shared<const LinkDefinition>(
                                      LinkDefinition{.name = "l", .id = topic})}})},
      {std::string(kClusterPart),
       encode_register_node({.id = NodeId{1}, .directory = topic, .endpoint = "n:1"})}};
  std::set<MetadataPartKind> kinds;
  for (const MetadataPart& part : parts) kinds.insert(kind_of_part(part.type));
  EXPECT_EQ(kinds.size(), static_cast<size_t>(MetadataPartKind::UnknownPart));
  return parts;
}

TEST_F(CheckTest, a_metadata_record_of_each_kind_is_no_damage) {
  change(
      "log", "metadata",
      [&](WriteTransaction& write, TableHandle table) -> Status {
        uint64_t revision = 0;
        for (const MetadataPart& part : one_part_of_each_kind(topic_))
          TRY(write.put(table, IntegerKey(++revision), encode(MetadataCommand{{part}})));
        return {};
      },
      KeyOrder::Integer);
  EXPECT_EQ(problems(), Problems{});
  EXPECT_EQ(counts_.definitions, static_cast<size_t>(MetadataPartKind::UnknownPart));
}

TEST_F(CheckTest, a_metadata_snapshot_with_each_kind_is_no_damage) {
  MetadataSnapshot snapshot{Revision{6}, {one_part_of_each_kind(topic_)}};
  TopicTable topics;
  ASSERT_TRUE(topics.apply(snapshot.state.parts[0].bytes));
  snapshot.state.parts[0].bytes = topics.save();
  ClusterTable cluster;
  ASSERT_TRUE(cluster.apply(snapshot.state.parts.back().bytes, Revision{6}));
  snapshot.state.parts.back().bytes = cluster.save();
  change("log", "metadata-snapshots", [&](WriteTransaction& write, TableHandle table) {
    return write.put(table, "newest", encode_metadata_snapshot(snapshot).value());
  });
  EXPECT_EQ(problems(), Problems{});
}

TEST_F(CheckTest, a_damaged_metadata_record_of_each_kind) {
  const std::vector<MetadataPart> parts = one_part_of_each_kind(topic_);
  change(
      "log", "metadata",
      [&](WriteTransaction& write, TableHandle table) -> Status {
        uint64_t revision = 0;
        for (const MetadataPart& part : parts) {
          const std::string cut = part.bytes.substr(0, part.bytes.size() - 1);
          TRY(write.put(table, IntegerKey(++revision),
                        encode(MetadataCommand{{{part.type, cut}}})));
        }
        return write.put(table, IntegerKey(++revision), encode(MetadataCommand{{{"newer", ""}}}));
      },
      KeyOrder::Integer);
  EXPECT_EQ(problems().size(), parts.size() + 1);
}

TEST_F(CheckTest, a_byte_of_a_batch) {
  change(
      "log", topic_table_,
      [](WriteTransaction& write, TableHandle table) {
        auto [key, value] = first(write, table);
        value.back() ^= 1;
        return write.put(table, key, value);
      },
      KeyOrder::Integer);
  EXPECT_TRUE(problem().starts_with(topic_place() + ", partition 0, batch that ends at offset 2: "))
      << problem();
}

TEST_F(CheckTest, a_batch_that_is_missing) {
  change(
      "log", topic_table_,
      [](WriteTransaction& write, TableHandle table) { return erase(write, table, IntegerKey(5)); },
      KeyOrder::Integer);
  EXPECT_EQ(
      problem(),
      topic_place() + ", partition 0, batch that ends at offset 8: offsets 3 to 5 are missing");
}

TEST_F(CheckTest, a_copy_of_a_compacted_log_has_gaps) {
  open();
  const LogNumber number =
      static_cast<const Partition&>(*log_->find_partition({topic_, PartitionId{0}})).number();
  close();
  change(
      "log", std::string(kEpochsTable),
      [&](WriteTransaction& write, TableHandle table) {
        std::string start;
        append_be(start, int64_t{0});
        return write.put(table, numbered_key(number.value(), 1), start);
      },
      KeyOrder::Bytes);
  change(
      "log", topic_table_,
      [](WriteTransaction& write, TableHandle table) { return erase(write, table, IntegerKey(5)); },
      KeyOrder::Integer);
  EXPECT_EQ(problems(), Problems{});
}

// The fixture creates the exchange's partition after the journal's, so the last keys of the table belong to the
// exchange's batches.
TEST_F(CheckTest, a_batch_in_the_middle_of_an_exchange) {
  change("log", std::string(kExchangesTable), [](WriteTransaction& write, TableHandle table) {
    const auto last = write.cursor(table).value()->last().value();
    const std::string key(last->key);
    std::string value(last->value);
    value[70] = static_cast<char>(value[70] + 1);
    return write.put(table, key, value);
  });
  EXPECT_NE(problem().find("exchange " + exchange_.to_string()), std::string::npos) << problem();
}

TEST_F(CheckTest, a_table_of_an_unknown_partition) {
  change("log", "partitions", [&](WriteTransaction& write, TableHandle table) {
    return erase(write, table, partition_key({topic_, PartitionId{0}}));
  });
  EXPECT_TRUE(std::ranges::count(
      problems(), "log.mdb, table " + topic_table_ + ": it belongs to no partition"));
}

TEST_F(CheckTest, a_commit_that_is_missing_from_a_journal) {
  const std::string key = journal_key_of(3);
  change("log", std::string(kExchangesTable),
         [&](WriteTransaction& write, TableHandle table) { return erase(write, table, key); });
  EXPECT_TRUE(std::ranges::count(
      problems(), "log.mdb, task q1/0/0, journal entry 5: entry 4 is expected here"));
}

TEST_F(CheckTest, journals_that_do_not_lead_from_the_state_to_the_log) {
  change("state", "journals", [](WriteTransaction& write, TableHandle table) {
    return write.put(table, journal_key(journal_of(kTask)), encode_journal_end(Offset{1}));
  });
  EXPECT_TRUE(
      problem().ends_with(": it begins after the position that the state contains for "
                          "it"))
      << problem();
}

TEST_F(CheckTest, a_journal_entry_that_cannot_be_read) {
  const std::string key = journal_key_of(2);
  change("log", std::string(kExchangesTable), [&](WriteTransaction& write, TableHandle table) {
    std::string batch = journal_batch(kTask, TaskSequence{3}, "?");
    records::set_base_offset(batch.data(), Offset{2});
    return write.put(table, key, batch);
  });
  EXPECT_EQ(problem(), "log.mdb, task q1/0/0, journal entry 3: it cannot be read");
}

TEST_F(CheckTest, a_state_entry) {
  change("state", "entries", [](WriteTransaction& write, TableHandle table) {
    auto [key, value] = first(write, table);
    value[0] = static_cast<char>(value[0] + 1);
    return write.put(table, key, value);
  });
  EXPECT_EQ(problem(), "state.mdb, store counts of task q1/0/0: 1 entries are damaged");
}

TEST_F(CheckTest, state_of_tasks_that_the_log_does_not_know) {
  change("log", "tasks",
         [](WriteTransaction& write, TableHandle table) { return erase(write, table, kTask); });
  EXPECT_TRUE(std::ranges::count(
      problems(), "state.mdb, store counts of task q1/0/0: log.mdb does not know the task"));
}

TEST_F(CheckTest, the_state_of_another_log) {
  const ScratchDirectory other;
  Log::open(other.path(), {}).value();
  std::filesystem::copy_file(other.path() + "/log.mdb", directory_.path() + "/log.mdb",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(
      std::ranges::count(problems(), "state.mdb, table owner: it belongs to another log.mdb"));
}

TEST_F(CheckTest, an_older_version_is_not_taken_for_damage) {
  change("log", "format", [](WriteTransaction& write, TableHandle table) {
    return write.put(table, "version", std::string("\0\0\0\2", 4));
  });
  EXPECT_EQ(problem(), "the file has format version 2, this program checks 3 to 7");
}

TEST_F(CheckTest, a_newer_version_is_not_guessed_at) {
  change("state", "format", [](WriteTransaction& write, TableHandle table) {
    return write.put(table, "version", std::string("\0\0\0\x63", 4));
  });
  EXPECT_EQ(problem(), "the file has format version 99, this program checks 2 to 4");
}

}  // namespace
}  // namespace storage
