#include "server/sql/log_rows/log_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>

#include "engine/formats/schema/schema_text.h"
#include "engine/query/printed_records.h"
#include "records/batch.h"
#include "server/sql/log_rows/record_scan.h"
#include "server/sql/session.h"
#include "storage/log/log_reader.h"

namespace server {

namespace {

// Limit for the notices of one statement, which may call RECORDS for each row of a join.
constexpr size_t kMostNotices = 16;
// Limits for the bytes that are read from a partition at once. The more partitions a call reads, the smaller
// the portion, because one portion of each partition is in memory.
constexpr size_t kLeastPortion = 16 * 1024, kMostPortion = 256 * 1024;
constexpr size_t kRecordsOfChunk = 1'024;

// A key or a value in the form in which it is shown.
struct ShownPart {
  std::optional<std::string> text = {};
  std::string format = {};
  std::optional<int32_t> schema = {};
  std::string error = {};
};

ShownPart shown_part(const std::optional<std::string>& bytes, engine::Side side,
                     engine::SchemaPrinter& printer, const engine::SchemaLookup& schemas) {
  ShownPart part;
  if (!bytes) return part;
  std::string_view rest = *bytes;
  const std::optional<int32_t> id = engine::take_schema_header(rest);
  if (auto shown = printer.show(*bytes)) {
    part.schema = id;
    part.format = shown->format;
    part.text = std::move(shown->text);
    return part;
  }
  engine::FormatGuess guess(side);
  guess.look_at(*bytes);
  part.format = guess.likeliest();
  part.text = guess.show(*bytes);
  if (id && schemas.find_schema(*id)) {
    part.schema = id;
    part.error = fmt::format("the bytes are no record of schema {}", *id);
  } else if (id && part.format == engine::FormatGuess::kUnknown) {
    part.schema = id;
    part.error = fmt::format("schema {} is not in the registry", *id);
  }
  return part;
}

// Makes the columns of records_table() from records.
class ChunkWriter {
 public:
  ChunkWriter(const engine::SchemaLookup& schemas, std::span<const engine::SystemTextFilter> wanted)
      : schemas_(schemas),
        wanted_(wanted),
        keys_(schemas, engine::Side::Key),
        values_(schemas, engine::Side::Value) {
    begin();
  }
  size_t rows() const { return columns_.front()->size(); }
  // Appends the record. Returns the bytes of its texts.
  size_t add(PartitionId partition, const ScannedRecord& record) {
    const ShownPart key = shown_part(record.key, engine::Side::Key, keys_, schemas_);
    const ShownPart value = shown_part(record.value, engine::Side::Value, values_, schemas_);
    size_t column = 0;
    const auto text = [&](const std::optional<std::string>& shown) {
      engine::Column& to = *columns_[column++];
      if (shown)
        to.append_copy(*shown);
      else
        to.append_null();
    };
    const auto text_unless_empty = [&](std::string_view shown) {
      text(shown.empty() ? std::nullopt : std::optional<std::string>(shown));
    };
    const auto number = [&](std::optional<int32_t> id) {
      engine::Column& to = *columns_[column++];
      if (id)
        to.append(*id);
      else
        to.append_null();
    };
    number(partition.value());
    columns_[column++]->append(record.offset.value());
    if (record.timestamp_ms >= 0)
      columns_[column++]->append(record.timestamp_ms);
    else
      columns_[column++]->append_null();
    text(key.text);
    text(value.text);
    text_unless_empty(key.format);
    text_unless_empty(value.format);
    number(key.schema);
    number(value.schema);
    add_headers(*columns_[column++], record.raw_headers);
    text(record.key);
    text(record.value);
    text_unless_empty(record.transaction);
    text_unless_empty(!value.error.empty() ? "value: " + value.error
                      : !key.error.empty() ? "key: " + key.error
                                           : "");
    for (; column < columns_.size(); ++column)
      if (arguments_[column])
        columns_[column]->append(*arguments_[column]);
      else
        columns_[column]->append_null();
    return record.bytes() + (key.text ? key.text->size() : 0) +
           (value.text ? value.text->size() : 0);
  }
  engine::RowsChunk take() {
    engine::RowsChunk chunk{rows(), {columns_.begin(), columns_.end()}};
    begin();
    return chunk;
  }

