#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "records/batch.h"
#include "records/batch_filter.h"
#include "storage/files/check_parts.h"
#include "storage/files/stored_tasks.h"
#include "storage/kv/checked_key.h"
#include "storage/log/epoch_history.h"
#include "storage/log/log_format.h"
#include "storage/log/producer_state.h"
#include "storage/log/task_journal.h"
#include "storage/log/task_outputs.h"
#include "storage/meta/metadata_parts.h"
#include "storage/meta/topic_configs.h"
#include "storage/meta/topic_table.h"

// A kind of part that is not handled would be reported as damage, so a switch without all kinds
// must be a compile error.
#pragma GCC diagnostic error "-Wswitch"

namespace storage {

namespace {

constexpr size_t kOwnerSize = sizeof(int64_t);

using Table = LmdbSnapshot::Table;

class LogChecker {
 public:
  LogChecker(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts)
      : log_(*data.log), data_(data), options_(options), counts_(counts) {}

  Status run() {
    TRY(check_format(log_,
                     {.name = kLogFile,
                      .kind = "log",
                      .oldest_version = 3,  // a start converts the rows of earlier versions
                      .newest_version = kNewestLogFormat},
                     options_));
    TRY(check_metadata());
    TRY(read_removals());
    TRY(read_tasks());
    TRY(check_partitions());
    TRY(check_strange_tables());
    for (const std::string_view table :
         {kExchangesTable, kProducersTable, kTimestampsTable, kAppendTimesTable, kEpochsTable,
          kTransactionsTable, kAbortedTable})
      TRY(check_shared_table(table));
    return check_that_journals_reach();
  }

 private:
  struct KnownTask {
    TaskRow row;
    TaskSequence last;  // sequence number of the last entry seen
  };
  struct Known {
    TopicPartition id;
    std::string name;
    PartitionRow row;
    Offset log_end;
    bool may_have_gaps = false;
  };

  void found(const std::string& place, std::string problem) {
    options_.found({fmt::format("{}, {}", kLogFile, place), std::move(problem)});
  }
  void begins(std::string_view place) { options_.begins(fmt::format("{}, {}", kLogFile, place)); }

  template <class Visit>
  Status visit(std::string_view table, const Visit& visit) {
    begins(fmt::format("table {}", table));
    return log_.visit(table, visit);
  }

  // --- Definitions

  // Checks the definitions, and stores the topics' names for later reports of damage.
  Status check_metadata() {
    Metadata metadata;
    int64_t next_revision = 1;
    TRY(visit("metadata-snapshots", [&](const Entry& entry) -> Status {
      const auto snapshot = decode_metadata_snapshot(entry.value);
      if (!snapshot) {
        found("the metadata snapshot", snapshot.error().message);
        return {};
      }
      next_revision = snapshot->revision.value() + 1;
      for (const MetadataPart& part : snapshot->state.parts)
        if (const Status read = load_part(part, metadata); !read)
          found("the metadata snapshot", read.error().message);
      return {};
    }));
    TRY(visit("metadata", [&](const Entry& entry) -> Status {
      const auto key = checked_integer_key(entry.key);
      if (!key) {
        found("the metadata log", "a key is damaged");
        return {};
      }
      const auto revision = static_cast<int64_t>(*key);
      if (revision < next_revision) return {};  // the snapshot contains this command
      const std::string place = fmt::format("the metadata log, revision {}", revision);
      if (revision != next_revision)
        found(place, fmt::format("revision {} is expected here", next_revision));
      next_revision = revision + 1;
      ++counts_.definitions;
      const auto command = decode_metadata_command(entry.value);
      if (!command) {
        found(place, command.error().message);
        return {};
      }
      for (const MetadataPart& part : command->parts)
        if (const Status read = apply_part(part, Revision(revision), metadata); !read)
          found(place, read.error().message);
      return {};
    }));
    topics_ = metadata.topics.snapshot();
    return {};
  }

  // The state to which commands are applied. Needed for the kinds of parts that can only be checked
  // by applying them.
  struct Metadata {
    TopicTable topics;
    ClusterTable cluster;
  };

  Status load_part(const MetadataPart& part, Metadata& metadata) const {
    switch (kind_of_part(part.type)) {
      case MetadataPartKind::TopicPart:
        metadata.topics = TRY(TopicTable::load(part.bytes));
        return {};
      case MetadataPartKind::ClusterPart:
        metadata.cluster = TRY(ClusterTable::load(part.bytes));
        return {};
      case MetadataPartKind::TopicDefaultPart:  // applied later, when all topics are known
        metadata.topics.set_defaults({TRY(decode_topic_defaults(part.bytes)), {}});
        return {};
      // In a snapshot, these parts are encoded as changes to an empty state.
      case MetadataPartKind::QuotaPart:
      case MetadataPartKind::GroupConfigPart:
      case MetadataPartKind::UserPart:
      case MetadataPartKind::ConnectorPart:
      case MetadataPartKind::LinkPart:
      case MetadataPartKind::DefinitionPart:
      case MetadataPartKind::UnknownPart:
        return read_changes(part);
    }
    return {};
  }

