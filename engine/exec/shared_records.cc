#include "engine/exec/shared_records.h"

#include <algorithm>
#include <ranges>

#include "engine/exec/batch_bytes.h"

namespace engine {

namespace {

// Who is further behind is not waited for: it would find its chunks gone.
constexpr int64_t kNear = 64 * 1024;  // records
// Of all partitions of a loop.
constexpr size_t kMaxKept = 8 << 20;       // bytes
constexpr size_t kMaxKeptOfOne = 2 << 20;  // a chunk of large records is decoded by each

bool have_same_types(const Layout& a, const Layout& b) {
  return std::ranges::equal(a, b, {}, &LayoutColumn::type, &LayoutColumn::type);
}

// Whether both make the same of a record, but for the columns that they leave out.
bool decode_alike(const RecordDecoder& a, const RecordDecoder& b) {
  const InputStep &one = a.step(), &other = b.step();
  return one.topic == other.topic && one.exchange == other.exchange && one.kind == other.kind &&
         one.key_format == other.key_format && one.value_format == other.value_format &&
         one.schema == other.schema && one.window == other.window &&
         one.timestamp == other.timestamp && (one.store >= 0) == (other.store >= 0) &&
         have_same_types(a.layout(), b.layout()) && a.options() == b.options();
}

bool covers(const std::vector<bool>& all, const std::vector<bool>& some) {
  for (size_t i = 0; i < some.size(); ++i)
    if (some[i] && !all[i]) return false;
  return true;
}

// What somebody gets who uses these columns.
DecodedChunk share(const DecodedChunk& chunk, const std::vector<bool>& used, size_t unpack_bytes) {
  DecodedChunk shared{chunk.batch, chunk.next, chunk.failures, unpack_bytes};
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i]) shared.batch.columns[i] = nullptr;
  return shared;
}

}  // namespace

std::unique_ptr<SharedRecords::Reader> SharedRecords::join(const PartitionRef& partition,
                                                           RecordDecoder& own, Offset next) {
  Groups& groups = groups_[partition];
  auto alike = std::ranges::find_if(groups, [&](const std::unique_ptr<Group>& group) {
    return decode_alike(group->readers.front()->own_, own);
  });
  if (alike == groups.end()) {
    groups.push_back(std::make_unique<Group>(Group{partition, {}, {}, {}}));
    alike = groups.end() - 1;
  }
  Group& group = **alike;
  std::unique_ptr<Reader> reader(new Reader(*this, group, own, next));
  group.readers.push_back(reader.get());
  if (group.decoder && !covers(group.decoder->step().used, own.step().used)) group.decoder.reset();
  return reader;
}

void SharedRecords::leave(Reader& reader) {
  Group& group = reader.group_;
  for (size_t i = group.chunks.size(); i-- > 0;) {
    std::erase(group.chunks[i].awaited, &reader);
    if (group.chunks[i].awaited.empty()) drop(group, i);
  }
  std::erase(group.readers, &reader);
  if (!group.readers.empty()) return;
  const auto groups = groups_.find(group.partition);
  std::erase_if(groups->second, [&](const auto& one) { return one.get() == &group; });
  if (groups->second.empty()) groups_.erase(groups);
}

std::vector<SharedRecords::Reader*> SharedRecords::those_behind(const Reader& reader,
                                                                Offset from) const {
  std::vector<Reader*> behind;
  for (Reader* other : reader.group_.readers)
    if (other != &reader && other->next_ <= from && from - other->next_ <= kNear)
      behind.push_back(other);
  return behind;
}

Result<DecodedChunk> SharedRecords::decode(Reader& reader, std::span<const LogBatch> batches,
                                           int32_t partition, DecodeRange range,
                                           RecordCursor& cursor) {
  Group& group = reader.group_;
  const std::vector<bool>& used = reader.own_.step().used;
  const auto decode_alone = [&]() -> Result<DecodedChunk> {
    DecodedChunk chunk = TRY(reader.own_.decode(batches, partition, range, cursor));
    reader.next_ = chunk.next;
    return chunk;
  };
  // A record that cannot be read because of a column which this task does not use is good for it.
  const auto is_good_for_all = [&](const DecodedChunk& chunk) {
    return chunk.failures.empty() || group.decoder->step().used == used;
  };

  const auto known = std::ranges::find(group.chunks, range.from, &Chunk::from);
  if (known != group.chunks.end()) {
    const DecodedChunk& chunk = known->decoded;
    if (!group.decoder || !is_good_for_all(chunk) || chunk.next > range.end ||
        chunk.batch.rows > range.max_rows)
      return decode_alone();
    DecodedChunk shared = share(chunk, used, range.unpack_bytes);
    ++taken_;
    reader.next_ = shared.next;
    std::erase(known->awaited, &reader);
    if (known->awaited.empty()) drop(group, static_cast<size_t>(known - group.chunks.begin()));
    return shared;
  }

  std::vector<Reader*> behind = those_behind(reader, range.from);
  if (behind.empty()) return decode_alone();
  if (!group.decoder) TRY(make_decoder(group));
  const RecordCursor before = cursor;
  DecodedChunk chunk = TRY(group.decoder->decode(batches, partition, range, cursor));
  if (!chunk.waits_for.empty()) {
    cursor = before;
    return decode_alone();
  }
  const size_t bytes = bytes_of(chunk.batch);
  const bool is_good = is_good_for_all(chunk);
  if (chunk.batch.rows > 0 && bytes <= kMaxKeptOfOne) {
    chunk.batch = chunk.batch.owned(0);
    keep(group, {range.from, chunk, std::move(behind), bytes});
  }
  if (!is_good) {
    cursor = before;
    return decode_alone();
  }
  reader.next_ = chunk.next;
  return share(chunk, used, chunk.unpack_bytes_left);
}

// Of the columns that any of its readers uses.
Status SharedRecords::make_decoder(Group& group) {
  for (size_t i = group.chunks.size(); i-- > 0;) drop(group, i);  // they have fewer
  const RecordDecoder& first = group.readers.front()->own_;
  InputStep step = first.step();
  for (const Reader* reader : group.readers)
    for (size_t i = 0; i < step.used.size(); ++i)
      if (reader->own_.step().used[i]) step.used[i] = true;
  group.decoder = TRY(RecordDecoder::make(step, first.layout(), first.options()));
  return {};
}

void SharedRecords::keep(Group& group, Chunk chunk) {
  make_room(chunk.bytes);
  kept_bytes_ += chunk.bytes;
  kept_.push_back(&group);
  group.chunks.push_back(std::move(chunk));
}

void SharedRecords::drop(Group& group, size_t index) {
  kept_bytes_ -= group.chunks[index].bytes;
  group.chunks.erase(group.chunks.begin() + static_cast<ptrdiff_t>(index));
  kept_.erase(std::ranges::find(kept_, &group));
}

void SharedRecords::make_room(size_t bytes) {
  while (!kept_.empty() && kept_bytes_ + bytes > kMaxKept) drop(*kept_.front(), 0);
}

}  // namespace engine
