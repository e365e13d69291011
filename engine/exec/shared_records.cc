#include "engine/exec/shared_records.h"

#include <algorithm>
#include <chrono>
#include <ranges>

#include "engine/exec/batch_bytes.h"

namespace engine {

namespace {

// A decoded chunk is kept for a reader only if the reader is at most this far behind it. A chunk for a reader that
// has more records to read would be dropped before the reader reaches it.
constexpr int64_t kNear = 64 * 1024;       // number of records
constexpr size_t kMaxKeptOfOne = 2 << 20;  // bytes; each reader decodes a larger chunk itself
constexpr size_t kBytesOfNothing = 4096;   // approximate overhead of a chunk with one short record
// Longest wait for a chunk that another loop is decoding; decoding takes about a quarter of this time. Other work may
// block a loop for as long anyway.
constexpr std::chrono::milliseconds kLongestWait(2);
// Age from which a chunk may be dropped if memory is needed. A reader that has not reached the
// chunk within this time is paused or waits for another event.
constexpr std::chrono::seconds kLongestKept(1);

bool have_same_types(const Layout& a, const Layout& b) {
  return std::ranges::equal(a, b, {}, &LayoutColumn::type, &LayoutColumn::type);
}

// Returns whether both decoders decode a record in the same way, except for the columns that they leave out.
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

// Returns the chunk reduced to the columns that a reader uses.
DecodedChunk share(const DecodedChunk& chunk, const std::vector<bool>& used, size_t unpack_bytes) {
  DecodedChunk shared{chunk.batch, chunk.next, chunk.failures, unpack_bytes};
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i]) shared.batch.columns[i] = nullptr;
  return shared;
}

}  // namespace

uint64_t SharedRecords::taken() const {
  const std::scoped_lock lock(mutex_);
  return taken_;
}

size_t SharedRecords::kept_bytes() const {
  const std::scoped_lock lock(mutex_);
  return kept_bytes_;
}

std::unique_ptr<SharedRecords::Reader> SharedRecords::join(const PartitionRef& partition,
                                                           RecordDecoder& own, Offset next) {
  const std::scoped_lock lock(mutex_);
  Groups& groups = groups_[partition];
  auto alike = std::ranges::find_if(groups, [&](const std::unique_ptr<Group>& group) {
    return decode_alike(group->readers.front()->own_, own);
  });
  const std::vector<bool>& used = own.decoded();
  if (alike == groups.end()) {
    groups.push_back(std::make_unique<Group>());
    alike = groups.end() - 1;
    (*alike)->partition = partition;
    (*alike)->used = used;
  }
  Group& group = **alike;
  std::unique_ptr<Reader> reader(new Reader(*this, group, own, next));
  group.readers.push_back(reader.get());
  if (!covers(group.used, used)) widen(group, used);
  return reader;
}

// Adds columns to the group. The kept chunks lack the new columns, so they are dropped.
void SharedRecords::widen(Group& group, const std::vector<bool>& used) {
  for (size_t i = 0; i < used.size(); ++i)
    if (used[i]) group.used[i] = true;
  ++group.generation;  // lets a decoding reader see that `used` has changed
  group.decoders.clear();
  for (auto chunk = group.chunks.begin(); chunk != group.chunks.end();)
    chunk = chunk->decoded ? forget(group, chunk) : chunk + 1;
}

void SharedRecords::leave(Reader& reader) {
  const std::scoped_lock lock(mutex_);
  Group& group = reader.group_;
  await_no_more(reader, Offset(INT64_MAX));
  std::erase(group.readers, &reader);
  if (!group.readers.empty()) return;
  const auto groups = groups_.find(group.partition);
  std::erase_if(groups->second, [&](const auto& one) { return one.get() == &group; });
  if (groups->second.empty()) groups_.erase(groups);
}