  Status apply_part(const MetadataPart& part, Revision revision, Metadata& metadata) const {
    switch (kind_of_part(part.type)) {
      case MetadataPartKind::TopicPart:
        TRY(metadata.topics.apply(part.bytes));
        return {};
      case MetadataPartKind::ClusterPart: {
        const auto applied = metadata.cluster.apply(part.bytes, revision);
        // A change that was made for another version of the state is not damage: every node skips
        // such a change, and the change remains in the log.
        if (applied || applied.error().code == ErrorCode::OutOfOrderSequence ||
            applied.error().code == ErrorCode::InvalidParameter)
          return {};
        return applied.error();
      }
      case MetadataPartKind::TopicDefaultPart:
        metadata.topics.set_defaults({TRY(decode_topic_defaults(part.bytes)), {}});
        return {};
      case MetadataPartKind::QuotaPart:
      case MetadataPartKind::GroupConfigPart:
      case MetadataPartKind::UserPart:
      case MetadataPartKind::ConnectorPart:
      case MetadataPartKind::LinkPart:
      case MetadataPartKind::DefinitionPart:
      case MetadataPartKind::UnknownPart:
        return read_changes(part);
    }
    return {};
  }

  // Reads a part whose kind can be checked without the state that it changes.
  Status read_changes(const MetadataPart& part) const {
    switch (kind_of_part(part.type)) {
      case MetadataPartKind::QuotaPart:
        TRY(apply_quota_changes({}, part.bytes));
        return {};
      case MetadataPartKind::GroupConfigPart:
        TRY(apply_group_configs({}, part.bytes));
        return {};
      case MetadataPartKind::UserPart:
        TRY(apply_user_changes({}, part.bytes));
        return {};
      case MetadataPartKind::ConnectorPart:
        TRY(apply_connector_changes({}, part.bytes));
        return {};
      case MetadataPartKind::LinkPart:
        TRY(apply_link_changes({}, part.bytes));
        return {};
      case MetadataPartKind::DefinitionPart:
        return options_.read_definition(part.bytes);
      case MetadataPartKind::TopicPart:
      case MetadataPartKind::TopicDefaultPart:
      case MetadataPartKind::ClusterPart:
        return {};
      case MetadataPartKind::UnknownPart:
        return Error{
            ErrorCode::IncompatibleFormat,
            fmt::format("this version does not support commands of the kind \"{}\"", part.type)};
    }
    return {};
  }

  // --- Partitions

  Status read_removals() {
    return visit("removals", [&](const Entry& entry) -> Status {
      auto removal = Removal::decode(entry.key, entry.value);
      if (removal)
        removals_.push_back(*std::move(removal));
      else
        found("table removals", removal.error().message);
      return {};
    });
  }
  bool is_being_removed(std::string_view table, std::string_view key) const {
    return std::ranges::any_of(removals_, [&](const Removal& removal) {
      return removal.table == table &&
             (removal.takes_table || (key >= removal.first_key && key < removal.end_key));
    });
  }

  std::string name_of(const TopicPartition& id, PartitionKind kind) const {
    if (id.topic == kTaskJournal) return fmt::format("journal {}", id.partition.value());
    const TopicInfo* topic = topics_->find(id.topic);
    if (topic != nullptr)
      return fmt::format("topic {}, partition {}", topic->name, id.partition.value());
    return fmt::format("{} {}, partition {}",
                       kind == PartitionKind::Internal ? "exchange" : "unnamed topic",
                       id.topic.to_string(), id.partition.value());
  }

  Status check_partitions() {
    std::vector<std::pair<TopicPartition, PartitionRow>> rows;
    TRY(visit("partitions", [&](const Entry& entry) -> Status {
      const auto id = partition_of_key(entry.key);
      const auto row = decode_partition_row(entry.value);
      if (id && row && row->number >= LogNumber{0})
        rows.emplace_back(*id, *row);
      else
        found("table partitions", "a row is damaged");
      return {};
    }));
    for (const auto& [id, row] : rows) TRY(check_partition(id, row));
    for (const auto& [name, topic] : topics_->by_name())
      for (int32_t partition = 0; partition < topic.partition_count; ++partition)
        if (!ids_.contains({topic.id, PartitionId(partition)}))
          found(fmt::format("topic {}, partition {}", name, partition), "it is missing");
    return {};
  }

