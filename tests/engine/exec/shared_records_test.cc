// Tests that readers which share decoded records get the same rows as a reader that decodes for
// itself.
#include "engine/exec/shared_records.h"

#include <gtest/gtest.h>

#include <latch>
#include <random>
#include <thread>

#include "records/batch_builder.h"

namespace engine {
namespace {

enum TestColumn : size_t { Id, Page, Seconds, kColumns };
constexpr size_t kSystemColumns = 3;
constexpr int64_t kBatchRecords = 10;

const PartitionRef kPartition{Uuid::random(), PartitionId(3)};

InputStep step_using(const std::vector<size_t>& columns) {
  InputStep step;
  step.topic = "clicks";
  step.key_format.name = "KAFKA";
  step.value_format.name = "JSON";
  step.schema.columns = {{"ID", SqlType(TypeKind::String), ColumnRole::Key},
                         {"PAGE", SqlType(TypeKind::String)},
                         {"SECONDS", SqlType(TypeKind::Integer)}};
  step.used.assign(kColumns + kSystemColumns, false);
  for (const size_t column : columns) step.used[column] = true;
  return step;
}

std::unique_ptr<RecordDecoder> decoder_of(const std::vector<size_t>& columns) {
  const InputStep step = step_using(columns);
  Layout layout;
  for (const ColumnDef& column : step.schema.columns)
    layout.push_back({"C", column.name, column.type});
  layout.push_back({"C", "ROWTIME", SqlType(TypeKind::Bigint)});
  layout.push_back({"C", "ROWPARTITION", SqlType(TypeKind::Integer)});
  layout.push_back({"C", "ROWOFFSET", SqlType(TypeKind::Bigint)});
  return RecordDecoder::make(step, layout, {}).take();
}

// A partition with batches of ten records. The bytes returned by read() are valid until the next
// call or release().
class Partition {
 public:
  void append(int records) {
    for (int i = 0; i < records; ++i) values_.push_back(value(values_.size()));
  }
  // Replaces SECONDS of this record by a text, so that decoding the record fails.
  void spoil(size_t offset) { values_[offset] = R"({"PAGE":"spoilt","SECONDS":"long"})"; }
  int64_t end() const { return static_cast<int64_t>(values_.size()); }
  void compress(records::Codec codec) { codec_ = codec; }

  // Returns the batches from the batch that contains `from` on, as a poll of the log returns them.
  std::vector<LogBatch> read(Offset from) {
    bytes_.clear();
    std::vector<LogBatch> batches;
    for (int64_t base = from.value() / kBatchRecords * kBatchRecords; base < end();
         base += kBatchRecords) {
      records::BatchBuilder builder;
      const int64_t until = std::min(end(), base + kBatchRecords);
      for (int64_t i = base; i < until; ++i)
        builder.append(1000 + i, "k" + std::to_string(i % 7), values_[static_cast<size_t>(i)]);
      bytes_.push_back(std::make_unique<std::string>(builder.finish(codec_)));
      batches.push_back({*bytes_.back(), Offset(base), Offset(until - 1)});
    }
    return batches;
  }
  void release() {
    for (const auto& bytes : bytes_) std::ranges::fill(*bytes, 'x');
  }

 private:
  static std::string value(size_t i) {
    return R"({"PAGE":"page )" + std::to_string(i) + R"(","SECONDS":)" + std::to_string(i) + "}";
  }
  std::vector<std::string> values_;
  std::vector<std::unique_ptr<std::string>> bytes_;
  records::Codec codec_ = records::Codec::None;
};

std::string to_text(const Column& column, size_t row) {
  if (column.is_null(row)) return "null";
  switch (column.type().kind()) {
    case TypeKind::Integer:
      return std::to_string(column.data<int32_t>()[row]);
    case TypeKind::Bigint:
      return std::to_string(column.data<int64_t>()[row]);
    default:
      return std::string(column.data<std::string_view>()[row]);
  }
}

std::string to_text(const DecodedChunk& chunk, const std::vector<bool>& used) {
  std::string text = "next " + std::to_string(chunk.next.value());
  for (const RecordFailure& failure : chunk.failures)
    text += " failed " + std::to_string(failure.offset.value()) + " " + failure.message;
  for (size_t row = 0; row < chunk.batch.rows; ++row) {
    text += "\n" + std::to_string(chunk.batch.offsets[row]) + " at " +
            std::to_string(chunk.batch.timestamps[row]) + " key " +
            to_text(*chunk.batch.columns.back(), row);
    for (size_t i = 0; i < used.size(); ++i)
      if (used[i]) text += ", " + to_text(*chunk.batch.columns[i], row);
  }
  return text;
}

// Reads a partition as a task does, with shared rows. Compares them with the rows of its own
// decoder.
class TestReader {
 public:
  TestReader(SharedRecords& shared, const std::vector<size_t>& columns, Offset next = Offset(0))
      : own_(decoder_of(columns)), alone_(decoder_of(columns)), next_(next) {
    reader_ = shared.join(kPartition, *own_, next);
  }