 private:
  void begin() {
    columns_.clear();
    for (const engine::ColumnDef& column : engine::records_table().columns.columns)
      columns_.push_back(std::make_shared<engine::Column>(column.type));
    // The rows also contain the arguments of RECORDS as hidden columns, since the statement compares these columns with
    // the arguments. Each text is copied once per chunk.
    arguments_.assign(columns_.size(), std::nullopt);
    for (const engine::SystemTextFilter& argument : wanted_)
      arguments_[argument.column] = columns_[argument.column]->heap().add(argument.text);
  }
  static void add_headers(engine::Column& to, std::string_view raw) {
    engine::Column& item = to.child(0);
    records::HeaderReader headers(raw);
    while (const auto header = headers.next()) {
      item.child(0).append_copy(header->key);
      if (header->value)
        item.child(1).append_copy(*header->value);
      else
        item.child(1).append_null();
      item.close_struct();
    }
    to.close_list();
  }

  const engine::SchemaLookup& schemas_;
  const std::span<const engine::SystemTextFilter> wanted_;
  engine::SchemaPrinter keys_, values_;
  std::vector<std::shared_ptr<engine::Column>> columns_;
  // For each column: the text of its argument, if the column is hidden and the call has the
  // argument.
  std::vector<std::optional<std::string_view>> arguments_;
};

Error without_replica(const storage::TopicInfo& topic, PartitionId partition,
                      std::optional<int32_t> leader) {
  return {ErrorCode::NotSupported,
          fmt::format("partition {} of topic \"{}\" has no replica on this node, so RECORDS cannot "
                      "read it here",
                      partition.value(), topic.name),
          leader ? fmt::format("Node {} leads the partition.", *leader) : "",
          "Connect to a node with a replica, or read another partition: RECORDS(..., partition => "
          "0)."};
}

sql::Notice notice_of(const engine::RecordsRequest& request, int64_t records, size_t bytes,
                      const std::deque<RecordScan>& scans) {
  std::vector<std::string> positions;
  for (const RecordScan& scan : scans)
    if (const auto position = scan.position())
      positions.push_back(fmt::format("{}:{}", scan.partition().value(), position->value()));
  const std::string_view end = request.is_newest_first ? "oldest" : "newest";
  sql::Notice notice{
      sql::NoticeLevel::Notice,
      fmt::format("RECORDS has read {} {} ({}) of topic \"{}\", {}", records,
                  records == 1 ? "record" : "records", format_bytes(bytes), request.topic,
                  positions.empty() ? fmt::format("up to the {} one", end) : "and more exist")};
  if (!positions.empty())
    notice.hint = fmt::format("To continue: from_offset => '{}'.", fmt::join(positions, ","));
  return notice;
}

}  // namespace

Result<engine::RowsChunks> LogRows::rows(const engine::SystemTable& table,
                                         const engine::SystemRead& read,
                                         engine::RowsContext& context) const {
  if (engine::is_records_table(table))
    return records(TRY(engine::records_request(read.wanted, context.eval())), read.wanted, context);
  if (engine::is_partitions_table(table)) return partitions(table, read.wanted, context);
  return others_.rows(table, read, context);
}

Status LogRows::move_to_cursor(engine::RecordsRequest& request,
                               const storage::TopicInfo& topic) const {
  request.is_newest_first = false;
  if (!cursor_->first) {
    cursor_->first = {topic.id, PartitionId{0}};
    const bool names_place =
        request.from_offset || !request.positions.empty() || request.from_time_ms;
    if (!names_place) request.from_offset = cursor_->begins_at_end ? INT64_MAX : 0;
    return {};
  }
  if (cursor_->first->topic != topic.id)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("topic \"{}\" was deleted and created again", topic.name)};
  const bool reads_some = !request.positions.empty();
  std::map<int32_t, int64_t> positions;
  for (int32_t number = 0; number < topic.partition_count; ++number)
    if (const auto next = cursor_->next.find(number); next != cursor_->next.end())
      positions[number] = next->second.value();
    else if (!reads_some)
      positions[number] = 0;  // a partition that was added meanwhile
  request.positions = std::move(positions);
  request.from_offset = {};
  request.from_time_ms = {};
  return {};
}