  // Returns whether gaps after the row's gaps_end are permitted. They are permitted if the log may have been copied
  // from the compacted log of a leader, because such a copy does not store how far its gaps reach. The server's own
  // topics, whose names are unknown here, are compacted, too.
  Result<bool> copies_gaps(const TopicPartition& id, const PartitionRow& row) {
    const Table* epochs = log_.find(kEpochsTable);
    if (row.kind != PartitionKind::Client || epochs == nullptr) return false;
    const EpochKeys keys = epoch_keys(row.number);
    const auto cursor = TRY(log_.transaction().cursor(epochs->handle));
    const auto entry = TRY(cursor->seek(keys.first));
    const bool has_replicas = entry && entry->key < keys.end;
    const TopicInfo* topic = topics_->find(id.topic);
    return has_replicas &&
           (topic == nullptr ||
            topic_config(*topic, "cleanup.policy").find("compact") != std::string_view::npos);
  }

  Status check_partition(const TopicPartition& id, const PartitionRow& row) {
    Known known{id, name_of(id, row.kind), row, row.end_when_empty};
    ids_.insert(id);
    ++counts_.partitions;
    begins(known.name);
    known.may_have_gaps = TRY(copies_gaps(id, row));
    const bool is_client = row.kind == PartitionKind::Client;
    const std::string table_name =
        is_client ? partition_table_name(id, row.number, row.naming) : std::string(kExchangesTable);
    table_names_.insert(table_name);
    const Table* table = log_.find(table_name);
    if (table == nullptr)
      found(known.name, "its table is missing");
    else
      TRY(check_batches(known, *table, is_client));
    if (const auto other = partitions_.find(row.number.value()); other != partitions_.end())
      found(known.name, "it has the number of " + other->second.name);
    partitions_.insert_or_assign(row.number.value(), std::move(known));
    return {};
  }

  // Checks the batches from the log start on, since earlier batches are being removed.
  Status check_batches(Known& known, const Table& table, bool is_client) {
    const int64_t number = known.row.number.value();
    const std::string first =
        is_client ? std::string(IntegerKey(static_cast<uint64_t>(known.row.log_start.value())))
                  : numbered_key(number, std::max<int64_t>(known.row.log_start.value(), 0));
    const auto cursor = TRY(log_.transaction().cursor(table.handle));
    std::optional<Offset> next;
    for (auto entry = TRY(cursor->seek(first)); entry; entry = TRY(cursor->next())) {
      TRY(cursor->check_page());
      if (!is_client &&
          (entry->key.size() != 2 * kOwnerSize || load_be<int64_t>(entry->key.data()) != number))
        break;
      const auto key = is_client ? checked_integer_key(entry->key)
                                 : load_be<uint64_t>(entry->key.data() + kOwnerSize);
      if (!key) {
        found(known.name, "a key is damaged");
        continue;
      }
      const Offset last{static_cast<int64_t>(*key)};
      check_batch(known, last, entry->value, next);
      next = last + 1;
      ++counts_.batches;
    }
    if (next) known.log_end = std::max(known.log_end, *next);
    if (known.log_end < known.row.log_start)
      found(known.name, fmt::format("it begins at {} and ends at {}", known.row.log_start.value(),
                                    known.log_end.value()));
    return {};
  }

  static Status check_records_of(const PartitionRow& row, const records::BatchView& batch) {
    if (batch.header.last_offset() < row.gaps_end) return records::check_filtered_records(batch);
    TRY(records::check_records(batch, records::kMaxRecordsSize,
                               row.kind == PartitionKind::Internal ? records::RecordOffsets::Several
                                                                   : records::RecordOffsets::One));
    return {};
  }

  void check_batch(const Known& known, Offset last, std::string_view bytes,
                   const std::optional<Offset>& expected) {
    const std::string place =
        fmt::format("{}, batch that ends at offset {}", known.name, last.value());
    const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc);
    if (!batch) return found(place, batch.error().message);
    if (batch->bytes.size() != bytes.size())
      return found(place, "additional bytes follow the batch");
    if (const Status read = check_records_of(known.row, *batch); !read)
      return found(place, read.error().message);
    counts_.records += static_cast<uint64_t>(batch->header.record_count);
    if (batch->header.last_offset() != last)
      found(place, fmt::format("its header states that it ends at {}",
                               batch->header.last_offset().value()));
    const Offset begin = expected.value_or(known.row.log_start);
    const bool may_be_gap = known.may_have_gaps || batch->header.base_offset <= known.row.gaps_end;
    if (may_be_gap && batch->header.base_offset >= begin) {
      // compaction has removed the missing records
    } else if (expected ? batch->header.base_offset != begin : batch->header.base_offset > begin)
      found(place, fmt::format("offsets {} to {} are missing", begin.value(),
                               batch->header.base_offset.value() - 1));
    if (known.id.topic == kTaskJournal) check_entry(place, bytes);
  }