  void take(Partition& partition, size_t max_rows = 25, Offset end = Offset(INT64_MAX)) {
    DecodeRange range;
    range.from = next_;
    range.end = end;
    range.max_rows = max_rows;
    const std::vector<bool>& used = own_->step().used;
    const std::vector<LogBatch> batches = partition.read(next_);
    auto got = reader_->decode(batches, 3, range, cursor_);
    ASSERT_TRUE(got) << got.error().message;
    RecordCursor fresh;
    // A chunk of several readers may be shorter than the chunk of `alone_`, so only the part that
    // both have is compared.
    range.end = std::min(range.end, got->next);
    const auto wanted = alone_->decode(batches, 3, range, fresh);
    EXPECT_EQ(to_text(*got, used), to_text(*wanted, used));
    EXPECT_LE(got->batch.rows, max_rows);
    for (size_t i = 0; i < used.size(); ++i) EXPECT_TRUE(used[i] || !got->batch.columns[i]) << i;
    next_ = got->next;
  }
  Offset next() const { return next_; }
  std::weak_ptr<const void> unpacked() const { return cursor_.owner(); }
  void leave_batch() { cursor_.finish(); }

 private:
  std::unique_ptr<RecordDecoder> own_, alone_;
  RecordCursor cursor_;
  Offset next_;
  std::unique_ptr<SharedRecords::Reader> reader_;
};

TEST(SharedRecords, are_decoded_by_the_first_and_taken_by_the_others) {
  SharedRecords shared;
  Partition partition;
  partition.append(60);
  TestReader first(shared, {Page}), second(shared, {Seconds, Id}), third(shared, {});
  first.take(partition);
  partition.release();
  EXPECT_GT(shared.kept_bytes(), 0u);
  second.take(partition);
  third.take(partition);
  EXPECT_EQ(shared.taken(), 2u);
  EXPECT_EQ(shared.kept_bytes(), 0u);  // no other reader will need these rows
  third.take(partition);               // the third reader is now ahead of the others
  first.take(partition);
  second.take(partition);
  EXPECT_EQ(shared.taken(), 4u);
}

TEST(SharedRecords, are_not_kept_for_a_single_reader_or_for_one_far_behind_or_ahead) {
  SharedRecords shared;
  Partition partition;
  partition.append(100'100);
  TestReader here(shared, {Page}, Offset(100'000));
  here.take(partition);
  EXPECT_EQ(shared.kept_bytes(), 0u);
  TestReader behind(shared, {Page}, Offset(0)), ahead(shared, {Page}, Offset(100'090));
  here.take(partition);
  EXPECT_EQ(shared.kept_bytes(), 0u);
}

TEST(SharedRecords, unreadable_ones_fail_only_for_readers_of_that_column) {
  SharedRecords shared;
  Partition partition;
  partition.append(30);
  partition.spoil(12);
  for (const bool is_user_first : {false, true}) {
    TestReader pages(shared, {Page}), seconds(shared, {Seconds}), both(shared, {Page, Seconds});
    (is_user_first ? seconds : pages).take(partition);
    (is_user_first ? pages : seconds).take(partition);
    both.take(partition);
  }
}

TEST(SharedRecords, are_shared_by_readers_of_the_same_format) {
  SharedRecords shared;
  Partition partition;
  partition.append(30);
  TestReader stream(shared, {Page});
  InputStep step = step_using({Page});
  step.kind = SourceKind::Table;
  auto table = RecordDecoder::make(step, decoder_of({Page})->layout(), {}).take();
  const auto reader = shared.join(kPartition, *table, Offset(0));
  stream.take(partition);
  EXPECT_EQ(shared.kept_bytes(), 0u);
}

TEST(SharedRecords, are_dropped_with_their_waiting_readers) {
  SharedRecords shared;
  Partition partition;
  partition.append(30);
  TestReader stays(shared, {Page});
  {
    TestReader leaves(shared, {Seconds});
    stays.take(partition);
    EXPECT_GT(shared.kept_bytes(), 0u);
  }
  EXPECT_EQ(shared.kept_bytes(), 0u);
  stays.take(partition);
}

// Each query over small compressed batches used to keep a decompressor with its window, which took gigabytes
// in a server with many queries.
TEST(SharedRecords, keep_no_decompressed_bytes) {
  SharedRecords shared;
  Partition partition;
  partition.compress(records::Codec::Zstd);
  partition.append(30);
  TestReader first(shared, {Page, Seconds}), stands(shared, {Page, Seconds});
  first.take(partition, 5);
  const std::weak_ptr<const void> unpacked = first.unpacked();
  ASSERT_FALSE(unpacked.expired());
  EXPECT_GT(shared.kept_bytes(), 0u);
  first.leave_batch();
  EXPECT_TRUE(unpacked.expired());
  stands.take(partition, 5);
}

TEST(SharedRecords, have_a_bound) {
  SharedRecords shared;
  Partition partition;
  partition.append(4'000);
  TestReader fast(shared, {Page, Seconds}), stands(shared, {Page});
  while (fast.next() < Offset(partition.end())) fast.take(partition, 100);
  EXPECT_LE(shared.kept_bytes(), size_t{8} << 20);
  while (stands.next() < Offset(partition.end())) stands.take(partition, 100);
  EXPECT_EQ(shared.kept_bytes(), 0u);
}

TEST(SharedRecords, are_the_same_however_tasks_come_and_go) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    std::minstd_rand random(seed);
    SharedRecords shared;
    Partition partition;
    partition.append(40);
    std::vector<std::unique_ptr<TestReader>> readers;
    for (int step = 0; step < 1'000; ++step) {
      const auto what = random() % 40;
      if (what == 0 || readers.empty()) {
        std::vector<size_t> columns;
        for (size_t i = 0; i < kColumns + kSystemColumns; ++i)
          if (random() % 2 == 0) columns.push_back(i);
        const auto from = static_cast<int64_t>(random()) % partition.end();
        readers.push_back(std::make_unique<TestReader>(shared, columns, Offset(from)));
      } else if (what == 1) {
        readers.erase(readers.begin() + static_cast<ptrdiff_t>(random() % readers.size()));
      } else if (what < 5) {
        partition.append(static_cast<int>(random() % 30));
        if (random() % 4 == 0) partition.spoil(static_cast<size_t>(partition.end() - 1));
      } else {
        TestReader& reader = *readers[random() % readers.size()];
        const Offset end = random() % 4 == 0 ? reader.next() + static_cast<int64_t>(random() % 20)
                                             : Offset(INT64_MAX);
        reader.take(partition, random() % 8 == 0 ? 1 : 25, end);
        partition.release();
      }
    }
    EXPECT_GT(shared.taken(), 20u);
    readers.clear();
    EXPECT_EQ(shared.kept_bytes(), 0u);
  }
}

TEST(SharedRecords, are_shared_by_loops_that_come_to_them_together) {
  constexpr int kRecords = 20'000;
  SharedRecords shared;
  std::latch all_have_joined(4);
  std::vector<std::thread> loops;
  for (size_t loop = 0; loop < 4; ++loop)
    loops.emplace_back([&, loop] {
      Partition partition;
      partition.append(kRecords);
      partition.spoil(kRecords / 2);
      TestReader steady(shared, {Page}), other(shared, {loop % 2 == 0 ? Seconds : Id});
      std::unique_ptr<TestReader> guest;
      all_have_joined.arrive_and_wait();
      while (other.next() < Offset(kRecords)) {
        steady.take(partition, 500);
        partition.release();
        // `guest` is a reader that leaves and returns, sometimes with columns that the other
        // readers do not use.
        if (steady.next().value() % 1'500 == 0)
          guest = std::make_unique<TestReader>(shared, std::vector<size_t>{Seconds + loop},
                                               steady.next());
        if (guest) guest->take(partition, 500);
        if (steady.next().value() % 2'500 == 0) guest.reset();
        other.take(partition, 500);
        partition.release();
      }
    });
  for (std::thread& loop : loops) loop.join();
  EXPECT_GT(shared.taken(), 100u);
  EXPECT_EQ(shared.kept_bytes(), 0u);
}

}  // namespace
}  // namespace engine