// Removes the reader from the chunks that begin before `next`. Chunks that no reader awaits are dropped.
void SharedRecords::await_no_more(Reader& reader, Offset next) {
  Group& group = reader.group_;
  for (auto chunk = group.chunks.begin(); chunk != group.chunks.end();) {
    if (chunk->from < next) std::erase(chunk->awaited, &reader);
    chunk = chunk->decoded && chunk->awaited.empty() ? forget(group, chunk) : chunk + 1;
  }
}

std::vector<SharedRecords::Reader*> SharedRecords::those_behind(const Reader& reader, Offset from) {
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
  std::unique_lock lock(mutex_);
  const auto find = [&] { return std::ranges::find(group.chunks, range.from, &Chunk::from); };
  const auto is_decoded = [&] {
    const auto chunk = find();
    return chunk == group.chunks.end() || chunk->decoded;
  };
  if (!is_decoded()) decoded_.wait_for(lock, kLongestWait, is_decoded);

  const auto chunk = find();
  if (chunk == group.chunks.end()) {
    // The range must end at the next existing chunk: readers that read past the first record of a chunk do not find
    // it.
    for (const Chunk& one : group.chunks)
      if (one.from > range.from) range.end = std::min(range.end, one.from);
    if (!those_behind(reader, range.from).empty())
      return decode_for_all(reader, batches, partition, range, cursor, std::move(lock));
  } else if (chunk->decoded) {
    if (const std::shared_ptr<const DecodedChunk> taken = take(reader, range, chunk)) {
      lock.unlock();
      return share(*taken, reader.own_.step().used, range.unpack_bytes);
    }
  }
  lock.unlock();
  return decode_alone(reader, batches, partition, range, cursor);
}

Result<DecodedChunk> SharedRecords::decode_alone(Reader& reader, std::span<const LogBatch> batches,
                                                 int32_t partition, DecodeRange range,
                                                 RecordCursor& cursor) {
  DecodedChunk chunk = TRY(reader.own_.decode(batches, partition, range, cursor));
  const std::scoped_lock lock(mutex_);
  reader.next_ = chunk.next;
  await_no_more(reader, chunk.next);
  return chunk;
}

// Returns whether this reader can use the chunk. The chunk was decoded with all columns that
// readers of the group use. If it contains failures, they may come from a column that this reader
// does not use, so it can use the chunk only if it uses all columns of the group.
bool SharedRecords::is_good_for(const Reader& reader, const DecodedChunk& decoded) {
  return decoded.failures.empty() || reader.group_.used == reader.own_.decoded();
}

// Returns the chunk's records for the reader; null if the chunk does not fit the reader's range.
std::shared_ptr<const DecodedChunk> SharedRecords::take(Reader& reader, const DecodeRange& range,
                                                        Chunks::iterator chunk) {
  std::shared_ptr<const DecodedChunk> decoded = chunk->decoded;
  if (!is_good_for(reader, *decoded) || decoded->next > range.end ||
      decoded->batch.rows > range.max_rows)
    return nullptr;
  ++taken_;
  reader.next_ = decoded->next;
  std::erase(chunk->awaited, &reader);
  if (chunk->awaited.empty()) forget(reader.group_, chunk);
  return decoded;
}