  // Reports tables of partitions that do not exist.
  Status check_strange_tables() {
    for (const Table& table : log_.tables())
      if (is_partition_table(table.name) && !table_names_.contains(table.name) &&
          !is_being_removed(table.name, ""))
        found("table " + table.name, "it belongs to no partition");
    return {};
  }

  // Checks a table that partitions share. Each key begins with the number of a partition, which
  // must exist.
  Status check_shared_table(std::string_view name) {
    size_t strange = 0;
    TRY(visit(name, [&](const Entry& entry) -> Status {
      if (entry.key.size() != 2 * kOwnerSize) {
        found(fmt::format("table {}", name), "a key is damaged");
        return {};
      }
      const auto known = partitions_.find(load_be<int64_t>(entry.key.data()));
      if (known == partitions_.end())
        strange += is_being_removed(name, entry.key) ? 0 : 1;
      else
        check_shared_row(name, known->second, entry);
      return {};
    }));
    if (strange > 0)
      found(fmt::format("table {}", name),
            fmt::format("{} entries belong to no partition", strange));
    return {};
  }

  void check_shared_row(std::string_view table, const Known& known, const Entry& entry) {
    const std::string place = fmt::format("table {}, {}", table, known.name);
    if (table == kProducersTable) {
      const ProducerId producer{load_be<int64_t>(entry.key.data() + kOwnerSize)};
      const bool can_be_read = is_task_producer(producer)
                                   ? TaskOutputState::decode(entry.value).has_value()
                                   : ProducerState::decode(entry.value).has_value();
      if (!can_be_read) found(place, "the row of a producer is damaged");
    } else if (table != kExchangesTable) {  // the batches of exchanges are checked elsewhere
      // The layout of the rows is described in docs/formats/data-directory.md. The tables of
      // transactions have their offsets in the keys, the others in the values.
      const bool is_of_transactions = table == kTransactionsTable || table == kAbortedTable;
      const size_t numbers = table == kAbortedTable ? 3 : table == kTransactionsTable ? 2 : 1;
      const char* const offset =
          is_of_transactions ? entry.key.data() + kOwnerSize : entry.value.data();
      if (entry.value.size() != numbers * sizeof(int64_t))
        found(place, "a row is damaged");
      else if (load_be<int64_t>(offset) > known.log_end.value())
        found(place, "it points beyond the end");
    }
  }

  // --- Tasks

  // Reads the tasks of the log and their positions in the state. If one of them cannot be read, the
  // entries of journals are not compared with the positions. The check of the state reports damaged
  // positions.
  Status read_tasks() {
    begins("table tasks");
    const auto positions = checkpoint_positions(*data_.state);
    const auto stored = stored_tasks(log_);
    if (!stored) found("table tasks", stored.error().message);
    if (!positions || !stored) return {};
    for (const StoredTask& task : *stored) {
      ++counts_.tasks;
      const auto position = positions->find(task.id);
      tasks_[task.id] = {task.row,
                         position == positions->end() ? TaskSequence{0} : position->second};
    }
    return {};
  }

  // Checks the journal entry in a batch whose checksum is right.
  void check_entry(const std::string& batch_place, std::string_view batch) {
    ++counts_.journal_entries;
    const auto record = read_journal_batch(batch);
    if (!record) return found(batch_place, record.error().message);
    const auto task = tasks_.find(record->task);
    // Entries of a dropped task may remain in a journal, and are not checked.
    if (task == tasks_.end() || record->offset < task->second.row.first_entry) return;
    const std::string place =
        fmt::format("task {}, journal entry {}", record->task, record->sequence.value());
    if (const Status read = options_.read_journal(record->entry); !read)
      found(place, read.error().message);
    TaskSequence& last = task->second.last;
    if (record->sequence > last + 1)
      found(place, fmt::format("entry {} is expected here", last.value() + 1));
    last = std::max(last, record->sequence);
  }

  Status check_that_journals_reach() {
    const auto unreached = unreached_journals(log_, *data_.state);
    if (!unreached) {
      found("the journals", unreached.error().message);
      return {};
    }
    for (const PartitionId journal : *unreached)
      found(name_of(journal_partition(journal), PartitionKind::Internal),
            "it begins after the position that the state contains for it");
    return {};
  }

  LmdbSnapshot& log_;
  DataSnapshot& data_;
  const CheckOptions& options_;
  CheckCounts& counts_;
  std::shared_ptr<const TopicSnapshot> topics_;
  std::vector<Removal> removals_;
  std::map<std::string, KnownTask, std::less<>> tasks_;
  std::map<int64_t, Known> partitions_;  // partitions by log number
  std::set<TopicPartition> ids_;
  std::set<std::string> table_names_;  // tables of the partitions
};

}  // namespace

Status check_log(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts) {
  return LogChecker(data, options, counts).run();
}

}  // namespace storage