Result<engine::RowsChunks> LogRows::records(engine::RecordsRequest request,
                                            std::span<const engine::SystemTextFilter> wanted,
                                            engine::RowsContext& context) const {
  // The right is checked first, so that a reader without the right does not learn whether the topic exists.
  TRY(check_topic(*image_->users, asker_, request.topic, storage::kMaySelect));
  const storage::TopicInfo* topic = image_->topics->find(request.topic);
  if (!topic)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("topic \"{}\" does not exist", request.topic),
                 {},
                 "SHOW TOPICS lists all topics; their names are case-sensitive."};
  if (request.partition && *request.partition >= topic->partition_count)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("topic \"{}\" has no partition {}: its partitions are 0 to {}",
                             topic->name, *request.partition, topic->partition_count - 1)};
  if (cursor_) TRY(move_to_cursor(request, *topic));

  const auto reader = TRY(storage::LogReader::open(parts_.log));
  std::deque<RecordScan> scans;
  const size_t portion = std::clamp(request.max_bytes / static_cast<size_t>(topic->partition_count),
                                    kLeastPortion, kMostPortion);
  const size_t held = context.held();
  for (PartitionId number{0}; number < PartitionId{topic->partition_count}; ++number) {
    if (request.partition && *request.partition != number.value()) continue;
    std::optional<int64_t> from = request.from_offset;
    if (!request.positions.empty()) {
      const auto position = request.positions.find(number.value());
      if (position == request.positions.end()) continue;
      from = position->second;
    }
    const storage::TopicPartition id{topic->id, number};
    if (!parts_.log.find_partition(id)) {
      if (!parts_.cluster->has_topic(topic->id))
        return Error{ErrorCode::UnknownTopic,
                     fmt::format("topic \"{}\" was just deleted", topic->name)};
      return without_replica(*topic, number, parts_.cluster->leader_of(id));
    }
    TRY(scans.emplace_back(*reader, id, request.is_newest_first, portion)
            .begin(from, request.from_time_ms));
    TRY(scans.back().peek());
    TRY(context.begin());
    TRY(context.add(scans.back().buffered_bytes()));
  }

  const Clock& clock = context.eval().clock;
  const int64_t until_us = clock.monotonic_us() + engine::RecordsRequest::kMostMs * 1000;
  engine::RowsChunks out;
  ChunkWriter writer(parts_.definitions.schemas(), wanted);
  size_t bytes = 0, charged = 0;
  int64_t records = 0;
  while (bytes < request.max_bytes && (records == 0 || clock.monotonic_us() < until_us)) {
    // Takes the newest (or oldest) of the records that are next in their partitions. So the partitions are merged
    // by time, and the records of each partition stay in the order of their offsets.
    RecordScan* chosen = nullptr;
    const ScannedRecord* head = nullptr;
    for (RecordScan& scan : scans) {
      const ScannedRecord* next = TRY(scan.peek());
      if (!next) continue;
      const bool is_before =
          !head || (request.is_newest_first ? next->timestamp_ms > head->timestamp_ms
                                            : next->timestamp_ms < head->timestamp_ms);
      if (is_before) {
        chosen = &scan;
        head = next;
      }
    }
    if (!chosen) break;
    const ScannedRecord record = chosen->take();
    bytes += record.bytes();
    ++records;
    charged += writer.add(chosen->partition(), record);
    if (writer.rows() < kRecordsOfChunk && charged < kMostPortion) continue;
    TRY(context.begin());
    out.push_back(writer.take());
    TRY(context.add(std::exchange(charged, 0)));
  }
  if (writer.rows() > 0) out.push_back(writer.take());
  if (cursor_) {
    cursor_->has_more = false;
    for (const RecordScan& scan : scans) {
      cursor_->next[scan.partition().value()] = scan.next_offset();
      cursor_->has_more = cursor_->has_more || scan.position().has_value();
    }
  }
  if (notices_.size() < kMostNotices) notices_.push_back(notice_of(request, records, bytes, scans));
  context.hold(held);  // this buffer's memory; the caller charges the returned rows
  return out;
}

}  // namespace server