// Decodes all columns that the readers of the group use. Releases the lock while it decodes.
Result<DecodedChunk> SharedRecords::decode_for_all(Reader& reader,
                                                   std::span<const LogBatch> batches,
                                                   int32_t partition, DecodeRange range,
                                                   RecordCursor& cursor,
                                                   std::unique_lock<std::mutex> lock) {
  Group& group = reader.group_;
  const uint64_t generation = group.generation;
  std::unique_ptr<RecordDecoder> decoder = TRY(take_decoder(group));
  group.chunks.push_back({range.from, nullptr, those_behind(reader, range.from)});
  lock.unlock();

  const RecordCursor before = cursor;
  Result<DecodedChunk> chunk = decoder->decode(batches, partition, range, cursor);
  const size_t bytes = kBytesOfNothing + (chunk ? bytes_of(chunk->batch) : 0);
  // The decoder decodes the columns of all tasks of the group, and may have to wait for a schema that only another task
  // needs. The reader then decodes its own columns alone.
  const bool must_wait = chunk && !chunk->waits_for.empty();
  const bool is_to_keep = chunk && !must_wait && chunk->batch.rows > 0 && bytes <= kMaxKeptOfOne;
  if (is_to_keep) chunk->batch = chunk->batch.owned(0);

  lock.lock();
  const bool is_current = generation == group.generation;
  if (is_current) group.decoders.push_back(std::move(decoder));
  const auto place = std::ranges::find(group.chunks, range.from, &Chunk::from);
  Chunk kept = std::move(*place);
  group.chunks.erase(place);
  // Readers that have passed the chunk, because they did not wait for it, no longer need it.
  std::erase_if(kept.awaited, [&](const Reader* one) { return one->next_ > range.from; });
  std::shared_ptr<const DecodedChunk> decoded;
  if (chunk) decoded = std::make_shared<const DecodedChunk>(std::move(*chunk));
  if (is_to_keep && is_current && !kept.awaited.empty() && make_room(group, range.from, bytes)) {
    kept.decoded = decoded;
    kept.bytes = bytes;
    kept.since = std::chrono::steady_clock::now();
    kept_bytes_ += bytes;
    kept_.push_back(&group);
    group.chunks.push_back(std::move(kept));
  }
  decoded_.notify_all();
  if (!chunk) return std::move(chunk).error();
  if (must_wait || (!decoded->failures.empty() && !(is_current && is_good_for(reader, *decoded)))) {
    lock.unlock();
    cursor = before;
    return decode_alone(reader, batches, partition, range, cursor);
  }
  reader.next_ = decoded->next;
  lock.unlock();
  return share(*decoded, reader.own_.step().used, decoded->unpack_bytes_left);
}

Result<std::unique_ptr<RecordDecoder>> SharedRecords::take_decoder(Group& group) {
  if (!group.decoders.empty()) {
    std::unique_ptr<RecordDecoder> decoder = std::move(group.decoders.back());
    group.decoders.pop_back();
    return decoder;
  }
  const RecordDecoder& first = group.readers.front()->own_;
  InputStep step = first.step();
  step.used = group.used;
  step.decodes_all = false;
  return RecordDecoder::make(step, first.layout(), first.options());
}

// Frees memory for a new chunk; returns false if that is impossible. Readers need existing chunks before the new one.
// Therefore existing chunks are dropped only if their readers are too far behind, or have not reached them within
// kLongestKept.
bool SharedRecords::make_room(Group& group, Offset from, size_t bytes) {
  if (kept_bytes_ + bytes <= max_kept_bytes_) return true;
  for (auto chunk = group.chunks.begin(); chunk != group.chunks.end();) {
    std::erase_if(chunk->awaited, [&](const Reader* one) { return from - one->next_ > kNear; });
    chunk = chunk->decoded && chunk->awaited.empty() ? forget(group, chunk) : chunk + 1;
  }
  const auto overdue = std::chrono::steady_clock::now() - kLongestKept;
  while (kept_bytes_ + bytes > max_kept_bytes_) {
    if (kept_.empty()) return false;
    Group& oldest = *kept_.front();
    const auto chunk = std::ranges::find_if(
        oldest.chunks, [](const Chunk& one) { return one.decoded != nullptr; });
    if (chunk->since > overdue) return false;
    forget(oldest, chunk);
  }
  return true;
}

SharedRecords::Chunks::iterator SharedRecords::forget(Group& group, Chunks::iterator chunk) {
  kept_bytes_ -= chunk->bytes;
  kept_.erase(std::ranges::find(kept_, &group));
  return group.chunks.erase(chunk);
}

}  // namespace engine
